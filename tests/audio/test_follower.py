"""Streams of a room whose lead plays on a node without taps: heard from a player that follows."""

import json
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio.follower import Follower
from audio.managed import ManagedNode
from audio.node import Node, NodeAddress
from core.enums import PauseReason, Surface
from core.live import Live
from tests import sound
from tests.audio.plain_node import PlainNode
from tests.audio.rig import Ear, tone
from tests.audio.test_pushes import KEY, heard, receiver
from tests.audio.test_voice import Bot, Stage
from tests.waiting import free_port, until

pytestmark = pytest.mark.heard

LOW, RISE, LENGTH = 400.0, 60.0, 40.0
"""A tone that rises by so many Hz a second tells how far on it is."""


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        monkeypatch.setenv("SSL_CERT_FILE", str(stage.discord.ca_file))
        at = np.arange(round(LENGTH * sound.RATE)) / sound.RATE
        wave = 0.3 * np.sin(2 * np.pi * (LOW * at + RISE * at * at / 2))
        sound.write_sound(
            tmp_path / "media" / f"7-{LENGTH}.wav", np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)
        )
        yield stage


@pytest.fixture
async def java(stage: Stage, tmp_path: Path) -> AsyncIterator[PlainNode]:
    node = ManagedNode(tmp_path / "second", media_origins=[stage.media.host.url])
    await node.start()
    assert node.info is not None
    async with PlainNode(NodeAddress("second", node.info.uri, node.info.password)) as plain:
        yield plain
    await node.stop()


@pytest.fixture
async def bot(stage: Stage, java: PlainNode) -> AsyncIterator[Bot]:
    """Its guild's room plays on the plain node, with the built-in one beside it."""
    async with Bot(stage, addresses=[java.address]) as bot:
        await bot.up("java")
        await bot.up("builtin")
        builtin(bot).draining = True
        await stage.play(tone(7, LENGTH), tone(880))
        await until(lambda: stage.hall.current and stage.hall.current.node == "java")
        await until(lambda: len(stage.music.packets) > 50)
        builtin(bot).draining = False
        yield bot


def builtin(bot: Bot) -> Node:
    node = bot.nodes.get("builtin")
    assert node is not None
    return node


def follower(bot: Bot) -> Follower:
    (player,) = [one for one in bot.players.all() if one.ref.room == bot.stage.guild_room]
    return player.broadcast.follower


def behind(stage: Stage, ear: Ear) -> float:
    """Seconds by which the stream is behind the voice channel, by their pitches just now."""
    now = time.monotonic()
    voice = sound.decode([packet.opus for packet in stage.music.since(now - 0.4)][-16:])
    stream = sound.decode([packet for packet, at in zip(ear.packets, ear.times, strict=True) if at > now - 0.4][-16:])
    return float(_pitch(voice) - _pitch(stream)) / RISE if len(stream) > 12 * sound.FRAME else float("inf")


def _pitch(samples: sound.Samples) -> float:
    return sound.frequency(sound.mono(samples)[-8 * sound.FRAME :])


async def together(stage: Stage, ear: Ear, within: float = 8) -> None:
    await until(lambda: abs(behind(stage, ear)) < 0.2, within=within, every=0.1, what="together")


async def test_the_stream_is_heard_and_the_room_stays_where_it_is(stage: Stage, java: PlainNode, bot: Bot) -> None:
    async with Ear(bot, stage.guild_room) as ear:
        await together(stage, ear)
        assert stage.hall.current is not None
        assert stage.hall.current.node == "java"
        assert not java.chorus_keys
        await stage.jukebox.pause(stage.guild_room, stage.actor_of_ann())
        await until(lambda: time.monotonic() - ear.times[-1] > 0.5, what="silence")
        await stage.jukebox.resume(stage.guild_room, stage.actor_of_ann())
        await together(stage, ear)
        await stage.jukebox.seek(stage.guild_room, stage.actor_of_ann(), 20_000)
        await until(lambda: _pitch(sound.decode(ear.packets[-16:])) > LOW + 20 * RISE, every=0.1, what="the seek")
        await together(stage, ear)
        await stage.jukebox.skip(stage.guild_room, stage.actor_of_ann())
        await ear.hears(880)
        await stage.music.heard(880)
        assert not stage.music.gaps(longer_than=1.0)
    await until(lambda: _empty(builtin(bot)), what="nobody listens: it goes")
    assert [play.reason for play in stage.rooms.played] == ["skipped"]


async def _empty(node: Node) -> bool:
    return not await node.players()


async def test_a_drift_is_corrected_by_a_seek(stage: Stage, bot: Bot) -> None:
    async with Ear(bot, stage.guild_room) as ear:
        await together(stage, ear)
        asked = len(stage.media.host.requests)
        position = stage.hall.clock.at(stage.clock.now())
        await builtin(bot).patch(follower(bot).id, {"position": position + 3000})
        await until(lambda: behind(stage, ear) < -1.5, every=0.05, what="ahead")
        await together(stage, ear, within=6)
        assert len(stage.media.host.requests) < asked + 8
        assert stage.hall.clock.at(stage.clock.now()) == pytest.approx(position, abs=8000)


async def test_what_becomes_of_it_never_moves_the_room(stage: Stage, bot: Bot) -> None:
    async with Ear(bot, stage.guild_room) as ear:
        await together(stage, ear)
        version, since = stage.hall.version, time.monotonic()
        await builtin(bot).patch(follower(bot).id, {"track": {"encoded": None}})
        await until(lambda: follower(bot).seen is not None and time.monotonic() > since + 1)
        await together(stage, ear)
        os.kill(_pid(stage), signal.SIGKILL)
        await until(lambda: builtin(bot).health.value == "down", what="its node is gone")
        assert bot.players.status(stage.guild_room) == "playing"
        await bot.up("builtin")
        await together(stage, ear)
        assert stage.hall.version == version
        assert not stage.rooms.played
        assert not stage.music.gaps(since, longer_than=0.3)
        assert stage.hall.paused is not PauseReason.NOBODY


def _pid(stage: Stage) -> int:
    return int(json.loads((stage.folder / "data" / "node.json").read_text())["pid"])


async def test_a_room_on_a_java_node_is_pushed_by_the_player_that_follows(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    port, actor = free_port(), replace(stage.actor, admin=True, place=stage.hall.place, surface=Surface.DISCORD)
    live = Live(stage.rooms, stage.pushes, stage.bus, stage.clock)
    async with receiver(port, tmp_path / "out.flv"):
        await live.push(stage.hall.id, actor, f"rtmp://127.0.0.1:{port}/live/{KEY}")
        await until(lambda: list(bot.players.pushes(stage.hall.id).values()) == ["live"], within=20)
        assert stage.hall.current is not None
        assert stage.hall.current.node == "java"
        await stage.jukebox.skip(stage.hall.id, actor)
        await until(lambda: _recorded(tmp_path / "out.flv") > 60_000, within=20)
    assert any(abs(hz - 880) < 8 for hz in heard(tmp_path / "out.flv"))


def _recorded(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
