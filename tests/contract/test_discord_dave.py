"""The simulator's end-to-end encryption against discord.py's VoiceClient with davey."""

import struct
from collections.abc import AsyncGenerator
from typing import Any

import discord
import pytest

from tests.contract.test_discord_simulator import running
from tests.contract.test_discord_voice import INTENTS, ToneSource, connect, trust
from tests.simulators.discord import DiscordSimulator, Guild, VoiceChannel
from tests.simulators.discord.dave import ANNOUNCE_COMMIT

pytestmark = pytest.mark.heard
__all__ = ["trust"]


@pytest.fixture
async def simulator() -> AsyncGenerator[DiscordSimulator]:
    async with DiscordSimulator.start(dave=1) as simulator:
        yield simulator


@pytest.fixture
def guild(simulator: DiscordSimulator) -> Guild:
    return simulator.guild("Testers")


@pytest.fixture
def music(guild: Guild) -> VoiceChannel:
    return guild.voice_channel("Music")


@pytest.fixture
async def client(simulator: DiscordSimulator, music: VoiceChannel) -> AsyncGenerator[discord.Client]:
    client = discord.Client(intents=INTENTS, guild_ready_timeout=0.05)
    async with running(simulator, client):
        yield client
        for voice in client.voice_clients:
            await voice.disconnect(force=True)


def state(voice: discord.VoiceClient) -> Any:
    return voice._connection


async def test_the_bot_joins_a_group_and_people_come_and_go(
    client: discord.Client, guild: Guild, music: VoiceChannel, simulator: DiscordSimulator
) -> None:
    ann, bea, cat = (guild.member(name) for name in ("Ann", "Bea", "Cat"))
    await ann.join(music)
    await bea.join(music)
    group = simulator.voice.encryption.channel(music)
    await simulator.until(lambda: group.established)
    voice = await connect(client, music)
    await simulator.until(lambda: state(voice).can_encrypt, what="the bot to be in the group")
    voice.play(ToneSource(440))
    await music.heard(440)
    await cat.join(music)
    await simulator.until(lambda: simulator.voice.encryption.listeners[guild.id, cat.id].ready)
    await music.heard(440)
    for member in (ann, bea):
        await member.leave()
        await music.heard(440)
    assert music.gaps(longer_than=0.2) == []
    assert len(music.discarded) <= 5
    assert group.invalid == []
    await cat.leave()  # discord.py goes on in the clear when it is alone: that is noticed, too
    await simulator.until(lambda: simulator.failures)
    voice.stop()
    await simulator.until(lambda: not voice.is_playing())
    assert "without end-to-end encryption" in simulator.failures[0]
    await voice.disconnect()
    simulator.failures.clear()


async def test_alone_nobody_encrypts_until_somebody_comes(
    client: discord.Client, guild: Guild, music: VoiceChannel, simulator: DiscordSimulator
) -> None:
    voice = await connect(client, music)
    assert state(voice).dave_protocol_version == 1
    assert not state(voice).can_encrypt
    ann = guild.member("Ann")
    await ann.join(music)
    await simulator.until(lambda: state(voice).can_encrypt)
    voice.play(ToneSource(440))
    await music.heard(440)
    voice.pause()  # discord.py would send plaintext while it waits for the new group
    bot = simulator.voice.encryption.channel(music).clients[simulator.bot.id]
    bot.send_binary(ANNOUNCE_COMMIT, struct.pack(">H", 77) + b"nonsense")
    await simulator.until(lambda: simulator.voice.encryption.channel(music).invalid == [(simulator.bot.id, 77)])
    await simulator.until(lambda: state(voice).can_encrypt)
    voice.resume()
    await music.heard(440)


async def test_plaintext_in_an_encrypted_channel_fails_the_test(
    client: discord.Client,
    guild: Guild,
    music: VoiceChannel,
    simulator: DiscordSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await guild.member("Ann").join(music)
    monkeypatch.setattr("discord.voice_state.VoiceConnectionState.can_encrypt", False)
    voice = await connect(client, music)
    voice.play(ToneSource(440))
    await simulator.until(lambda: simulator.failures)
    voice.stop()
    await simulator.until(lambda: not voice.is_playing())
    assert music.packets == [p for p in music.packets if p.opus == b"\xf8\xff\xfe"]
    assert "without end-to-end encryption" in simulator.failures[0]
    await voice.disconnect()
    simulator.failures.clear()


async def test_an_old_client_takes_the_encryption_down_while_it_is_there(
    client: discord.Client, guild: Guild, music: VoiceChannel, simulator: DiscordSimulator
) -> None:
    ann, old = guild.member("Ann"), guild.member("Old")
    old.max_dave = 0
    await ann.join(music)
    voice = await connect(client, music)
    await simulator.until(lambda: state(voice).can_encrypt)
    voice.play(ToneSource(440))
    await music.heard(440)
    await old.join(music)
    await simulator.until(lambda: state(voice).dave_protocol_version == 0)
    await music.heard(440)
    await old.leave()
    await simulator.until(lambda: state(voice).can_encrypt)
    await music.heard(440)


async def test_a_client_without_encryption_is_refused(
    client: discord.Client, music: VoiceChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discord.voice_state.VoiceConnectionState.max_dave_protocol_version", 0)
    target = client.get_channel(music.id)
    assert isinstance(target, discord.VoiceChannel)
    with pytest.raises(discord.ConnectionClosed) as error:
        await target.connect(timeout=2, reconnect=False)
    assert error.value.code == 4017
