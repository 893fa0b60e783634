"""What people do with the queue by hand, in every mode."""

import asyncio
from collections.abc import Callable

import pytest

from core.enums import EndReason, Loop, Mode
from core.errors import (
    AnotherChannelError,
    ClosedError,
    ForbiddenError,
    NoHistoryError,
    NoSuchEntryError,
    NothingToUndoError,
    OutOfRangeError,
)
from core.ports.tracks import Found
from core.records.results import Asked, Changed, Moved, Removed, Undone
from core.types import CommandId, EntryId, PersonId, Settings, Vote
from tests.core import reference
from tests.core.conftest import ROOM, World
from tests.fakes import track
from tests.waiting import until

DAY = 24 * 3_600_000
ALL = list(Mode)
BY_SEAT = [Mode.FIFO, Mode.DJ]
OTHERS = [Mode.FAIR, Mode.VOTES, Mode.PROPORTIONAL]
HUGE = 10**30


async def fill(guild: World, *, ann: str = "ABCD", ben: str = "VWXYZ") -> dict[str, EntryId]:
    """Both queue their letters; `0` is on air. The ids by title."""
    await guild.voice("ann", "ben", "cyd")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("0")])
    for name, titles in (("ann", ann), ("ben", ben)):
        guild.clock.move(1)
        if titles:
            await guild.jukebox.add(ROOM, guild.member(name), [track(title) for title in titles])
    return {entry.track.title: entry.id for entry in guild.room.entries.values()}


async def upcoming(guild: World) -> str:
    return "".join(await guild.waiting())


# Next, and at a time


async def test_play_next_comes_first_and_in_the_order_in_which_it_was_asked_for(guild: World) -> None:
    await fill(guild)
    dj = guild.member("cyd", dj=True)
    first = await guild.jukebox.add(ROOM, dj, [track("1"), track("2")], next=True)
    await guild.jukebox.add(ROOM, dj, [track("3")], next=True)
    assert first.rank == 1
    assert (await upcoming(guild)).startswith("123")
    with pytest.raises(ForbiddenError, match="play_next"):
        await guild.jukebox.add(ROOM, guild.member("ben"), [track("4")], next=True)


async def test_play_next_unlocks_what_was_promised(guild: World) -> None:
    await fill(guild)
    promised = await guild.reports.lock_next(ROOM)
    next_ = await guild.jukebox.play(ROOM, guild.member("cyd", dj=True), "aria", next=True)
    assert guild.room.locked == next_.entries[0] != promised


async def test_what_is_scheduled_plays_next_when_its_time_has_come_and_not_before(guild: World) -> None:
    await fill(guild, ann="A", ben="")
    now = guild.clock.now()
    later = await guild.jukebox.add(ROOM, guild.member("ben"), [track("L")], at=now + 600_000)
    assert (later.rank, later.wait) == (2, 600_000)
    assert await upcoming(guild) == "AL"
    await guild.jukebox.skip(ROOM, guild.member("cyd", dj=True))
    await guild.jukebox.skip(ROOM, guild.member("cyd", dj=True))
    assert (guild.on_air, await upcoming(guild)) == (None, "L")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("B"), track("C")])
    guild.clock.move(600_000)
    await guild.reports.tick(ROOM)
    await guild.reports.track_ended(
        ROOM, guild.room.current.entry.id if guild.room.current else EntryId(0), EndReason.FINISHED
    )
    assert guild.on_air == "L"


@pytest.mark.parametrize("at", [-1, 7 * DAY + 1, HUGE, -HUGE])
async def test_a_time_is_within_a_week(guild: World, at: int) -> None:
    now = guild.clock.now()
    with pytest.raises(OutOfRangeError):
        await guild.jukebox.add(ROOM, guild.member("ann"), [track("A")], at=now + at)
    assert not guild.room.entries
    await fill(guild)
    assert (await guild.jukebox.add(ROOM, guild.member("ann"), [track("E")], at=now + 7 * DAY)).entries


async def test_a_time_that_passes_while_the_link_is_looked_at_is_now(guild: World) -> None:
    await fill(guild)
    link = "https://example.org/a"
    guild.resolver.remote[link] = Found((track("L"),))
    guild.resolver.gate.clear()
    at = guild.clock.now() + 1_000
    asked = asyncio.create_task(guild.jukebox.play(ROOM, guild.member("ann"), link, at=at))
    await until(lambda: link in guild.resolver.asked)
    guild.clock.move(5_000)
    guild.resolver.gate.set()
    assert (await asked).rank == 1


