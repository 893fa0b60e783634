"""Rooms heard in voice channels: the real discord.py, the built-in node, Discord on loopback."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import discord
import pytest

from audio.managed import ManagedNode
from audio.node import NodeAddress
from audio.voice import Voice
from audio.voice_data import CLOSED, Rejoin, VoiceData, after_close
from core.enums import Hearing, Surface
from core.events import OutputChanged
from core.room import Room
from core.types import Actor, PersonId, Presence, RoomId, Track
from tests import sound
from tests.audio.rig import Rig, World, tone
from tests.contract.test_discord_simulator import INTENTS, running
from tests.simulators.discord import DiscordSimulator, Guild, StageChannel, VoiceChannel
from tests.waiting import until

pytestmark = pytest.mark.heard


class Stage(World):
    """A guild with a music channel beside the rest of the world; `dave`: its version of end-to-end encryption.

    With any, Ann is in the channel, and what is heard there is what she can decrypt.
    """

    dave = 0
    discord: DiscordSimulator
    guild: Guild
    music: VoiceChannel
    guild_room: RoomId

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.discord = await self._stack.enter_async_context(DiscordSimulator.start(dave=self.dave))
        self.guild = self.discord.guild("Testers")
        self.music = self.guild.voice_channel("Music")
        if self.dave:
            await self.guild.member("Ann").join(self.music)
        ref = await self.places.guild_room(self.discord.bot.id, self.guild.id, "Testers")
        self.guild_room = ref.room
        return self

    @property
    def hall(self) -> Room:
        return self.rooms.rooms[self.guild_room]

    def actor_of_ann(self) -> Actor:
        return Actor(PersonId("ann"), "Ann", self.hall.place, Surface.DISCORD, voice_channel=self.music.id, dj=True)

    async def play(self, *tracks: Track) -> None:
        """Ann, in the music channel, asks for tracks."""
        actor = self.actor_of_ann()
        present = Presence(actor.person, self.hall.place, Hearing.VOICE, "Ann", self.clock.now())
        await self.jukebox.add(self.guild_room, actor, tracks)
        await self.reports.people(self.guild_room, self.hall.place, [present])


class Bot(Rig):
    """A rig with a Discord client."""

    def __init__(self, stage: Stage, *, addresses: Sequence[NodeAddress] = ()) -> None:
        super().__init__(stage, addresses=addresses, user_id=stage.discord.bot.id)
        self.stage = stage
        self.client = discord.Client(intents=INTENTS, guild_ready_timeout=0.05)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(running(self.stage.discord, self.client))
        await self.players.attach_discord(self.client)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running:
            await super().__aexit__()
            await self._stack.aclose()

    async def crash(self) -> None:
        self.players.detach_discord()
        await super().crash()
        await self._stack.aclose()


@pytest.fixture
def dave() -> int:
    """Most tests are about other things than keys: those that change the connection ask for 1."""
    return 0


@pytest.fixture
async def stage(tmp_path: Path, dave: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(Stage, "dave", dave)
    async with Stage(tmp_path) as stage:
        monkeypatch.setenv("SSL_CERT_FILE", str(stage.discord.ca_file))
        yield stage


def lost(stage: Stage) -> list[str]:
    found = [event for event in stage.rooms.events if isinstance(event, OutputChanged)]
    return [event.reason for event in found if event.channel is None]


async def test_a_track_is_heard_in_the_channel_and_another_after_it(stage: Stage) -> None:
    async with Bot(stage) as bot:
        await stage.play(tone(440, 3), tone(880))
        await stage.music.heard(440)
        await stage.music.heard(880, within=8)
        assert bot.players.status(stage.guild_room) == "playing"
        assert not stage.music.gaps(longer_than=0.2)


async def test_voice_closes_of_every_kind_end_in_music(stage: Stage) -> None:
    async with Bot(stage):
        await stage.play(tone(440))
        await stage.music.heard(440)
        for code in (4006, 4009, 4015, 1001):
            session = stage.music.bot_session
            assert session is not None
            await session.close(code)
            closed = time.monotonic()
            await until(lambda at=closed: len(stage.music.since(at + 0.5)) > 10, what=f"packets after {code}")
            await stage.music.heard(440)
        assert not stage.rooms.played


async def test_being_kicked_is_told_and_the_queue_kept(stage: Stage) -> None:
    async with Bot(stage) as bot:
        await stage.play(tone(440), tone(880))
        await stage.music.heard(440)
        await stage.guild.bot.leave()
        await until(lambda: lost(stage) == ["kicked"])
        assert stage.hall.voice_channel is None
        assert len(stage.hall.entries) == 1
        assert bot.client.voice_clients == []
        await until(lambda: bot.players.status(stage.guild_room) == "kicked")
    async with Bot(stage) as again:
        await until(lambda: again.players.status(stage.guild_room) == "kicked", what="a restart does not forget why")
        await stage.reports.voice_moved(stage.guild_room, stage.music.id)
        await stage.music.heard(440)
        assert again.players.status(stage.guild_room) == "playing"


async def test_a_deleted_channel_is_told_as_such(stage: Stage) -> None:
    async with Bot(stage):
        await stage.play(tone(440))
        await stage.music.heard(440)
        await stage.guild.delete_channel(stage.music)
        await until(lambda: lost(stage))
        assert lost(stage)[0] in {"channel_deleted", "kicked"}


@pytest.mark.parametrize("server_first", [False, True])
async def test_being_moved_is_followed(stage: Stage, server_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node has to name the channel, or an encrypted one lets it into no group."""
    monkeypatch.setattr("audio.voice.MOVE_TIMEOUT", 0.5)
    async with Bot(stage) as bot:
        other = stage.guild.voice_channel("Other")
        await stage.play(tone(440))
        await stage.music.heard(440)
        await stage.guild.bot.move(other, server_first=server_first)
        await until(lambda: stage.hall.voice_channel == other.id)
        await until(lambda: names(bot, other), what="the node knows the channel")
        await other.heard(440)


