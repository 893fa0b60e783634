"""Questions that people decide together: every kind by one rule, looked at again whenever anybody comes or goes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enums import EndReason, Guests, Hearing, Mode
from core.errors import (
    ForbiddenError,
    NoHistoryError,
    NoSuchPollError,
    NotListeningError,
    OutOfRangeError,
    PollRunningError,
)
from core.policy import TABLE, Action
from core.records.results import Asked, Changed
from core.room import Room
from core.types import Entry, EntryId, Filter, PersonId, PlaceId, Playing, Poll, Presence, Settings, Vote
from core.voting import needed, why
from tests.core.conftest import GUILD, ROOM, World
from tests.fakes import track

Ask = Callable[[World, str], Awaitable[Any]]

ASK: dict[Action, Ask] = {
    Action.SKIP: lambda world, name: world.jukebox.skip(ROOM, world.member(name)),
    Action.PREVIOUS: lambda world, name: world.jukebox.previous(ROOM, world.member(name)),
    Action.STOP: lambda world, name: world.jukebox.stop(ROOM, world.member(name)),
    Action.SHUFFLE: lambda world, name: world.jukebox.shuffle(ROOM, world.member(name)),
    Action.CLEAR: lambda world, name: world.jukebox.clear(ROOM, world.member(name)),
    Action.VOLUME: lambda world, name: world.jukebox.volume(ROOM, world.member(name), 50),
    Action.FILTER: lambda world, name: world.jukebox.set_filter(ROOM, world.member(name), "nightcore"),
    Action.CROSSFADE: lambda world, name: world.jukebox.set_crossfade(ROOM, world.member(name), 4_000),
    Action.LOUDNESS: lambda world, name: world.jukebox.set_loudness(ROOM, world.member(name), False),
    Action.MODE: lambda world, name: world.jukebox.set_mode(ROOM, world.member(name), "votes"),
}
COMMANDS: dict[Action, tuple[Any, ...]] = {
    Action.VOLUME: ("volume", 50),
    Action.FILTER: ("set_filter", "nightcore"),
    Action.CROSSFADE: ("set_crossfade", 4_000),
    Action.LOUDNESS: ("set_loudness", False),
    Action.MODE: ("set_mode", "votes"),
}
DONE: dict[Action, Callable[[World], bool]] = {
    Action.SKIP: lambda world: world.on_air == "B",
    Action.PREVIOUS: lambda world: world.on_air == "Z",
    Action.STOP: lambda world: world.on_air is None and not world.room.entries,
    Action.SHUFFLE: lambda world: world.room.shuffle is not None,
    Action.CLEAR: lambda world: world.on_air == "A" and not world.room.entries,
    Action.VOLUME: lambda world: world.room.volume == 50,
    Action.FILTER: lambda world: world.room.filter == Filter("nightcore"),
    Action.CROSSFADE: lambda world: world.room.crossfade == 4_000,
    Action.LOUDNESS: lambda world: not world.room.loudness,
    Action.MODE: lambda world: world.room.mode is Mode.VOTES,
}
EVERY = pytest.mark.parametrize("kind", list(ASK))


@pytest.fixture
async def hall(guild: World) -> World:
    """A DJ's guild, A on air after Z, B and C waiting, five people there and a DJ who asked for all of it."""
    guild.room.settings = Settings(dj_role=7)
    await guild.jukebox.add(ROOM, guild.member("dj", dj=True), [track(title) for title in "ZABC"])
    assert guild.room.current
    await guild.reports.track_started(ROOM, guild.room.current.entry.id, node="n")
    guild.clock.move(60_000)
    await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
    await guild.voice("ann", "ben", "cyd", "dan", "eve")
    guild.names()
    return guild


def test_every_poll_of_the_table_is_here() -> None:
    assert {action for action, rule in TABLE.items() if rule.poll} == {*ASK}


@EVERY
async def test_a_question_passes_with_the_votes_that_the_rule_asks_for(hall: World, kind: Action) -> None:
    for number, name in enumerate(("ann", "ben"), 1):
        asked = await ASK[kind](hall, name)
        assert (asked.done, asked.votes, asked.needed) == (False, number, 3)
        assert not DONE[kind](hall)
    assert (await ASK[kind](hall, "cyd")).done
    assert DONE[kind](hall)
    assert hall.room.polls == {}
    assert [it for it in hall.names() if it.startswith("poll")] == [
        "poll.opened",
        *["poll.changed"] * 3,
        "poll.closed",
    ]


@EVERY
async def test_asking_twice_is_asking_once(hall: World, kind: Action) -> None:
    assert (await ASK[kind](hall, "ann")).votes == 1
    hall.names()
    assert (await ASK[kind](hall, "ann")).votes == 1
    assert hall.names() == []
    hall.room.same = {PersonId("ben"): PersonId("ann")}
    assert (await ASK[kind](hall, "ben")).votes == 1
    assert list(hall.room.polls[kind].votes) == ["ann"]


