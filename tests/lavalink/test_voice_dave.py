"""End-to-end encryption (DAVE): when audio is held back, and what must not break a connection."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import davey
import pytest

from lavalink.voice_socket import Connection, Transport, VoiceSocket
from tests.lavalink.test_voice import PACKETS, Call, call, modes
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["call", "modes"]
BOT, CHANNEL = 42, 7


class Wire:
    """Stands for aiohttp's websocket: what was sent."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.blobs: list[bytes] = []

    async def send_str(self, text: str) -> None:
        self.texts.append(text)

    async def send_bytes(self, blob: bytes) -> None:
        self.blobs.append(blob)

    async def close(self, *, code: int) -> None:
        pass


@pytest.fixture
async def socket() -> AsyncIterator[VoiceSocket]:
    """A websocket of a connection that has joined at DAVE version 0."""
    transport = Transport(cast("Any", None), BOT, 5, CHANNEL)
    websocket = VoiceSocket(cast("Any", Wire()), transport.loop)
    websocket._connection = transport.connection
    transport.connection.ws = websocket
    yield websocket
    await transport.connection.close()


def wire(socket: VoiceSocket) -> Wire:
    return cast("Wire", socket.ws)


async def test_others_are_known_from_ops_11_12_and_13(socket: VoiceSocket) -> None:
    connection = socket._connection
    await socket.received_message({"op": 11, "d": {"user_ids": ["1", str(BOT), "2"]}})
    await socket.received_message({"op": 12, "d": {"user_id": "3"}})
    assert connection.others == {"1", "2", "3"}
    await socket.received_message({"op": 13, "d": {"user_id": "2"}})
    assert connection.others == {"1", "3"}


@pytest.mark.parametrize("op", [11, 12])
@pytest.mark.parametrize("data", [{"user_ids": []}, {}, None])
async def test_an_empty_channel_is_no_fault(socket: VoiceSocket, op: int, data: dict[str, list[str]] | None) -> None:
    await socket.received_message({"op": op, "d": data})
    assert socket._connection.others == set()


@pytest.mark.parametrize(
    ("version", "encrypting", "exposed"), [(0, False, False), (1, False, True), (1, True, False), (0, True, False)]
)
async def test_audio_is_exposed_while_an_encrypted_channel_has_no_keys(
    socket: VoiceSocket, version: int, encrypting: bool, exposed: bool
) -> None:
    connection: Connection = socket._connection
    connection.dave_protocol_version = version
    connection.dave_session = cast("Any", SimpleNamespace(ready=encrypting))
    assert connection.voice_client.exposed is exposed


async def test_an_upgrade_after_joining_plain_makes_a_session(socket: VoiceSocket) -> None:
    await socket.received_message({"op": 24, "d": {"protocol_version": 1, "epoch": 1}})
    connection = socket._connection
    assert isinstance(connection.dave_session, davey.DaveSession)
    assert connection.dave_protocol_version == 1
    assert [blob[0] for blob in wire(socket).blobs] == [26]  # its key package


@pytest.mark.parametrize("data", [{"protocol_version": 0, "epoch": 1}, {"protocol_version": 1, "epoch": 2}])
async def test_other_epochs_make_none(socket: VoiceSocket, data: dict[str, int]) -> None:
    await socket.received_message({"op": 24, "d": data})
    assert socket._connection.dave_session is None


@pytest.mark.parametrize("body", [b"\x19" + b"garbage", b"\x1b\0" + b"garbage", b"\x1b\1", b"\x1b", b"\x1d\0"])
async def test_a_refused_binary_message_does_not_end_the_connection(socket: VoiceSocket, body: bytes) -> None:
    await socket.received_message({"op": 24, "d": {"protocol_version": 1, "epoch": 1}})
    await socket.received_binary_message(struct.pack(">H", 9) + body)
    assert socket.seq_ack == 9


async def test_a_bad_commit_is_reported_and_started_over(socket: VoiceSocket) -> None:
    await socket.received_message({"op": 24, "d": {"protocol_version": 1, "epoch": 1}})
    await socket.received_binary_message(struct.pack(">HBH", 9, 29, 3) + b"garbage")
    assert '"op":31' in wire(socket).texts[-1]
    assert [blob[0] for blob in wire(socket).blobs] == [26, 26]


async def test_frames_are_held_back_until_they_can_be_encrypted_and_the_clock_waits_only_so_long(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lavalink.voice.HOLD_LIMIT", 0.3)
    await call.link.connect(call.grant())
    transport = call.link._transport
    assert transport is not None
    connection = transport.connection
    connection.dave_protocol_version = 1
    assert (call.link.ready, call.link.waiting) == (False, False)  # alone: nobody to wait for
    connection.joined({"user_ids": ["1"]})
    assert (call.link.ready, call.link.waiting) == (False, True)
    await call.talk(3)
    await until(lambda: not call.link.waiting, within=2, what="the clock goes on")
    assert not call.link.ready
    await call.talk(3)
    connection.dave_protocol_version = 0
    assert (call.link.ready, call.link.waiting) == (True, False)
    await call.talk(2, start=10)
    await call.hears(PACKETS[10:12])
    assert len(call.heard()) == 2
    connection.dave_protocol_version = 1
    connection.joined({"user_ids": ["1"]})
    assert call.link.waiting  # a new wait has its own limit