async def names(bot: Bot, channel: VoiceChannel) -> bool:
    """Whether the node is connected, and knows to which channel."""
    player = await player_of(bot)
    return player["state"]["connected"] and player["voice"]["channelId"] == str(channel.id)


@pytest.mark.parametrize(("denied", "reason"), [("connect", "no_connect"), ("speak", "no_speak")])
async def test_a_channel_that_may_not_be_used_is_told(stage: Stage, denied: str, reason: str) -> None:
    async with Bot(stage):
        stage.music.deny(stage.guild.everyone, denied)
        await stage.discord.gateway.flush()
        await stage.play(tone(440))
        await until(lambda: lost(stage) == [reason])


async def test_leaving_stops_the_channel(stage: Stage) -> None:
    async with Bot(stage):
        await stage.play(tone(440))
        await stage.music.heard(440)
        await stage.reports.voice_lost(stage.guild_room, "idle")
        await until(lambda: stage.guild.bot.voice is None)


@pytest.mark.parametrize("dave", [1])
async def test_a_killed_node_is_replaced_and_heard_in_the_same_channel(stage: Stage) -> None:
    async with Bot(stage) as bot:
        await stage.play(tone(440))
        await stage.music.heard(440)
        assert bot.managed is not None
        assert bot.managed.info is not None
        os.kill(bot.managed.info.pid, signal.SIGKILL)
        killed = time.monotonic()
        await until(lambda: len(stage.music.since(killed + 0.3)) > 10, what="packets")
        assert stage.music.since(killed + 0.3)[0].at - killed < 3.0
        await stage.music.heard(440)


@pytest.mark.parametrize("dave", [1])
async def test_a_restarted_bot_goes_on_in_the_channel(stage: Stage) -> None:
    first = Bot(stage)
    async with first:
        await stage.play(tone(440))
        await stage.music.heard(440)
        crashed = time.monotonic()
        await first.crash()
    async with Bot(stage):
        await asyncio.sleep(1)
        await stage.music.heard(440)
        longest = max((gap.length for gap in stage.music.gaps(crashed)), default=0.0)
        assert longest < 0.15, f"{longest} s of silence"
        assert not stage.rooms.played


@pytest.mark.parametrize("dave", [1])
async def test_a_restarted_bot_whose_voice_session_is_another_enters_anew(stage: Stage) -> None:
    """Where Discord does not keep it: op 4 again, the old connection closed with 4006, what it still sends unheard."""
    first = Bot(stage)
    async with first:
        await stage.play(tone(440))
        await stage.music.heard(440)
        began, start = time.monotonic(), await position(first)
        await first.crash()
    old, voice = stage.music.bot_session, stage.guild.bot.voice
    assert old is not None
    assert voice is not None
    voice.session_id = "of another connection"
    async with Bot(stage) as bot:
        await until(lambda: stage.music.bot_session not in {None, old}, what="a new voice session")
        await stage.music.heard(440)
        assert old.close_code == 4006
        new = stage.music.bot_session
        assert new is not None
        first_new = next(packet.at for packet in stage.music.packets if packet.ssrc == new.ssrc)
        assert all(packet.ssrc == new.ssrc for packet in stage.music.since(first_new)), "the old SSRC is heard no more"
        assert max((gap.length for gap in stage.music.gaps(began)), default=0.0) < 0.5
        assert abs(await position(bot) - start - (time.monotonic() - began) * 1000) < 500
        assert not stage.rooms.played


