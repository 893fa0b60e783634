"""VoiceLink against the simulator's voice server: real TLS, real UDP, packets decrypted there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
import pytest

from lavalink.protocol import ApiError, VoiceState
from lavalink.voice import VoiceLink, voice_session
from lavalink.voice_socket import tls_context
from tests.simulators.discord.simulator import DiscordSimulator
from tests.simulators.discord.voice import MODES
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulators.discord.channels import VoiceChannel
    from tests.simulators.discord.guilds import Guild
    from tests.simulators.discord.voice import VoiceConnection

PACKETS = [bytes([0xFC, n]) * 40 for n in range(250)]


@dataclass
class Call:
    """A link, the channel it talks into, and what it reported."""

    discord: DiscordSimulator
    guild: Guild
    channel: VoiceChannel
    link: VoiceLink
    closed: list[tuple[int, str, bool]] = field(default_factory=list[tuple[int, str, bool]])

    def grant(self, session_id: str = "session") -> VoiceState:
        """New voice data, as op 4 brings it."""
        self.discord.voice.change(self.guild, session_id, {"channel_id": str(self.channel.id)})
        token = self.discord.voice.grants[self.guild.id].token
        endpoint = self.discord.voice.endpoint
        return VoiceState(token=token, endpoint=endpoint, session_id=session_id, channel_id=str(self.channel.id))

    @property
    def connection(self) -> VoiceConnection:
        return self.discord.voice.accepted[self.guild.id]

    def heard(self) -> list[bytes]:
        return [packet.opus for packet in self.channel.packets]

    async def talk(self, count: int = 10, start: int = 0) -> None:
        """Sends packets at their pace."""
        for packet in PACKETS[start : start + count]:
            self.link.send(packet)
            await asyncio.sleep(0.005)

    async def hears(self, packets: list[bytes]) -> None:
        await until(lambda: self.heard()[-len(packets) :] == packets, within=3, what=f"{len(packets)} packets")


@pytest.fixture
def modes() -> tuple[str, ...]:
    return MODES


@pytest.fixture
async def call(modes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Call]:
    async with DiscordSimulator.start(modes=modes) as discord, voice_session() as session:
        monkeypatch.setenv("SSL_CERT_FILE", str(discord.ca_file))
        tls_context.cache_clear()
        guild = discord.guild("Guild")
        closed: list[tuple[int, str, bool]] = []
        link = VoiceLink(guild.id, discord.bot.id, session=session, on_closed=lambda *report: closed.append(report))
        yield Call(discord, guild, guild.voice_channel("Music"), link, closed)
        await link.close()
    tls_context.cache_clear()


@pytest.mark.parametrize("modes", [(mode,) for mode in MODES])
async def test_packets_arrive_and_decrypt(call: Call, modes: tuple[str, ...]) -> None:
    await call.link.connect(call.grant())
    assert (call.link.connected, call.link.ready, call.link.waiting) == (True, True, False)
    await call.talk(20)
    await call.hears(PACKETS[:20])
    assert call.connection.mode == modes[0]
    first, *_, last = call.channel.packets
    assert (last.sequence - first.sequence, last.timestamp - first.timestamp) == (19, 19 * 960)


async def test_nothing_is_sent_before_or_after(call: Call) -> None:
    call.link.send(PACKETS[0])
    assert (call.link.connected, call.link.ready, call.link.waiting, call.link.ping) == (False, False, False, -1)
    await call.link.connect(call.grant())
    await call.link.close()
    call.link.send(PACKETS[0])
    assert (call.link.connected, call.link.ready) == (False, False)
    await until(lambda: not call.connection.open, what="the websocket is closed")
    assert call.heard() == []
    assert call.closed == []


async def test_speaking_is_told_and_told_again_after_a_reconnect(call: Call) -> None:
    await call.link.connect(call.grant())
    call.link.speak(True)
    await until(lambda: call.connection.speaking[-1:] == [1], what="speaking")
    call.link.speak(False)
    await until(lambda: call.connection.speaking[-1:] == [0], what="silence")
    call.link.speak(True)
    await call.link.connect(call.grant())
    await until(lambda: call.connection.speaking[-1:] == [1], what="speaking on the new connection")


async def test_the_same_voice_data_is_connected_once(call: Call) -> None:
    voice = call.grant()
    await asyncio.gather(call.link.connect(voice), call.link.connect(voice))
    await call.link.connect(voice.model_copy())
    assert len(call.discord.voice.connections) == 1


async def test_new_voice_data_replaces_the_connection(call: Call) -> None:
    await call.link.connect(call.grant())
    await call.talk(3)
    await call.link.connect(call.grant())
    await call.talk(5, start=3)
    await call.hears(PACKETS[3:8])
    assert len(call.discord.voice.connections) == 2
    assert call.closed == []


@pytest.mark.parametrize("code", [4015, 1001, 4000])
async def test_the_session_is_resumed_with_its_key_and_no_packet_lost(call: Call, code: int) -> None:
    await call.link.connect(call.grant())
    talking = asyncio.create_task(call.talk(60))
    await asyncio.sleep(0.05)
    await call.connection.close(code)
    await talking
    await call.hears(PACKETS[:60])
    await until(lambda: call.link.connected, what="connected again")
    assert (call.connection.resumes, len(call.discord.voice.connections)) == (1, 1)
    assert call.closed == []


async def test_a_cut_connection_is_resumed(call: Call) -> None:
    await call.link.connect(call.grant())
    call.connection.abort()
    await until(lambda: call.connection.resumes == 1, what="a resume")
    await call.talk(5)
    await call.hears(PACKETS[:5])


@pytest.mark.parametrize("code", [4006, 4014, 4022, 4004])
async def test_a_session_that_is_over_is_reported_and_silent(call: Call, code: int) -> None:
    voice = call.grant()
    await call.link.connect(voice)
    await call.talk(3)
    await call.connection.close(code)
    await until(lambda: call.closed, what="the report")
    assert [(report[0], report[2]) for report in call.closed] == [(code, True)]
    assert (call.link.connected, call.link.ready, call.link.waiting) == (False, False, False)
    await call.talk(3)
    await asyncio.sleep(0.3)
    assert len(call.heard()) == 3
    assert len(call.discord.voice.connections) == 1  # it did not identify again by itself
    await call.link.connect(call.grant())
    await call.talk(3, start=10)
    await call.hears(PACKETS[10:13])


async def test_a_resume_that_is_refused_ends_the_session(call: Call) -> None:
    await call.link.connect(call.grant())
    call.discord.faults.voice_close_codes.append(4006)
    await call.connection.close(4015)
    await until(lambda: call.closed, what="the report")
    assert call.closed[0][0] == 4006


async def test_a_voice_server_that_is_gone_is_reported_in_bounded_time(call: Call) -> None:
    await call.link.connect(call.grant())
    call.discord.faults.voice_close_codes += [4015] * 10
    await call.connection.close(4015)
    await until(lambda: call.closed, within=8, what="the report")
    assert call.closed == [(1006, "", False)]


async def test_a_voice_server_that_resumes_and_hangs_up_again_is_not_asked_for_ever(call: Call) -> None:
    await call.link.connect(call.grant())

    async def hung_up() -> list[tuple[int, str, bool]]:
        if call.connection.open:
            await call.connection.close(4015)
        return call.closed

    await until(hung_up, within=8, what="the report")
    assert call.closed == [(1006, "", False)]
    assert call.connection.resumes == 4


async def test_a_voice_server_that_falls_silent_is_given_up(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.voice_loop.MAX_HEARTBEAT", 0.05)
    monkeypatch.setattr("lavalink.voice.RESUME_TIMEOUT", 0.2)
    await call.link.connect(call.grant())
    await until(lambda: call.connection.heartbeats > 1, what="heartbeats")
    call.discord.faults.voice_mute = True
    await until(lambda: call.closed, within=8, what="the report")
    assert call.closed == [(1006, "", False)]


async def test_a_storm_of_voice_data_ends_in_one_connection(call: Call) -> None:
    files = psutil.Process().num_fds
    before = files()
    grants = [call.grant(f"session{number}") for number in range(20)]
    *former, last = await asyncio.gather(*map(call.link.connect, grants), return_exceptions=True)
    assert last is None
    assert {type(result) for result in former} == {ApiError}
    await call.talk(5)
    await call.hears(PACKETS[:5])
    await until(lambda: sum(connection.open for connection in call.discord.voice.connections) == 1)
    assert call.connection.grant.session_id == "session19"
    assert call.closed == []
    await call.link.close()
    await until(lambda: files() <= before + 1, what="no file is left open")


async def test_a_refused_identify_fails_and_is_reported(call: Call) -> None:
    voice = call.grant().model_copy(update={"token": "stale"})
    with pytest.raises(ApiError, match="Failed to connect to voice server") as caught:
        await call.link.connect(voice)
    assert caught.value.status == 500
    assert [report[0] for report in call.closed] == [4006]


async def test_an_untrusted_certificate_fails(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tls_context.cache_clear()
    with pytest.raises(ApiError):
        await call.link.connect(call.grant())
    assert call.closed == []


async def test_a_silent_voice_server_fails_in_bounded_time(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.voice.CONNECT_TIMEOUT", 0.3)
    call.discord.faults.voice_mute = True
    with pytest.raises(ApiError):
        await call.link.connect(call.grant())
    assert not call.link.waiting


async def test_newer_voice_data_overtakes_a_hanging_connect(call: Call) -> None:
    call.discord.faults.voice_mute = True
    hanging = asyncio.create_task(call.link.connect(call.grant("old")))
    await asyncio.sleep(0.2)
    assert call.link.waiting
    call.discord.faults.voice_mute = False
    await asyncio.wait_for(call.link.connect(call.grant("new")), 3)
    with pytest.raises(ApiError):
        await asyncio.wait_for(hanging, 3)
    assert call.link.connected
    assert call.closed == []


async def test_a_close_during_the_handshake_leaves_nothing(call: Call) -> None:
    call.discord.faults.voice_mute = True
    hanging = asyncio.create_task(call.link.connect(call.grant()))
    await asyncio.sleep(0.2)
    await call.link.close()
    with pytest.raises(ApiError):
        await asyncio.wait_for(hanging, 3)
    assert (call.link.connected, call.link.waiting, call.closed) == (False, False, [])


async def test_heartbeats_measure_the_ping(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.voice_loop.MAX_HEARTBEAT", 0.05)
    await call.link.connect(call.grant())
    await until(lambda: call.connection.heartbeats >= 3, what="heartbeats")
    await until(lambda: call.link.ping >= 0, what="a ping")


async def test_no_thread_is_left_per_connection(call: Call) -> None:
    import threading

    before = threading.active_count()
    await call.link.connect(call.grant())
    await until(lambda: threading.active_count() <= before, what="no more threads than before")