# Moving


@pytest.mark.parametrize("mode", ALL)
@pytest.mark.parametrize("rank", [1, 3, 9])
async def test_a_dj_puts_an_entry_exactly_there(guild: World, mode: Mode, rank: int) -> None:
    ids = await fill(guild)
    guild.room.mode = mode
    before = await upcoming(guild)
    for title in "AZX":
        moved = await guild.jukebox.move(ROOM, guild.member("cyd", dj=True), ids[title], rank)
        assert moved == Moved(ids[title], title, rank)
        rest, before = before.replace(title, ""), await upcoming(guild)
        assert before[rank - 1] == title
        assert before.replace(title, "")[: rank - 1] == rest[: rank - 1]


@pytest.mark.parametrize("mode", BY_SEAT)
async def test_where_seats_decide_a_move_moves_nothing_else_however_often(guild: World, mode: Mode) -> None:
    ids = await fill(guild)
    guild.room.mode = mode
    order = list(await upcoming(guild))
    dj = guild.member("cyd", dj=True)
    for number in range(60):
        title = "ABCDVWXYZ"[number * 5 % 9]
        order.remove(title)
        order.insert(number % 9, title)
        await guild.jukebox.move(ROOM, dj, ids[title], number % 9 + 1)
        assert await upcoming(guild) == "".join(order)


@pytest.mark.parametrize("mode", ALL)
@pytest.mark.parametrize("rank", [0, -1, 10, HUGE, -HUGE])
async def test_nothing_moves_beyond_the_ends(guild: World, mode: Mode, rank: int) -> None:
    ids = await fill(guild)
    guild.room.mode = mode
    before = await upcoming(guild)
    for actor in (guild.member("cyd", dj=True), guild.member("ann")):
        with pytest.raises(OutOfRangeError) as refused:
            await guild.jukebox.move(ROOM, actor, ids["A"], rank)
        assert (refused.value.low, refused.value.high) == (1, 9)
    assert await upcoming(guild) == before


async def test_a_pin_reaches_down_to_rank_fifty(guild: World) -> None:
    await fill(guild, ann="", ben="")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track(f"A{number}") for number in range(80)])
    last = max(guild.room.entries)
    dj = guild.member("cyd", dj=True)
    with pytest.raises(OutOfRangeError) as refused:
        await guild.jukebox.move(ROOM, dj, last, 51)
    assert refused.value.high == 50
    assert (await guild.jukebox.move(ROOM, dj, last, 50)).rank == 50
    with pytest.raises(OutOfRangeError):
        await guild.jukebox.swap(ROOM, dj, last, sorted(guild.room.entries)[70])


@pytest.mark.parametrize("mode", [Mode.FAIR, Mode.FIFO, Mode.VOTES])
async def test_people_order_their_own_among_themselves(guild: World, mode: Mode) -> None:
    ids = await fill(guild)
    guild.room.mode = mode
    places = [rank for rank, title in enumerate(await upcoming(guild)) if title in "ABCD"]
    moved = await guild.jukebox.move(ROOM, guild.member("ann"), ids["D"], places[1] + 1)
    after = await upcoming(guild)
    assert [after[rank] for rank in places] == ["A", "D", "B", "C"]
    assert moved.rank == after.index("D") + 1
    await guild.jukebox.swap(ROOM, guild.member("ann"), ids["A"], ids["C"])
    after = await upcoming(guild)
    assert [after[rank] for rank in places] == ["C", "D", "B", "A"]
    assert [title for title in after if title in "VWXYZ"] == list("VWXYZ")


async def test_a_better_score_stays_before_ones_own_order(guild: World) -> None:
    ids = await fill(guild)
    guild.room.mode = Mode.VOTES
    await guild.jukebox.vote(ROOM, guild.member("ben"), ids["A"], 1)
    moved = await guild.jukebox.move(ROOM, guild.member("ann"), ids["B"], 1)
    assert moved.rank == 2
    assert (await upcoming(guild))[:2] == "AB"


async def test_others_entries_are_not_theirs_to_move(guild: World) -> None:
    ids = await fill(guild)
    with pytest.raises(ForbiddenError):
        await guild.jukebox.move(ROOM, guild.member("ben"), ids["A"], 1)
    with pytest.raises(ForbiddenError):
        await guild.jukebox.swap(ROOM, guild.member("ben"), ids["V"], ids["A"])
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.move(ROOM, guild.member("ben"), EntryId(HUGE), 1)


