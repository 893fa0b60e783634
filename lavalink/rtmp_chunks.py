"""RTMP's chunk stream ("Adobe's Real Time Messaging Protocol", 2012, §5.3): messages to bytes and back."""

import asyncio
import struct
from dataclasses import dataclass
from typing import NamedTuple

OUT_CHUNK = 4096
IN_CHUNK = 128
"""What a chunk holds until its sender says otherwise."""
LARGEST = 1 << 20
"""Bytes of a message that a server may send us."""
MOST_CHANNELS = 16
"""Channels that it may use: each may hold a message that has not come to its end."""
SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20
_EXTENDED = 0xFFFFFF


class RtmpError(Exception):
    """The server does not do as it should; the message is a reason in one word."""


class Message(NamedTuple):
    """One message; `timestamp` in ms."""

    kind: int
    stream: int
    timestamp: int
    body: bytes


def chunks(channel: int, message: Message) -> bytes:
    """A message as bytes, cut into chunks of at most OUT_CHUNK."""
    late = message.timestamp >= _EXTENDED
    stamp = struct.pack(">I", message.timestamp & 0xFFFFFFFF) if late else b""
    head = bytes([channel]) + min(message.timestamp, _EXTENDED).to_bytes(3, "big")
    head += len(message.body).to_bytes(3, "big") + bytes([message.kind]) + struct.pack("<I", message.stream)
    parts = [message.body[at : at + OUT_CHUNK] for at in range(0, len(message.body), OUT_CHUNK)]
    return head + stamp + (bytes([0xC0 | channel]) + stamp).join(parts)


@dataclass(slots=True)
class _Channel:
    """The header that later chunks of a channel refer to, and what has come of its message."""

    timestamp: int = 0
    delta: int = 0
    length: int = 0
    kind: int = 0
    stream: int = 0
    extended: bool = False
    body: bytes = b""


class ChunkReader:
    """Puts messages together from what a server sends."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.size = IN_CHUNK
        self.received = 0
        self._reader = reader
        self._channels: dict[int, _Channel] = {}

    async def message(self) -> Message:
        """The next whole message. Raises RtmpError, EOFError, OSError."""
        while True:
            channel = await self._chunk()
            if len(channel.body) >= channel.length:
                body, channel.body = channel.body, b""
                return Message(channel.kind, channel.stream, channel.timestamp, body)

    async def _chunk(self) -> _Channel:
        first = (await self._take(1))[0]
        channel = self._channels.setdefault(await self._number(first & 63), _Channel())
        await self._header(channel, first >> 6)
        if channel.length > LARGEST or len(self._channels) > MOST_CHANNELS:
            raise RtmpError("oversized")
        channel.body += await self._take(min(self.size, channel.length - len(channel.body)))
        return channel

    async def _number(self, number: int) -> int:
        """Numbers from 64 on have one or two bytes of their own."""
        if number > 1:
            return number
        return 64 + int.from_bytes(await self._take(number + 1), "little")

    async def _header(self, channel: _Channel, form: int) -> None:
        begins = not channel.body
        data = await self._take((11, 7, 3, 0)[form])
        if data:
            channel.delta = int.from_bytes(data[:3], "big")
            channel.extended = channel.delta == _EXTENDED
        if len(data) > 3:  # noqa: PLR2004
            channel.length, channel.kind = int.from_bytes(data[3:6], "big"), data[6]
        if len(data) > 7:  # noqa: PLR2004
            channel.stream = int.from_bytes(data[7:], "little")
        if channel.extended:
            stamp = int.from_bytes(await self._take(4), "big")
            channel.delta = stamp if data else channel.delta
        if begins:
            channel.timestamp = channel.delta if form == 0 else channel.timestamp + channel.delta

    async def _take(self, size: int) -> bytes:
        self.received += size
        return await self._reader.readexactly(size)
