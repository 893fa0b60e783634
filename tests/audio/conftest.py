"""Fixtures of the audio tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.audio.rig import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Rooms in memory, media on loopback, a data folder."""
    async with World(tmp_path) as world:
        yield world