@pytest.mark.parametrize("mode", ALL)
async def test_a_dj_swaps_two_entries(guild: World, mode: Mode) -> None:
    ids = await fill(guild)
    guild.room.mode = mode
    before = list(await upcoming(guild))
    first, second = before.index("B"), before.index("Y")
    before[first], before[second] = "Y", "B"
    swapped = await guild.jukebox.swap(ROOM, guild.member("cyd", dj=True), ids["B"], ids["Y"])
    assert list(await upcoming(guild))[: max(first, second) + 1] == before[: max(first, second) + 1]
    assert swapped.rank == second + 1


async def test_jump_plays_it_now_and_takes_the_turn_of_nobody_else(guild: World) -> None:
    ids = await fill(guild)
    await guild.reports.lock_next(ROOM)
    assert (await guild.jukebox.jump(ROOM, guild.member("cyd", dj=True), ids["Y"])).title == "Y"
    assert guild.on_air == "Y"
    assert guild.rooms.played[-1].reason == EndReason.SKIPPED
    with pytest.raises(ForbiddenError):
        await guild.jukebox.jump(ROOM, guild.member("ben"), ids["Z"])
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.jump(ROOM, guild.member("cyd", dj=True), ids["Y"])


# Back


async def test_previous_leads_further_back_each_time_and_loses_nothing(guild: World) -> None:
    await fill(guild, ann="AB", ben="")
    dj = guild.member("cyd", dj=True)
    for _ in range(2):
        guild.clock.move(40_000)
        assert guild.room.current
        await guild.reports.track_started(ROOM, guild.room.current.entry.id, node="n")
        guild.clock.move(40_000)
        await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
    assert guild.on_air == "B"
    assert guild.room.current
    guild.room.current.entry.votes[PersonId("ben")] = Vote(1, guild.clock.now())
    assert await guild.jukebox.previous(ROOM, dj) == Changed(changed=True)
    assert (guild.on_air, await upcoming(guild)) == ("A", "B")
    assert guild.room.entries[max(guild.room.entries)].votes.keys() == {"ben"}
    guild.clock.move(1_000)
    await guild.jukebox.previous(ROOM, dj)
    assert (guild.on_air, await upcoming(guild)) == ("0", "AB")
    with pytest.raises(NoHistoryError):
        await guild.jukebox.previous(ROOM, dj)
    await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
    assert (guild.on_air, await upcoming(guild)) == ("A", "B")
    assert len({play.entry for play in guild.rooms.played}) == len(guild.rooms.played)


async def test_previous_is_asked_of_the_others_and_needs_a_history(guild: World) -> None:
    await fill(guild)
    with pytest.raises(NoHistoryError):
        await guild.jukebox.previous(ROOM, guild.member("ben"))
    await guild.jukebox.skip(ROOM, guild.member("ann"))
    asked = await guild.jukebox.previous(ROOM, guild.member("cyd"))
    assert asked == Asked("previous", 1, 2)
    assert await guild.jukebox.previous(ROOM, guild.member("ben")) == Asked("previous", 2, 2, done=True)
    assert guild.on_air == "0"


# Shuffle


async def test_a_shuffle_changes_the_order_and_keeps_turns_fair(guild: World) -> None:
    await fill(guild, ann="ABCDEFGH", ben="STUVWXYZ")
    before, orders = await upcoming(guild), set[str]()
    for _ in range(4):
        assert await guild.jukebox.shuffle(ROOM, guild.member("cyd", dj=True)) == Changed(changed=True)
        after = await upcoming(guild)
        orders.add(after)
        assert sorted(after) == sorted(before)
        pairs = [after[number : number + 2] for number in range(1, 14, 2)]
        assert all(len({title in "ABCDEFGH" for title in pair}) == 2 for pair in pairs)
    assert len(orders) > 1
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("!")])
    guild.room.mode = Mode.FIFO
    assert (await upcoming(guild)).endswith("!")


async def test_a_shuffle_of_one_is_none(guild: World) -> None:
    await fill(guild, ann="A", ben="")
    assert await guild.jukebox.shuffle(ROOM, guild.member("cyd", dj=True)) == Changed(changed=False)


# Removing


