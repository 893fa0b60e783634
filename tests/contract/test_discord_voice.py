"""The simulator's voice server against discord.py's own VoiceClient: what it plays is heard, in both modes."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, cast

import aiohttp
import discord
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests import sound
from tests.contract.test_discord_simulator import INTENTS, running
from tests.simulators.discord import DiscordSimulator, Guild, NotAnsweredError, VoiceChannel
from tests.simulators.discord.certificates import authority
from tests.simulators.discord.rtp import GCM, MODES, XCHACHA

pytestmark = pytest.mark.heard


class ToneSource(discord.AudioSource):
    """An endless tone, already Opus."""

    def __init__(self, hz: float) -> None:
        self._packets = sound.opus_packets(sound.tone(hz, 30.0))
        self._at = 0

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        self._at += 1
        return self._packets[self._at % len(self._packets)]


class GcmClient(discord.VoiceClient):
    """discord.py's client taught the other mode."""

    supported_modes: ClassVar[Any] = (GCM,)

    def _encrypt_aead_aes256_gcm_rtpsize(self, header: bytes, data: bytes) -> bytes:
        nonce = self._incr_nonce.to_bytes(4, "big")
        self.checked_add("_incr_nonce", 1, 4294967295)
        sealed = AESGCM(bytes(self.secret_key)).encrypt(nonce + bytes(8), bytes(data), bytes(header))
        return bytes(header) + sealed + nonce


@pytest.fixture(autouse=True)
def trust() -> None:
    """This process trusts the simulator's CA, as a child process does by SSL_CERT_FILE."""
    context = cast("Any", aiohttp.connector)._SSL_CONTEXT_VERIFIED
    context.load_verify_locations(authority().ca_file)


@pytest.fixture(params=[0], ids=["plain"])
async def simulator(request: pytest.FixtureRequest) -> AsyncGenerator[DiscordSimulator]:
    async with DiscordSimulator.start(dave=request.param) as simulator:
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


async def connect(
    client: discord.Client, channel: VoiceChannel, kind: type[discord.VoiceClient] = discord.VoiceClient
) -> discord.VoiceClient:
    target = client.get_channel(channel.id)
    assert isinstance(target, discord.VoiceChannel)
    return await target.connect(cls=kind, timeout=5)


@pytest.mark.parametrize(("mode", "kind"), [(GCM, GcmClient), (XCHACHA, discord.VoiceClient)])
async def test_a_tone_is_heard_in_both_modes(
    client: discord.Client, music: VoiceChannel, mode: str, kind: type[discord.VoiceClient]
) -> None:
    voice = await connect(client, music, kind)
    assert music.bot_session
    assert music.bot_session.mode == mode
    started = time.monotonic()
    voice.play(ToneSource(440))
    await music.heard(440, seconds=1.0)
    voice.stop()
    [tone] = music.tones(started)
    assert tone.hz == pytest.approx(440, abs=2)
    assert music.level() == pytest.approx(-12, abs=1)
    packets = music.packets
    assert music.gaps(longer_than=0.1) == []
    assert [b.sequence - a.sequence for a, b in itertools.pairwise(packets)] == [1] * (len(packets) - 1)
    assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)} == {960}
    assert started < packets[0].at < time.monotonic()
    assert max(music.bot_session.speaking) == 1


async def test_silence_and_another_tone_are_told_apart(client: discord.Client, music: VoiceChannel) -> None:
    voice = await connect(client, music)
    voice.play(ToneSource(440))
    await music.heard(440)
    with pytest.raises(NotAnsweredError, match="440 Hz"):
        await music.heard(880, within=0.3)
    voice.pause()
    await music.silent(seconds=0.2)
    voice.stop()
    voice.play(ToneSource(880))
    await music.heard(880)


async def test_leaving_moving_and_being_thrown_out(
    client: discord.Client, guild: Guild, music: VoiceChannel, simulator: DiscordSimulator
) -> None:
    other = guild.voice_channel("Other")
    voice = await connect(client, music)
    voice.play(ToneSource(440))
    await music.heard(440)
    await guild.bot.move(other)
    await other.heard(440)
    assert other.bot_session
    assert music.bot_session is None
    await guild.bot.leave()
    await simulator.until(lambda: not voice.is_connected())
    assert other.bot_session is None
    voice = await connect(client, music)
    await voice.disconnect()
    await simulator.until(lambda: guild.bot.voice is None)


async def test_where_the_bot_may_not_enter_nothing_happens(
    client: discord.Client, guild: Guild, music: VoiceChannel, simulator: DiscordSimulator
) -> None:
    music.deny(guild.everyone, "connect")
    target = client.get_channel(music.id)
    assert isinstance(target, discord.VoiceChannel)
    with pytest.raises(asyncio.TimeoutError):
        await target.connect(timeout=0.5, reconnect=False)
    assert guild.bot.voice is None
    music.allow(guild.everyone, "connect")
    music.deny(guild.everyone, "speak")
    voice = await connect(client, music)
    voice.play(ToneSource(440))
    await simulator.until(lambda: len(music.discarded) > 20)
    assert music.packets == []
    music.allow(guild.everyone, "speak")
    await music.heard(440)
    await guild.bot.server_mute()
    await music.silent()


async def test_a_new_op_4_ends_the_old_session(
    client: discord.Client, guild: Guild, music: VoiceChannel, simulator: DiscordSimulator
) -> None:
    voice = await connect(client, music)
    voice.play(ToneSource(440))
    await music.heard(440)
    old = music.bot_session
    assert old
    simulator.voice.change(guild, guild.bot.voice.session_id if guild.bot.voice else "", _op4(music))
    await simulator.until(lambda: not old.open)
    await simulator.until(lambda: music.bot_session is not old, within=10)
    start = time.monotonic()
    await music.heard(440, within=10)
    assert old.ssrc not in {packet.ssrc for packet in music.since(start)}