@pytest.mark.parametrize("dave", [1])
@pytest.mark.parametrize("kept", [True, False])
async def test_a_drained_nodes_room_goes_on_in_its_channel_by_the_other(
    stage: Stage, tmp_path: Path, kept: bool
) -> None:
    """One voice session, handed from one node to the other: the former's connection ends with 4006, and that is all.

    Where Discord does not let another connection have it (`kept` is False): op 4 again.
    """
    other = ManagedNode(tmp_path / "second", media_origins=[stage.media.host.url])
    await other.start()
    assert other.info is not None
    try:
        second = NodeAddress("second", other.info.uri, other.info.password)
        async with Bot(stage, addresses=[second]) as bot:
            await bot.up("second")
            bot.nodes.drain({"second"})
            await stage.play(tone(440))
            await stage.music.heard(440)
            old, began, start = stage.music.bot_session, time.monotonic(), await position(bot)
            assert old is not None
            token = stage.discord.voice.grants[stage.guild.id].token
            stage.discord.faults.voice_close_codes += [] if kept else [4006]
            bot.nodes.drain({"builtin"})
            bot.players.wake()
            await until(lambda: stage.hall.current and stage.hall.current.node == "second", what="it has moved")
            await until(lambda: not old.open)
            await stage.music.heard(440)
            assert old.close_code == 4006
            await asyncio.sleep(1.0)  # whatever the former node says of it does nothing
            await stage.music.heard(440)
            assert len(stage.discord.voice.connections) == 2
            assert (stage.discord.voice.grants[stage.guild.id].token == token) is kept
            assert {packet.ssrc for packet in stage.music.since(time.monotonic() - 0.5)} != {old.ssrc}
            assert max((gap.length for gap in stage.music.gaps(began)), default=0.0) < (0.6 if kept else 2.0)
            assert abs(await position(bot) - start - (time.monotonic() - began) * 1000) < 600
            assert not stage.rooms.played
    finally:
        await other.stop()


CODES = [1000, 1001, 1006, *range(4000, 4007), 4009, 4011, 4012, *range(4014, 4018), *range(4020, 4023)]
"""What Discord documents, and what else a websocket may close with."""


async def player_of(bot: Bot) -> dict[str, Any]:
    """As the node shows it."""
    node = next(iter(bot.players.all())).node
    assert node is not None
    player = await node.player(next(iter(bot.players.all())).id)
    assert player is not None
    return player


async def position(bot: Bot) -> int:
    """Where the node is, in ms."""
    return (await player_of(bot))["state"]["position"]