async def test_many_are_removed_at_once_with_those_that_still_wait(guild: World) -> None:
    ids = await fill(guild)
    dj = guild.member("cyd", dj=True)
    assert await guild.jukebox.remove_many(ROOM, dj, [ids["A"], EntryId(999), ids["Z"], ids["A"]]) == Removed(2, "A")
    assert await guild.jukebox.remove_many(ROOM, dj, person=PersonId("ben")) == Removed(4, "V")
    assert await guild.jukebox.remove_many(ROOM, dj, person=PersonId("ben")) == Removed(0)
    for nothing in ([], [ids["A"]]):
        with pytest.raises(NoSuchEntryError):
            await guild.jukebox.remove_many(ROOM, dj, nothing)
    assert await upcoming(guild) == "BCD"


async def test_people_remove_many_of_their_own_or_none(guild: World) -> None:
    ids = await fill(guild)
    with pytest.raises(ForbiddenError):
        await guild.jukebox.remove_many(ROOM, guild.member("ann"), [ids["A"], ids["V"]])
    with pytest.raises(ForbiddenError):
        await guild.jukebox.remove_many(ROOM, guild.member("ann"), person=PersonId("ben"))
    assert await guild.jukebox.remove_many(ROOM, guild.member("ann"), person=PersonId("ann")) == Removed(4, "A")


# Undo

DESTRUCTIVE: dict[str, Callable[[dict[str, EntryId]], tuple[object, ...]]] = {
    "remove": lambda ids: (ids["B"],),
    "remove_many": lambda ids: ([ids["B"], ids["W"]],),
    "clear": lambda _ids: (),
    "shuffle": lambda _ids: (),
    "move": lambda ids: (ids["Z"], 2),
    "swap": lambda ids: (ids["A"], ids["Y"]),
}


@pytest.mark.parametrize("mode", ALL)
@pytest.mark.parametrize("what", DESTRUCTIVE)
async def test_undo_restores_votes_places_and_ids(guild: World, what: str, mode: Mode) -> None:
    ids = await fill(guild)
    dj = guild.member("cyd", dj=True)
    guild.room.mode = mode
    await guild.jukebox.vote(ROOM, dj, ids["B"], 1)
    await guild.jukebox.add(ROOM, dj, [track("N")], next=True)
    await guild.jukebox.move(ROOM, dj, ids["X"], 4)
    before, votes = await upcoming(guild), guild.room.entries[ids["B"]].votes
    await getattr(guild.jukebox, what)(ROOM, dj, *DESTRUCTIVE[what](ids))
    assert await upcoming(guild) != before
    guild.clock.move(29_999)
    undone = await guild.jukebox.undo(ROOM, dj)
    assert undone.kind == ("remove" if what == "remove_many" else what)
    assert await upcoming(guild) == before
    assert guild.room.entries[ids["B"]].votes == votes
    with pytest.raises(NothingToUndoError):
        await guild.jukebox.undo(ROOM, dj)


async def test_undo_is_of_whoever_did_it_or_a_dj_and_for_thirty_seconds(guild: World) -> None:
    ids = await fill(guild)
    ann, ben, dj = guild.member("ann"), guild.member("ben"), guild.member("cyd", dj=True)
    await guild.jukebox.remove(ROOM, ann, ids["A"])
    with pytest.raises(ForbiddenError):
        await guild.jukebox.undo(ROOM, ben)
    assert await guild.jukebox.undo(ROOM, ann) == Undone("remove", 1, "A")
    await guild.jukebox.remove(ROOM, ann, ids["A"])
    assert await guild.jukebox.undo(ROOM, dj) == Undone("remove", 1, "A")
    await guild.jukebox.remove(ROOM, ann, ids["A"])
    guild.clock.move(30_000)
    with pytest.raises(NothingToUndoError):
        await guild.jukebox.undo(ROOM, ann)
    await guild.reports.tick(ROOM)
    assert (guild.room.undo, guild.room.bin) == (None, {})


async def test_the_next_destructive_action_ends_what_could_be_undone(guild: World) -> None:
    ids = await fill(guild)
    dj = guild.member("cyd", dj=True)
    await guild.jukebox.clear(ROOM, dj)
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("N"), track("M")])
    await guild.jukebox.remove(ROOM, dj, max(guild.room.entries))
    assert await guild.jukebox.undo(ROOM, dj) == Undone("remove", 1, "M")
    assert await upcoming(guild) == "NM"
    assert ids["A"] not in guild.room.entries


async def test_an_undone_clear_goes_with_what_came_meanwhile(guild: World) -> None:
    await fill(guild, ann="AB", ben="")
    dj = guild.member("cyd", dj=True)
    assert await guild.jukebox.clear(ROOM, dj) == Removed(2)
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("N")])
    assert await guild.jukebox.undo(ROOM, dj) == Undone("clear", 2)
    assert await upcoming(guild) == "ABN"