@EVERY
async def test_a_question_passes_when_enough_of_the_others_leave(hall: World, kind: Action) -> None:
    for name in ("ann", "ben"):
        await ASK[kind](hall, name)
    why = await hall.jukebox.why_poll(ROOM, kind)
    assert (why.votes, why.needed, why.electorate, why.missing, why.departures) == (2, 3, 5, 1, 1)
    await hall.voice("ann", "ben", "cyd", "dan")
    assert DONE[kind](hall)


@EVERY
async def test_a_question_passes_when_somebody_deafens(hall: World, kind: Action) -> None:
    for name in ("ann", "ben"):
        await ASK[kind](hall, name)
    await hall.voice("ann", "ben", "cyd", "dan", "eve", deaf="eve")
    assert DONE[kind](hall)


@EVERY
async def test_a_leavers_vote_stops_counting(hall: World, kind: Action) -> None:
    for name in ("ann", "ben"):
        await ASK[kind](hall, name)
    await hall.voice("ben", "cyd", "dan", "eve")
    assert not DONE[kind](hall)
    why = await hall.jukebox.why_poll(ROOM, kind)
    assert (why.votes, why.needed, why.missing, why.departures) == (1, 2, 1, 3)
    await hall.voice("ann", "ben", "cyd", "dan", "eve")
    assert (await hall.jukebox.why_poll(ROOM, kind)).votes == 2


@EVERY
async def test_newcomers_raise_what_is_needed(hall: World, kind: Action) -> None:
    for name in ("ann", "ben"):
        await ASK[kind](hall, name)
    await hall.voice("ann", "ben", "cyd", "dan", "eve", "fay", "gus")
    why = await hall.jukebox.why_poll(ROOM, kind)
    assert (why.needed, why.missing, why.departures) == (4, 2, 3)
    assert not (await ASK[kind](hall, "fay")).done
    assert (await ASK[kind](hall, "gus")).done
    assert DONE[kind](hall)


@EVERY
async def test_a_question_runs_out(hall: World, kind: Action) -> None:
    for name in ("ann", "ben"):
        await ASK[kind](hall, name)
    hall.clock.move(120_000)
    assert (await ASK[kind](hall, "cyd")).votes == 1  # another one is opened
    hall.clock.move(119_999)
    await hall.reports.tick(ROOM)
    assert [*hall.room.polls] == [kind]
    hall.clock.move(1)
    await hall.reports.tick(ROOM)
    assert hall.room.polls == {}
    assert not DONE[kind](hall)
    with pytest.raises(NoSuchPollError):
        await hall.jukebox.why_poll(ROOM, kind)


@EVERY
async def test_votes_that_come_too_late_by_a_departure_do_not_count(hall: World, kind: Action) -> None:
    for name in ("ann", "ben"):
        await ASK[kind](hall, name)
    hall.clock.move(120_000)
    await hall.voice("ann", "ben")
    assert not DONE[kind](hall)
    assert hall.room.polls == {}


@EVERY
async def test_whoever_may_does_it_at_once_and_answers_the_question(hall: World, kind: Action) -> None:
    await ASK[kind](hall, "ann")
    command = COMMANDS.get(kind, (kind.value,))
    done = await getattr(hall.jukebox, command[0])(ROOM, hall.member("dj", dj=True), *command[1:])
    assert not isinstance(done, Asked)
    assert DONE[kind](hall)
    assert hall.room.polls == {}


@EVERY
async def test_the_departed_are_not_asked(hall: World, kind: Action) -> None:
    await ASK[kind](hall, "ann")
    await hall.voice("ben", "cyd", "dan")
    gone = hall.member("ann", channel=None)
    command = COMMANDS.get(kind, (kind.value,))
    with pytest.raises(NotListeningError):
        await getattr(hall.jukebox, command[0])(ROOM, gone, *command[1:])
    assert (await hall.jukebox.why_poll(ROOM, kind)).votes == 0


async def test_questions_about_what_is_on_air_end_with_it_and_the_others_go_on(hall: World) -> None:
    for ask in ASK.values():
        await ask(hall, "ann")
    assert hall.room.current
    await hall.reports.track_ended(ROOM, hall.room.current.entry.id, EndReason.FINISHED)
    assert {*hall.room.polls} == {*ASK} - {Action.SKIP, Action.PREVIOUS}


async def test_one_question_of_a_kind_at_a_time(hall: World) -> None:
    await hall.jukebox.volume(ROOM, hall.member("ann"), 50)
    with pytest.raises(PollRunningError) as refused:
        await hall.jukebox.volume(ROOM, hall.member("ben"), 70)
    assert (refused.value.kind, refused.value.argument) == ("volume", "50")
    await hall.jukebox.set_mode(ROOM, hall.member("ann"), "fifo")
    with pytest.raises(PollRunningError):
        await hall.jukebox.set_mode(ROOM, hall.member("ben"), "votes")
    await hall.jukebox.volume(ROOM, hall.member("dj", dj=True), 120)  # another answer, so the question stays
    assert (await hall.jukebox.why_poll(ROOM, "volume")).argument == "50"
    hall.clock.move(120_000)
    assert isinstance(await hall.jukebox.volume(ROOM, hall.member("ben"), 70), Asked)


