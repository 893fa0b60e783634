"""The whole product on a Java Lavalink, alone and beside the built-in node."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.world import LONG, World, staged

URL = os.environ.get("LAVALINK_URL", "")
PASSWORD = os.environ.get("LAVALINK_PASSWORD", "youshallnotpass")
JAVA = f"java=http://:{PASSWORD}@{urlsplit(URL).netloc}"

pytestmark = [
    pytest.mark.heard,
    pytest.mark.skipif(not URL, reason="no Java Lavalink: LAVALINK_URL (with LAVALINK_PASSWORD, VOICE_CA) names none"),
]


@pytest.fixture(params=[JAVA, f"{JAVA} builtin"], ids=["alone", "beside"])
async def world(tmp_path: Path, library: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with staged(tmp_path / "data", library, {"LAVALINK_NODES": request.param}) as stage:
        yield await stage.guild()


async def test_a_guild_plays_the_next_track_follows_and_all_controls_are_heard(world: World) -> None:
    ann = world.people[0]
    since = time.monotonic()
    await world.play(ann, "Low A")
    await world.play(ann, "High E")
    await world.play(ann, "Long")
    await world.music.heard(660, within=8)
    tones = [round(tone.hz, -1) for tone in world.music.tones(since) if tone.length > 0.2]
    assert tones == [440, 660]
    await world.music.heard(LONG, within=8)
    await ann.slash("pause", in_=world.text)
    await world.music.silent(seconds=0.3)
    await ann.slash("resume", in_=world.text)
    await world.music.heard(LONG)
    await world.play(ann, "Top A")
    await ann.slash("seek", in_=world.text, position="0:57")
    await world.music.heard(880, within=12)
    assert not world.chorus.logs(event="node did not answer")