async def test_an_undone_stop_plays_on(guild: World) -> None:
    await fill(guild, ann="AB", ben="")
    dj = guild.member("cyd", dj=True)
    await guild.jukebox.stop(ROOM, dj)
    assert await guild.jukebox.undo(ROOM, dj) == Undone("stop", 2)
    assert await upcoming(guild) == "AB"
    await guild.jukebox.join(ROOM, dj)
    assert guild.on_air == "A"


async def test_what_was_played_meanwhile_is_not_moved_back(guild: World) -> None:
    ids = await fill(guild)
    dj = guild.member("cyd", dj=True)
    await guild.jukebox.move(ROOM, dj, ids["Z"], 1)
    await guild.jukebox.skip(ROOM, dj)
    assert guild.on_air == "Z"
    assert (await guild.jukebox.undo(ROOM, dj)).kind == "move"
    assert guild.on_air == "Z"
    assert "Z" not in await upcoming(guild)


async def test_a_repeated_command_undoes_once(guild: World) -> None:
    ids = await fill(guild)
    ann, id_ = guild.member("ann"), CommandId("discord:1")
    await guild.jukebox.remove(ROOM, ann, ids["A"])
    first = await guild.jukebox.undo(ROOM, ann, command_id=id_)
    assert await guild.jukebox.undo(ROOM, ann, command_id=id_) == first


async def test_removing_the_promised_entry_promises_another_and_undo_promises_again(guild: World) -> None:
    await fill(guild)
    dj = guild.member("cyd", dj=True)
    promised = await guild.reports.lock_next(ROOM)
    assert promised is not None
    await guild.jukebox.remove(ROOM, dj, promised)
    assert guild.room.locked not in {None, promised}
    await guild.jukebox.undo(ROOM, dj)
    assert guild.room.locked == promised == reference.order(guild.room, guild.clock.now())[0]


# Closing, loops and modes


async def test_only_djs_add_to_a_closed_queue(guild: World) -> None:
    await fill(guild)
    dj = guild.member("cyd", dj=True)
    with pytest.raises(ForbiddenError):
        await guild.jukebox.close(ROOM, guild.member("ann"), True)
    assert await guild.jukebox.close(ROOM, dj, True) == Changed(changed=True)
    assert await guild.jukebox.close(ROOM, dj, True) == Changed(changed=False)
    with pytest.raises(ClosedError):
        await guild.jukebox.play(ROOM, guild.member("ann"), "aria")
    assert await guild.jukebox.play(ROOM, dj, "aria")
    await guild.jukebox.close(ROOM, dj, False)
    assert await guild.jukebox.play(ROOM, guild.member("ann"), "aria")


async def test_where_djs_order_by_hand_they_alone_add(guild: World) -> None:
    await fill(guild)
    await guild.jukebox.set_mode(ROOM, guild.member("cyd", dj=True), Mode.DJ)
    with pytest.raises(ForbiddenError) as refused:
        await guild.jukebox.play(ROOM, guild.member("ann"), "aria")
    assert refused.value.needs == "dj"
    assert await guild.jukebox.play(ROOM, guild.member("cyd", dj=True), "aria")


async def test_a_loop_plays_the_track_or_the_queue_again(guild: World) -> None:
    await fill(guild, ann="AB", ben="")
    guild.room.settings = Settings()
    dj = guild.member("cyd", dj=True)

    async def end() -> str:
        assert guild.room.current
        await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
        return f"{guild.on_air}{await upcoming(guild)}"

    assert await guild.jukebox.loop(ROOM, dj, Loop.TRACK) == Changed(changed=True)
    assert await guild.jukebox.loop(ROOM, dj, Loop.TRACK) == Changed(changed=False)
    assert [await end(), await end()] == ["0AB", "0AB"]
    await guild.jukebox.skip(ROOM, dj)
    await guild.jukebox.loop(ROOM, dj, Loop.QUEUE)
    assert [await end(), await end(), await end()] == ["BA", "AB", "BA"]
    await guild.jukebox.loop(ROOM, dj, Loop.OFF)
    assert [await end(), await end()] == ["A", "None"]
    with pytest.raises(AnotherChannelError):
        await guild.jukebox.loop(ROOM, guild.member("dan", channel=99), Loop.QUEUE)