@pytest.mark.timeout(150)
async def test_every_close_code_ends_in_music_where_it_would_have_been(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.voice.REJOIN_DELAYS", (0.0,))
    monkeypatch.setattr("audio.voice_data.CLOSED", {code: Rejoin(min(it.delay, 0.5)) for code, it in CLOSED.items()})
    async with Bot(stage) as bot:
        await stage.play(tone(440, 180))
        await stage.music.heard(440)
        for code in CODES:
            began, start = time.monotonic(), await position(bot)
            session = stage.music.bot_session
            assert session is not None
            closed = time.monotonic()
            if code == 1006:
                session.abort()
            else:
                await session.close(code)
            await until(lambda at=closed: len(stage.music.since(at + 0.6)) > 10, what=f"packets after {code}")
            await stage.music.heard(440)
            asked = time.monotonic()
            ran, passed, known = await position(bot) - start, (asked - began) * 1000, (time.monotonic() - began) * 1000
            silent = sum(gap.length for gap in sound.gaps(stage.music.arrivals(began), longer_than=0.03)) * 1000
            assert passed - silent - 200 < ran < known + 100, f"{code}: {ran} of {passed} ms"  # it waits while unheard
        assert not stage.rooms.played
        assert [it.reason for it in stage.rooms.events if isinstance(it, OutputChanged) and it.channel is None] == []


@pytest.mark.parametrize("dave", [1])
@pytest.mark.parametrize(("code", "away"), [(4014, 0.0), (4015, 0.3), (1001, 1.0)])
async def test_another_voice_server_is_followed(stage: Stage, code: int, away: float) -> None:
    async with Bot(stage) as bot:
        await stage.play(tone(440))
        await stage.music.heard(440)
        began, start = time.monotonic(), await position(bot)
        old = stage.music.bot_session
        await stage.discord.voice.relocate(stage.guild, code, away=away)
        await until(lambda: stage.music.bot_session is not old and stage.music.bot_session, what="the new server")
        await stage.music.heard(440)
        assert max((gap.length for gap in stage.music.gaps(began)), default=0.0) < away + 1.5
        assert abs(await position(bot) - start - (time.monotonic() - began) * 1000) < 300
        assert not stage.rooms.played


async def on_stage(stage: Stage, *permissions: str, deny: Sequence[str] = ()) -> StageChannel:
    """The room's channel is a stage."""
    channel = stage.guild.stage_channel("Stage")
    for name in permissions:
        channel.allow(stage.guild.bot, name)
    for name in deny:
        channel.deny(stage.guild.bot, name)
    stage.music = channel
    await stage.discord.gateway.flush()
    await stage.play(tone(440))
    return channel


async def test_on_a_stage_a_moderator_speaks_by_itself(stage: Stage) -> None:
    async with Bot(stage) as bot:
        channel = await on_stage(stage, "mute_members")
        await channel.heard(440)
        assert stage.guild.bot.voice is not None
        assert stage.guild.bot.voice.speaker
        await until(lambda: bot.players.status(stage.guild_room) == "playing")


async def test_on_a_stage_others_ask_and_say_that_nobody_hears_them(stage: Stage) -> None:
    async with Bot(stage) as bot:
        channel = await on_stage(stage)
        await until(lambda: stage.guild.bot.voice and stage.guild.bot.voice.asked_to_speak, what="a raised hand")
        await until(lambda: bot.players.status(stage.guild_room) == "audience")
        assert channel.packets == []
        await stage.guild.bot.speaker()
        await channel.heard(440)
        await until(lambda: bot.players.status(stage.guild_room) == "playing")
        await stage.guild.bot.speaker(on=False)
        await until(lambda: bot.players.status(stage.guild_room) == "audience")
        await until(lambda: stage.guild.bot.voice and stage.guild.bot.voice.asked_to_speak, what="asked again, once")
        asked = [it for it in stage.discord.requests if it.path.endswith("/voice-states/@me")]
        assert [it.status for it in asked] == [204, 204]


async def test_a_moderator_that_is_put_back_does_not_force_itself_on_the_stage(stage: Stage) -> None:
    async with Bot(stage):
        channel = await on_stage(stage, "mute_members")
        await channel.heard(440)
        await stage.guild.bot.speaker(on=False)
        await until(lambda: stage.guild.bot.voice and stage.guild.bot.voice.asked_to_speak, what="a raised hand")
        assert not stage.guild.bot.voice or not stage.guild.bot.voice.speaker


async def test_who_may_not_even_ask_is_told_to_be_invited(stage: Stage) -> None:
    async with Bot(stage) as bot:
        channel = await on_stage(stage, deny=("request_to_speak", "speak"))
        await until(lambda: bot.players.status(stage.guild_room) == "audience")
        await stage.guild.bot.speaker()
        await channel.heard(440)
        assert not [it for it in stage.discord.requests if it.path.endswith("/voice-states/@me")]


def test_every_documented_close_code_has_a_policy() -> None:
    for code in (
        1000,
        1001,
        1006,
        4000,
        *range(4001, 4007),
        4009,
        4011,
        4012,
        4014,
        4015,
        4016,
        4017,
        *range(4020, 4023),
    ):
        assert after_close(code).reason
    assert after_close(4017).reason == "encryption_required"
    assert after_close(4021).delay >= 30


async def test_data_that_name_the_channel_of_before_a_move_are_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.voice.MOVE_TIMEOUT", 0.02)
    voice = Voice(1, lambda: None)
    voice._wanted = 5
    voice.data_came(VoiceData("token", "endpoint", "session", "5"))
    voice.state_changed(6, muted=False, suppressed=False)
    await until(lambda: voice.data is None and voice.trouble == "reconnecting", within=2)
