"""On a node that cannot join tracks: the next one is sent before the end, and a crossfade becomes a dip; heard."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audio.managed import ManagedNode
from audio.node import NodeAddress
from tests import sound
from tests.audio.plain_node import PlainNode
from tests.audio.rig import broken, tone
from tests.audio.test_voice import Bot, Stage
from tests.waiting import until

pytestmark = pytest.mark.heard


class Java(PlainNode):
    """Remembers the tracks and volumes that it was sent, and when."""

    def __init__(self, node: NodeAddress) -> None:
        super().__init__(node)
        self.sent: list[tuple[float, dict[str, Any]]] = []

    def took(self, body: dict[str, Any]) -> None:
        self.sent.append((time.monotonic(), body))

    def tracks(self) -> list[int]:
        entries = [body.get("track", {}).get("userData", {}).get("entry") for _, body in self.sent]
        return [entry for entry in entries if entry]


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        monkeypatch.setenv("SSL_CERT_FILE", str(stage.discord.ca_file))
        yield stage


@pytest.fixture
async def java(stage: Stage, tmp_path: Path) -> AsyncIterator[Java]:
    node = ManagedNode(tmp_path / "second", media_origins=[stage.media.host.url])
    await node.start()
    assert node.info is not None
    async with Java(NodeAddress("second", node.info.uri, node.info.password)) as plain:
        yield plain
    await node.stop()


@pytest.fixture
async def bot(stage: Stage, java: Java) -> AsyncIterator[Bot]:
    """Rooms play on the plain node alone."""
    async with Bot(stage, addresses=[java.address]) as bot:
        await bot.up("java")
        await bot.up("builtin")
        builtin = bot.nodes.get("builtin")
        assert builtin is not None
        builtin.draining = True
        yield bot


def entry(stage: Stage) -> int:
    return stage.hall.current.entry.id if stage.hall.current else 0


async def test_the_next_track_is_sent_early_and_no_silence_is_heard(stage: Stage, java: Java, bot: Bot) -> None:
    since = time.monotonic()
    await stage.play(tone(440, 4), tone(880, 3), tone(660))
    first = await stage.music.heard(440)
    await stage.music.heard(880, within=8)
    await stage.music.heard(660, within=8)
    assert java.tracks() == [1, 2, 3]
    assert [play.reason for play in stage.rooms.played] == ["finished", "finished"]
    assert not stage.music.gaps(since, longer_than=0.15)
    at = [at for at, body in java.sent if "track" in body]
    assert 3.1 < at[1] - first < 3.85  # before the end of four seconds
    samples = sound.mono(stage.music.samples(first))
    frames = [sound.level(samples[i : i + 4_800]) for i in range(0, 48_000 * 7, 4_800)]
    assert min(frames) > -40


async def test_instead_of_a_crossfade_the_sound_dips(stage: Stage, java: Java, bot: Bot) -> None:
    await stage.jukebox.set_crossfade(stage.guild_room, stage.actor_of_ann(), 3_000)
    await stage.play(tone(440, 4), tone(880))
    await stage.music.heard(440)
    await stage.music.heard(880, within=8)
    assert java.tracks() == [1, 2]
    volumes = [body["volume"] for _, body in java.sent if "volume" in body]
    assert volumes == [100, 0, 0, 100]
    assert stage.hall.volume == 100
    await until(lambda: stage.music.level() > -20, what="the next track at its volume")
    assert not java.chorus_keys


async def test_a_next_that_cannot_be_opened_waits_for_its_turn(stage: Stage, java: Java, bot: Bot) -> None:
    await stage.play(tone(440, 4), broken("missing.wav"), tone(880))
    began = await stage.music.heard(440)
    ended = await stage.music.heard(880, within=10)
    assert ended - began > 3.4
    assert [play.reason for play in stage.rooms.played] == ["finished", "failed"]


async def test_a_pause_and_a_skip_right_after_it_are_obeyed(stage: Stage, java: Java, bot: Bot) -> None:
    await stage.play(tone(440, 4), tone(880), tone(660))
    await stage.music.heard(440)
    await until(lambda: java.tracks() == [1, 2], what="the next track sent")
    await until(lambda: entry(stage) == 2, what="the next track on air")
    await stage.jukebox.pause(stage.guild_room, stage.actor_of_ann())
    await stage.music.silent()
    await stage.jukebox.resume(stage.guild_room, stage.actor_of_ann())
    await stage.music.heard(880)
    await stage.jukebox.skip(stage.guild_room, stage.actor_of_ann())
    await stage.music.heard(660)
    assert entry(stage) == 3


async def test_an_accelerated_track_is_heard_to_its_end(stage: Stage, java: Java, bot: Bot) -> None:
    await stage.play(tone(440, 4), tone(880))
    await stage.jukebox.set_filter(stage.guild_room, stage.actor_of_ann(), '{"timescale": {"speed": 2}}')
    await stage.music.heard(440)
    await stage.music.heard(880, within=8)
    ends = [at for at, body in java.sent if body.get("track", {}).get("userData", {}).get("entry") == 2]
    assert [play.reason for play in stage.rooms.played] == ["finished"]
    assert len(ends) == 1
    assert np.isclose(stage.hall.clock.rate, 2)
