"""The system's clock is set back, again and again: nothing breaks, and nothing is stored that makes no sense."""

import os
from contextlib import suppress

import pytest

from core.errors import ChorusError
from core.room import Room
from db.engine import Database
from db.places import SqlPlaces
from db.shelf import SqlShelf
from tests.db.commands import MovedClock
from tests.db.test_rules import Walk

STEPS = 150
ROUNDS = int(os.environ.get("SOAK", "1"))
JUMPS = [0, 1, 1_000, 30_000, 700_000, -1, -5_000, -700_000, -7_200_000, 86_400_000, -86_400_000]


@pytest.mark.soak
@pytest.mark.timeout(60 * ROUNDS)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_a_clock_that_is_set_back_breaks_nothing(database: Database, seed: int) -> None:
    places = SqlPlaces(database, MovedClock())
    for ref in (await places.lobby(), await places.guild_room(1, 2, "Guild")):
        walk = Walk(database, 1_000 + seed, ref.place)
        versions = [0]
        for _ in range(STEPS):
            before = await walk.rooms.read(ref.room)
            with suppress(ChorusError):
                await walk.next(before)()
            room = await walk.rooms.read(ref.room)
            assert await walk.again().read(ref.room) == room
            assert room.version >= versions[-1]
            versions.append(room.version)
            await check(walk, room)
            walk.clock.time += walk.dice.choice(JUMPS)
        assert versions[-1] > STEPS // 4
        shelf = SqlShelf(database, walk.clock)
        assert all(it.play.heard >= 0 for it in await shelf.history(ref.room, size=500))


async def check(walk: Walk, room: Room) -> None:
    """What people see now makes sense."""
    assert room.clock.at(walk.clock.now()) >= 0
    assert room.current is None or room.current.heard >= 0
    assert all(turn.airtime >= 0 for turn in room.turns.values())
    view = await walk.jukebox.view(room.id, None, size=50)
    assert len({one.id for one in view.upcoming}) == len(view.upcoming)
    waits = [(await walk.jukebox.why(room.id, one.id)).wait for one in view.upcoming[:3]]
    assert all(wait is None or wait >= 0 for wait in waits)