def _op4(channel: VoiceChannel) -> dict[str, Any]:
    return {"guild_id": str(channel.guild.id), "channel_id": str(channel.id), "self_mute": False, "self_deaf": False}


# -- by hand: what no good client does --


async def open_session(simulator: DiscordSimulator, music: VoiceChannel) -> tuple[aiohttp.ClientSession, Any, Any]:
    """A voice websocket that has said nothing yet, and what an IDENTIFY needs."""
    music.guild.bot.set_voice(music, session_id="session")
    simulator.voice.change(music.guild, "session", _op4(music))
    http = aiohttp.ClientSession()
    ws = await http.ws_connect(f"wss://{simulator.voice.endpoint}/?v=8")
    assert (await ws.receive_json())["op"] == 8
    return http, ws, simulator.voice.grants[music.guild.id]


def identify(simulator: DiscordSimulator, grant: Any, **changes: Any) -> dict[str, Any]:
    data = {
        "server_id": str(grant.guild.id),
        "user_id": str(simulator.bot.id),
        "session_id": grant.session_id,
        "token": grant.token,
        "max_dave_protocol_version": 1,
    }
    return {"op": 0, "d": data | changes}


@pytest.mark.parametrize(
    ("messages", "code", "mistakes"),
    [
        ([{"op": 3, "d": {"t": 1, "seq_ack": -1}}], 4003, 1),
        ([{"op": 0, "d": {}}], 4002, 1),
        (["no json"], 4002, 1),
        ([{"token": "wrong"}], 4006, 0),
        ([{"session_id": "old"}], 4006, 0),
        ([{}, {"op": 99, "d": {}}], 4001, 1),
        ([{}, {}], 4005, 1),
        ([{}, {"op": 5, "d": {"speaking": 1, "delay": 0, "ssrc": 1}}], 4020, 1),
        ([{}, {"op": 1, "d": {"protocol": "udp", "data": {"address": "x", "port": 1, "mode": "plain"}}}], 4016, 1),
    ],
)
async def test_mistakes_are_closed_with_their_code(
    simulator: DiscordSimulator, music: VoiceChannel, messages: list[Any], code: int, mistakes: int
) -> None:
    http, ws, grant = await open_session(simulator, music)
    async with http:
        for message in messages:
            is_identify = isinstance(message, dict) and "op" not in message
            item = identify(simulator, grant, **message) if is_identify else message
            await (ws.send_str(item) if isinstance(item, str) else ws.send_json(item))
        while not ws.closed:
            await ws.receive()
        assert ws.close_code == code
    assert len(simulator.failures) == mistakes
    simulator.failures.clear()


async def test_a_resume_replays_what_was_missed(simulator: DiscordSimulator, music: VoiceChannel) -> None:
    http, ws, grant = await open_session(simulator, music)
    async with http:
        await ws.send_json(identify(simulator, grant))
        ready = (await ws.receive_json())["d"]
        assert tuple(ready["modes"]) == MODES
        chosen = {"address": "127.0.0.1", "port": 5, "mode": GCM}
        await ws.send_json({"op": 1, "d": {"protocol": "udp", "data": chosen}})
        description = await ws.receive_json()
        assert (description["op"], description["seq"], len(description["d"]["secret_key"])) == (4, 1, 32)
        session = music.bot_session
        assert session
        session.abort()
        await simulator.until(lambda: not session.open)
        ann = music.guild.member("Ann")
        await ann.join(music)
        ws = await http.ws_connect(f"wss://{simulator.voice.endpoint}/?v=8")
        resume = {"server_id": str(music.guild.id), "session_id": grant.session_id, "token": grant.token, "seq_ack": 1}
        await ws.send_json({"op": 7, "d": resume})
        messages = [await ws.receive_json() for _ in range(3)]
        assert [message["op"] for message in messages] == [8, 9, 11]
        assert messages[2] == {"op": 11, "d": {"user_ids": [str(ann.id)]}, "seq": 2}
        assert music.bot_session is session
        await session.close(4006)
        await ws.receive()
        ws = await http.ws_connect(f"wss://{simulator.voice.endpoint}/?v=8")
        await ws.send_json({"op": 7, "d": resume})
        while not ws.closed:
            await ws.receive()
        assert ws.close_code == 4006
        await ws.close()


async def test_packets_with_wrong_tags_fail_the_test(simulator: DiscordSimulator, music: VoiceChannel) -> None:
    http, ws, grant = await open_session(simulator, music)
    async with http:
        await ws.send_json(identify(simulator, grant))
        ready = (await ws.receive_json())["d"]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(ready["ip"], ready["port"])
        )
        transport.sendto(b"\x80\x78" + bytes(6) + ready["ssrc"].to_bytes(4, "big") + bytes(40))
        await simulator.until(lambda: simulator.failures)
        chosen = {"address": "127.0.0.1", "port": 5, "mode": XCHACHA}
        await ws.send_json({"op": 1, "d": {"protocol": "udp", "data": chosen}})
        await ws.receive_json()
        transport.sendto(b"\x80\x78" + bytes(6) + ready["ssrc"].to_bytes(4, "big") + bytes(40))
        await simulator.until(lambda: len(simulator.failures) == 2)
        transport.close()
    assert "no key" in simulator.failures[0]
    assert "wrong tag" in simulator.failures[1]
    simulator.failures.clear()
