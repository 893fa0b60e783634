"""/filter, /crossfade and the bitrate in the whole product, heard in the voice channel."""

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import sound
from tests.e2e.world import LONG, World, staged
from tests.waiting import until

pytestmark = pytest.mark.heard

NIGHTCORE = LONG * 1.2


@pytest.fixture
async def world(tmp_path: Path, library: Path) -> AsyncIterator[World]:
    async with staged(tmp_path / "data", library) as stage:
        yield await stage.guild()


async def filtered(world: World, **options: Any) -> float:
    """Change the filter; when that was answered."""
    assert "filter is" in await world.said(world.people[0], "filter", **options) or options == {"preset": "off"}
    return time.monotonic()


async def test_a_preset_is_heard_at_once_and_outlives_every_kill(world: World) -> None:
    ann = world.people[0]
    await world.start_long(ann)
    told = await filtered(world, preset="nightcore")
    assert await world.music.heard(NIGHTCORE) - told < 0.5
    await world.panel_says("nightcore")
    await world.chorus.kill()
    await world.music.heard(NIGHTCORE)
    await world.chorus.start()
    await until(lambda: world.discord.gateway.sessions, within=10)
    await world.music.heard(NIGHTCORE)
    await world.told(ann, "filter", "The filter is **nightcore**.")
    os.kill(world.chorus.node_pid, signal.SIGKILL)
    killed = time.monotonic()
    await until(lambda: world.music.since(killed + 0.5), within=10, what="sound from another node")
    back = world.music.since(killed + 0.5)[0].at
    await world.music.heard(NIGHTCORE)
    assert not [tone for tone in world.music.tones(back) if abs(tone.hz - LONG) < 50 and tone.length > 0.1]
    told = await filtered(world, preset="off")
    assert await world.music.heard(LONG) - told < 0.5


async def test_a_filter_of_ones_own_and_one_that_is_none(world: World) -> None:
    ann = world.people[0]
    await world.start_long(ann)
    told = await filtered(world, pitch=1.5)
    assert await world.music.heard(LONG * 1.5) - told < 0.5
    assert "Choose something from 0.25 to 4." in await world.said(ann, "filter", speed=5.0)
    assert "No filter and no setting" in await world.said(ann, "filter", custom='{"echo": {}}')
    await world.music.heard(LONG * 1.5)


async def test_tracks_fade_into_each_other(world: World) -> None:
    ann = world.people[0]
    assert "for 1 s" in await world.said(ann, "crossfade", seconds=1.0)
    await world.said(ann, "loudness", state="off")
    since = time.monotonic()
    await world.play(ann, "Low A")
    await world.play(ann, "Long")
    await world.music.heard(LONG, within=8)
    await until(lambda: world.music.tones(since)[-1].length > 0.5, what="the end of the fade")
    samples = sound.mono(world.music.samples(since))
    steps = [samples[at : at + 4_800] for at in range(0, len(samples) - 4_800, 4_800)]
    turn = np.exp(-2j * np.pi * np.outer([440, LONG], np.arange(4_800)) / 48_000)
    levels = np.array([2 * np.abs(turn @ step) / 4_800 for step in steps])
    loudest = levels.max()
    both = levels[levels.min(axis=1) > 0.1 * loudest]
    assert 6 <= len(both) <= 10, "about a second of both"
    assert np.all(np.abs(np.hypot(*both.T) / loudest - 1) < 0.2)
    assert not world.music.gaps(since, longer_than=0.3)


async def test_the_bitrate_is_that_of_the_channel_and_follows_it(world: World) -> None:
    ann = world.people[0]
    await world.start_long(ann)
    await world.told(world.guild.owner, "settings", "**Bitrate now**: 64 kbit/s")
    wide = _bytes(world)
    world.music.set_bitrate(16_000)
    await world.told(world.guild.owner, "settings", "**Bitrate now**: 16 kbit/s")
    await until(lambda: _bytes(world) < wide / 2, what="smaller packets")
    world.music.set_bitrate(384_000)
    await world.told(world.guild.owner, "settings", "**Bitrate now**: 256 kbit/s")
    await until(lambda: _bytes(world) > wide, what="larger packets")


def _bytes(world: World) -> int:
    """In the latest half second."""
    return sum(len(packet.opus) for packet in world.music.packets[-25:])
