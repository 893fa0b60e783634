"""What becomes of a track that ended: repeated, queued again, or gone; and what was scheduled."""

import pytest

from core.enums import EndReason, Loop, Mode
from core.types import EntryId
from tests.core.conftest import ROOM, World
from tests.fakes import track

MINUTE = 60_000


@pytest.fixture
async def looped(page: World) -> World:
    """Ann's Aria is on air, Ben's Blues waits, and both are there."""
    await page.stream("ann", "ben")
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("Aria")])
    await page.jukebox.add(ROOM, page.visitor("ben"), [track("Blues")])
    await start(page)
    return page


async def start(world: World) -> EntryId:
    """The node plays what is on air."""
    assert world.room.current is not None
    entry = world.room.current.entry.id
    assert await world.reports.track_started(ROOM, entry, node="n")
    return entry


async def finish(world: World, entry: EntryId) -> bool:
    """The node says that an entry ended, after three minutes."""
    world.clock.move(3 * MINUTE)
    return await world.reports.track_ended(ROOM, entry, EndReason.FINISHED)


async def test_a_repeated_track_comes_again_under_another_id(looped: World) -> None:
    looped.room.loop = Loop.TRACK
    await looped.jukebox.vote(ROOM, looped.visitor("ben"), EntryId(1), 1)
    assert await finish(looped, EntryId(1))
    again = await start(looped)
    assert (looped.on_air, await looped.waiting()) == ("Aria", ["Blues"])
    assert again != 1
    assert looped.room.current is not None
    assert [*looped.room.current.entry.votes] == ["ben"]
    assert not await looped.reports.track_ended(ROOM, EntryId(1), EndReason.FINISHED)
    assert len([turn for turn in looped.room.turns.values() if turn.person == "ann"]) == 2


async def test_the_node_joins_a_repetition_by_itself(looped: World) -> None:
    looped.room.loop = Loop.TRACK
    promised = await looped.reports.lock_next(ROOM)
    assert promised is not None
    assert promised not in looped.room.entries
    assert await looped.reports.track_started(ROOM, promised, node="n")
    assert looped.on_air == "Aria"
    assert looped.room.current is not None
    assert looped.room.current.entry.id == promised
    assert [play.title for play in looped.room.history] == ["Aria"]


async def test_a_skip_moves_on_from_a_repeated_track(looped: World) -> None:
    looped.room.loop = Loop.TRACK
    await looped.reports.lock_next(ROOM)
    await looped.jukebox.skip(ROOM, looped.visitor("ann"))
    assert (looped.on_air, await looped.waiting()) == ("Blues", [])


async def test_a_broken_track_is_not_repeated(looped: World) -> None:
    looped.room.loop = Loop.TRACK
    assert await looped.reports.track_failed(ROOM, EntryId(1), "corrupt")
    assert looped.on_air == "Blues"


async def test_in_a_looped_queue_what_ended_waits_again_at_the_end(looped: World) -> None:
    looped.room.loop = Loop.QUEUE
    await looped.jukebox.vote(ROOM, looped.visitor("ben"), EntryId(1), 1)
    assert await finish(looped, EntryId(1))
    assert (looped.on_air, await looped.waiting()) == ("Blues", ["Aria"])
    waiting = next(iter(looped.room.entries.values()))
    assert (waiting.id > 2, waiting.votes, waiting.person) == (True, {}, "ann")
    assert waiting.first_requested_at == looped.clock.now()
    assert await finish(looped, await start(looped))
    assert (looped.on_air, await looped.waiting()) == ("Aria", ["Blues"])


async def test_a_looped_queue_of_one_goes_round(looped: World) -> None:
    looped.room.loop = Loop.QUEUE
    await looped.jukebox.remove(ROOM, looped.visitor("ben"), EntryId(2))
    assert await finish(looped, EntryId(1))
    assert (looped.on_air, await looped.waiting()) == ("Aria", [])


async def test_a_skipped_track_does_not_come_again(looped: World) -> None:
    looped.room.loop = Loop.QUEUE
    await looped.jukebox.skip(ROOM, looped.visitor("ann"))
    assert (looped.on_air, await looped.waiting()) == ("Blues", [])


async def test_a_turn_costs_what_was_heard(looped: World) -> None:
    looped.clock.move(MINUTE)
    assert looped.room.turns[EntryId(1)].airtime == 3 * MINUTE
    await looped.jukebox.skip(ROOM, looped.visitor("ann"))
    assert looped.room.turns[EntryId(1)].airtime == MINUTE
    assert looped.room.turns[EntryId(1)].counted


@pytest.mark.parametrize("mode", Mode)
async def test_scheduled_entries_play_when_their_time_comes(looped: World, mode: Mode) -> None:
    looped.room.mode = mode
    entry = looped.room.entries[EntryId(2)]
    entry.starts_at, looped.room.order = looped.clock.now() + 5 * MINUTE, None
    assert await finish(looped, EntryId(1))
    assert looped.on_air is None
    looped.clock.move(MINUTE)
    await looped.reports.tick(ROOM)
    assert looped.on_air is None
    looped.clock.move(MINUTE)
    await looped.reports.tick(ROOM)
    assert looped.on_air == "Blues"


async def test_what_is_due_is_forced_and_the_house_yields(looped: World) -> None:
    looped.room.fallback = (track("House"),)
    entry = looped.room.entries[EntryId(2)]
    entry.starts_at, looped.room.order = looped.clock.now() + MINUTE, None
    house = await looped.reports.lock_next(ROOM)
    assert house not in looped.room.entries
    looped.clock.move(MINUTE)
    await looped.reports.tick(ROOM)
    assert entry.forced
    assert looped.room.locked == entry.id


async def test_the_mode_changes_in_the_middle(looped: World) -> None:
    await looped.jukebox.add(ROOM, looped.visitor("ann"), [track("Chant"), track("Dirge")])
    await looped.jukebox.vote(ROOM, looped.visitor("ben"), EntryId(4), 1)
    seen: dict[str, list[str]] = {}
    for mode in Mode:
        looped.room.mode = mode
        seen[mode] = await looped.waiting()
    assert seen["fair"] == seen["proportional"] == ["Blues", "Dirge", "Chant"]
    assert seen["fifo"] == seen["dj"] == ["Blues", "Chant", "Dirge"]
    assert seen["votes"] == ["Dirge", "Blues", "Chant"]