async def test_nothing_is_asked_that_cannot_be_done(hall: World) -> None:
    for wrong in (-1, 201, 10**5000, -(10**5000)):
        with pytest.raises(OutOfRangeError):
            await hall.jukebox.volume(ROOM, hall.member("ann"), wrong)
    hall.room.history.clear()
    with pytest.raises(NoHistoryError):
        await hall.jukebox.previous(ROOM, hall.member("ann"))
    assert hall.room.polls == {}


async def test_what_cannot_be_done_any_more_is_not_done(hall: World) -> None:
    for name in ("ann", "ben"):
        await ASK[Action.PREVIOUS](hall, name)
    hall.room.history.clear()
    await hall.voice("ann", "ben")
    assert (hall.on_air, hall.room.polls) == ("A", {})


async def test_likes_speak_against_a_skip_alone(hall: World) -> None:
    assert hall.room.current
    entry = hall.room.current.entry.id
    for name in ("ann", "ben", "cyd", "dan", "eve"):
        await hall.jukebox.vote(ROOM, hall.member(name), entry, 1)
    assert (await hall.jukebox.skip(ROOM, hall.member("ann"))).needed == 3
    await hall.voice(*"abcdefg", "ann", "ben", "cyd", "dan", "eve")
    assert (await hall.jukebox.why_poll(ROOM, "skip")).needed == 6
    for name in "abcdefg":
        await hall.jukebox.vote(ROOM, hall.member(name), entry, 1)
    assert (await hall.jukebox.why_poll(ROOM, "skip")).needed == 7
    assert (await hall.jukebox.shuffle(ROOM, hall.member("ann"))) == Asked("shuffle", 1, 6)


async def test_several_questions_that_pass_at_once_are_all_done(hall: World) -> None:
    for kind in (Action.SKIP, Action.VOLUME, Action.SHUFFLE):
        for name in ("ann", "ben"):
            await ASK[kind](hall, name)
    await hall.voice("ann", "ben")
    assert (hall.on_air in {"B", "C"}, hall.room.volume, hall.room.shuffle is not None) == (True, 50, True)
    assert hall.room.polls == {}


async def test_guests_ask_where_they_may_vote(hall: World) -> None:
    guest = replace(hall.visitor("gil"), place=PlaceId(f"web:{ROOM}"))
    await hall.stream("gil")
    for level, asks in ((Guests.LISTEN, False), (Guests.VOTE, True), (Guests.ADD, True)):
        hall.room.settings = Settings(dj_role=7, guests=level)
        hall.room.polls.clear()
        if asks:
            assert isinstance(await hall.jukebox.shuffle(ROOM, guest), Asked)
        else:
            with pytest.raises(ForbiddenError) as refused:
                await hall.jukebox.shuffle(ROOM, guest)
            assert refused.value.needs == "guests"


async def test_somebody_alone_needs_nobody(guild: World) -> None:
    guild.room.settings = Settings(dj_role=7)
    await guild.voice("ann")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track(title) for title in "ABC"])
    assert await guild.jukebox.shuffle(ROOM, guild.member("ann")) == Changed(changed=True)
    asked = await guild.jukebox.set_mode(ROOM, guild.member("ann"), "fifo")  # the table names DJs alone
    assert asked == Asked("mode", 1, 1, done=True, argument="fifo")
    assert guild.room.mode is Mode.FIFO


@given(st.data())
def test_departures_are_the_fewest_whose_leaving_passes_the_question(data: st.DataObject) -> None:
    """Held against trying every set of people who could leave."""
    names = [PersonId(f"p{number}") for number in range(data.draw(st.integers(1, 7)))]
    some = st.sets(st.sampled_from(names))
    voters, fans = data.draw(some), data.draw(some)
    kind = data.draw(st.sampled_from([Action.SKIP, Action.CLEAR]))
    threshold = data.draw(st.sampled_from([0.05, 0.3, 0.5, 0.75, 1.0]))
    entry = Entry(EntryId(1), track("A"), PersonId("dj"), "dj", GUILD, 0, 0)
    entry.votes = {person: Vote(1, 0) for person in fans}
    room = Room(ROOM, GUILD, "Room", settings=Settings(skip_threshold=threshold), current=Playing(entry))
    room.people = {(it, GUILD): Presence(it, GUILD, Hearing.VOICE, it, 0) for it in names}
    room.polls[kind] = Poll(kind, None, names[0], 0, 100, dict.fromkeys(voters, 0))
    told = why(room, kind, 1)
    assert told.missing == max(0, told.needed - len(voters))

    def passes(gone: tuple[PersonId, ...]) -> bool:
        left = len(names) - len(gone)
        liking = len(fans - {*gone}) if kind is Action.SKIP else 0
        return 0 < needed(left, liking, threshold) <= len(voters)

    silent = [it for it in names if it not in voters]
    sizes = [size for size in range(len(silent) + 1) if any(passes(gone) for gone in combinations(silent, size))]
    assert told.departures == (min(sizes) if sizes else None)
