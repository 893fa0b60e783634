"""A room's player on the real built-in node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.audio.rig import Ear, Rig, World, tone


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as world:
        yield world


@pytest.mark.heard
async def test_a_queued_track_is_heard_from_the_tap(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        assert world.room.current is not None
        assert world.room.current.started_at is not None
        assert world.room.current.node == "builtin"
        assert rig.players.status(world.lobby) == "playing"
        assert rig.players.nodes() == {"builtin": "up"}
