"""What time brings about by itself, asked for in one place."""

import pytest

from core.enums import Leavers
from core.timers import due
from core.types import Settings
from tests.core.conftest import ROOM, World
from tests.fakes import track


@pytest.fixture
async def hall(guild: World) -> World:
    """Ann's and Ben's tracks wait; Cyd listens too."""
    await guild.voice("ann", "ben", "cyd")
    for name in ("ann", "ben"):
        await guild.jukebox.add(ROOM, guild.member(name), [track(f"{name}{number}") for number in (1, 2)])
    return guild


def is_due(world: World) -> bool:
    return due(world.room, world.clock.now())


async def test_nothing_is_due_while_nothing_changes(hall: World) -> None:
    assert not is_due(hall)
    version = hall.room.version
    await hall.reports.tick(ROOM)
    assert hall.room.version == version


async def test_what_was_removed_is_gone_after_half_a_minute(hall: World) -> None:
    await hall.jukebox.clear(ROOM, hall.member("dj", dj=True))
    hall.clock.move(29_999)
    assert not is_due(hall)
    hall.clock.move(1)
    assert is_due(hall)
    await hall.reports.tick(ROOM)
    assert (hall.room.undo, hall.room.bin) == (None, {})
    assert not is_due(hall)


async def test_entries_of_those_who_left_are_parked_until_they_are_back(hall: World) -> None:
    hall.room.settings = Settings(leavers=Leavers.PARK)
    assert await hall.waiting() == ["ben1", "ann2", "ben2"]
    await hall.voice("ann", "cyd")
    assert await hall.waiting() == ["ann2", "ben1", "ben2"]
    await hall.voice("ann", "ben", "cyd")
    assert await hall.waiting() == ["ben1", "ann2", "ben2"]


async def test_entries_of_those_who_left_are_removed_after_a_while(hall: World) -> None:
    hall.room.settings = Settings(leavers=Leavers.REMOVE)
    await hall.voice("ann", "cyd")
    hall.clock.move(599_999)
    await hall.reports.tick(ROOM)
    assert await hall.waiting() == ["ben1", "ann2", "ben2"]
    hall.clock.move(1)
    await hall.reports.tick(ROOM)
    assert await hall.waiting() == ["ann2"]
    assert not is_due(hall)


async def test_keeping_them_unparks_them_at_once(hall: World) -> None:
    admin = hall.member("boss", admin=True)
    await hall.voice("ann", "cyd")
    await hall.jukebox.configure(ROOM, admin, {"leavers": "park"})
    assert await hall.waiting() == ["ann2", "ben1", "ben2"]
    await hall.jukebox.configure(ROOM, admin, {"leavers": "keep"})
    assert await hall.waiting() == ["ben1", "ann2", "ben2"]


async def test_a_scheduled_entry_comes_when_it_is_due(hall: World) -> None:
    at = hall.clock.now() + 60_000
    await hall.jukebox.add(ROOM, hall.member("cyd"), [track("later")], at=at)
    assert (await hall.waiting())[-1] == "later"
    hall.clock.move(59_999)
    assert not is_due(hall)
    hall.clock.move(1)
    assert is_due(hall)
    await hall.reports.tick(ROOM)
    assert (await hall.waiting())[0] == "later"
    assert not is_due(hall)


async def test_a_clock_that_goes_backwards_breaks_nothing(hall: World) -> None:
    await hall.jukebox.skip(ROOM, hall.member("cyd"))
    hall.clock.move(-3_600_000)
    await hall.reports.tick(ROOM)
    await hall.voice("ann", "ben", "cyd", "dan")
    await hall.jukebox.skip(ROOM, hall.member("dan"))
    assert hall.on_air == "ann2"  # her first was hardly heard: no turn
