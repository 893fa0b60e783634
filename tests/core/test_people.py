"""One human reached by several places and identities: heard by all of them, counted once."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enums import Hearing, Surface
from core.errors import OwnEntryError, QueueFullError, TooManyEntriesError
from core.ordering import order_of
from core.people import counting, electorate, identities, is_present, listening
from core.room import Room
from core.types import Actor, Entry, EntryId, PersonId, PlaceId, Playing, Presence, Settings, Vote
from core.view import view
from core.voting import fans
from tests.core.conftest import GUILD, PAGE, ROOM, World
from tests.fakes import track

CHAT = PlaceId("telegram:1")
ANN, PAGE_ANN, CHAT_ANN = PersonId("ann"), PersonId("ann-on-the-page"), PersonId("ann-in-the-chat")
LINKED = {PAGE_ANN: ANN, CHAT_ANN: ANN}


def come(room: Room, person: PersonId, place: PlaceId, hearing: Hearing, *, deaf: bool = False, since: int = 0) -> None:
    room.people[person, place] = Presence(person, place, hearing, person, since, deaf=deaf)


@pytest.fixture
def everywhere(guild: World) -> World:
    """Ann in the voice channel, on the page and in the chat; Ben in the voice channel."""
    guild.room.linked = (CHAT,)
    for person, place, hearing in (
        (ANN, GUILD, Hearing.VOICE),
        (PAGE_ANN, PAGE, Hearing.STREAM),
        (CHAT_ANN, CHAT, Hearing.CHAT),
        (PersonId("ben"), GUILD, Hearing.VOICE),
    ):
        come(guild.room, person, place, hearing, since=guild.clock.now() - 20_000)
    return guild


def test_somebody_reached_three_times_counts_once(everywhere: World) -> None:
    room, now = everywhere.room, everywhere.clock.now()
    assert (len(electorate(room, now)), listening(room), len(counting(room, now))) == (4, 3, 4)
    room.same = LINKED
    assert (electorate(room, now), listening(room), len(counting(room, now))) == ({ANN, "ben"}, 2, 2)
    assert identities(room, CHAT_ANN) == {ANN, PAGE_ANN, CHAT_ANN}
    assert identities(room, None) == set()


def test_any_of_the_ways_will_do(everywhere: World) -> None:
    room, now = everywhere.room, everywhere.clock.now()
    room.same = LINKED
    come(room, ANN, GUILD, Hearing.VOICE, deaf=True)
    assert ANN in electorate(room, now)  # by the stream
    room.people[PAGE_ANN, PAGE].left_at = now - 60_000
    assert ANN in electorate(room, now)  # by the chat
    assert is_present(room, PAGE_ANN, now)
    del room.people[CHAT_ANN, CHAT]
    assert ANN not in electorate(room, now)
    room.people[ANN, GUILD].left_at = now - 1
    assert not is_present(room, PAGE_ANN, now)
    assert ANN in counting(room, now)


async def test_a_question_is_answered_once_by_each_human(everywhere: World) -> None:
    everywhere.room.same = LINKED
    await everywhere.jukebox.add(ROOM, everywhere.member("dj", dj=True), [track("A"), track("B")])
    come(everywhere.room, PersonId("cyd"), GUILD, Hearing.VOICE)
    first = await everywhere.jukebox.skip(ROOM, everywhere.member("ann"))
    chat = Actor(CHAT_ANN, "Ann", CHAT, Surface.TELEGRAM)
    again = await everywhere.jukebox.skip(ROOM, chat)
    assert (first.votes, again.votes, again.done) == (1, 1, False)
    await everywhere.reports.left(ROOM, ANN, GUILD)
    assert (await everywhere.jukebox.why_poll(ROOM, "skip")).votes == 1  # she is there by the page still
    seen = await everywhere.jukebox.view(ROOM, PAGE_ANN)
    assert seen.polls[0].mine
    assert (await everywhere.jukebox.skip(ROOM, everywhere.member("ben"))).done


async def test_ones_own_entries_are_those_of_all_ones_identities(everywhere: World) -> None:
    room, jukebox = everywhere.room, everywhere.jukebox
    room.same = LINKED
    room.settings = Settings(max_entries_per_person=2)
    await jukebox.add(ROOM, everywhere.member("ben"), [track("A")])
    (first,) = (await jukebox.add(ROOM, everywhere.member("ann"), [track("B")])).entries
    chat = Actor(CHAT_ANN, "Ann", CHAT, Surface.TELEGRAM)
    await jukebox.add(ROOM, chat, [track("C")])
    with pytest.raises(TooManyEntriesError):
        await jukebox.add(ROOM, everywhere.member("ann"), [track("D")])
    with pytest.raises(OwnEntryError):
        await jukebox.vote(ROOM, chat, first, 1)
    assert (await jukebox.remove(ROOM, chat, first)).count == 1
    assert [one.mine for one in (await jukebox.view(ROOM, ANN)).upcoming] == [True]


async def test_the_last_word_of_a_human_counts_and_withdraws_the_others(everywhere: World) -> None:
    room, jukebox = everywhere.room, everywhere.jukebox
    room.same = LINKED
    await jukebox.add(ROOM, everywhere.member("ben"), [track("A"), track("B")])
    entry = max(room.entries)
    assert (await jukebox.vote(ROOM, everywhere.member("ann"), entry, 1)).score == 1
    chat = Actor(CHAT_ANN, "Ann", CHAT, Surface.TELEGRAM)
    assert (await jukebox.vote(ROOM, chat, entry, -1)).score == -1
    assert {*room.entries[entry].votes} == {CHAT_ANN}
    assert (await jukebox.view(ROOM, PAGE_ANN)).upcoming[0].my_vote == -1
    assert (await jukebox.vote(ROOM, everywhere.member("ann"), entry, 0)).score == 0
    assert room.entries[entry].votes == {}


async def test_at_most_three_guests_of_an_address_decide_one_human_once(guild: World) -> None:
    await guild.stream("a", "b", "c", "d", "e", address="x")
    guild.clock.move(10_000)
    now = guild.clock.now()
    assert electorate(guild.room, now) == {"a", "b", "c"}
    guild.room.same = {PersonId("c"): PersonId("a"), PersonId("b"): PersonId("a")}
    assert electorate(guild.room, now) == {"a", "d", "e"}
    come(guild.room, PersonId("boss"), GUILD, Hearing.VOICE)
    guild.room.same = {PersonId("a"): PersonId("boss")}
    assert "boss" in electorate(guild.room, now)


PEOPLE = [PersonId(name) for name in "abcdef"]


@st.composite
def rooms(draw: st.DrawFn) -> Room:
    """People with entries and votes, some of them there."""
    person = st.sampled_from(PEOPLE)
    room = Room(ROOM, GUILD, "Room")
    for name in draw(st.sets(person)):
        come(room, name, draw(st.sampled_from([GUILD, PAGE])), Hearing.VOICE)
    for number in range(1, draw(st.integers(1, 8)) + 1):
        entry = Entry(EntryId(number), track(f"t{number}"), draw(person), "x", GUILD, number, number)
        votes = draw(st.dictionaries(person, st.tuples(st.sampled_from([-1, 1]), st.integers(0, 9))))
        entry.votes = {voter: Vote(*vote) for voter, vote in votes.items()}
        room.entries[entry.id] = entry
    room.next_entry = 100
    if draw(st.booleans()):
        room.current = Playing(room.entries.pop(EntryId(1)))
    return room


@st.composite
def links(draw: st.DrawFn) -> dict[PersonId, PersonId]:
    """Some of them are the first ones of their groups."""
    leaders = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True))
    followers = draw(st.sets(st.sampled_from(PEOPLE)))
    return {it: draw(st.sampled_from(leaders)) for it in followers if it not in leaders}


@given(rooms(), links())
def test_linking_leaves_no_trace_and_nobody_counts_twice(room: Room, same: dict[PersonId, PersonId]) -> None:
    now = 60_000
    before = view(room, None, now, size=100)
    room.same, room.order = same, None
    humans = {same.get(it, it) for it in PEOPLE}
    order = order_of(room, now)
    on_air = [room.current.entry] if room.current else []
    for entry in (*room.entries.values(), *on_air):
        tally, own = order.tally(entry), same.get(entry.person, entry.person)
        last: dict[PersonId, Vote] = {}
        for voter, vote in sorted(entry.votes.items(), key=lambda it: (it[1].at, it[0])):
            last[same.get(voter, voter)] = vote
        counted = [vote.value for human, vote in last.items() if human in counting(room, now) and human != own]
        assert (tally.up, tally.down) == (counted.count(1), counted.count(-1))
        assert tally.up + tally.down <= len(humans)
    assert electorate(room, now) <= humans
    assert fans(room) <= humans
    room.same, room.order = {}, None
    assert view(room, None, now, size=100) == before


async def test_a_lowered_limit_takes_nothing_away(guild: World) -> None:
    """What is over it waits, plays and can be voted for; only adding is refused, with the new number."""
    ann = guild.member("ann")
    await guild.jukebox.add(ROOM, ann, [track(title) for title in "ABCDE"])
    guild.room.settings = Settings(max_entries_per_person=50)
    guild.room.limits = replace(guild.room.limits, entries_per_person=2, queue=3, length=200_000)
    with pytest.raises(QueueFullError) as full:
        await guild.jukebox.add(ROOM, guild.member("ben"), [track("F")])
    assert full.value.limit == 3
    assert len(guild.room.entries) == 4
    entry = max(guild.room.entries)
    assert (await guild.jukebox.vote(ROOM, guild.member("ben"), entry, 1)).score == 1
    for title in "EBC":
        assert (await guild.jukebox.skip(ROOM, ann)).done
        assert guild.on_air == title
    assert (await guild.jukebox.add(ROOM, ann, [track("F"), track("G")])).dropped == 1
    with pytest.raises(TooManyEntriesError) as mine:  # the place chose 50, the plan says 2
        await guild.jukebox.add(ROOM, ann, [track("H")])
    assert mine.value.limit == 2
    assert guild.room.settings.max_entries_per_person == 50
