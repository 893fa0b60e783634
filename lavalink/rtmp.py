"""An RTMP publisher ("Adobe's Real Time Messaging Protocol", 2012): one stream to one server.

Not FFmpeg's: that asks for the host's address itself, names no host to a TLS server reached by its address, and
freezes on a silent one.
"""

import asyncio
import os
import socket
import ssl
import struct
from contextlib import suppress
from typing import Any, Self, cast

from lavalink import amf
from lavalink.amf import AmfError, Value
from lavalink.rtmp_address import RtmpAddress
from lavalink.rtmp_chunks import (
    ACKNOWLEDGEMENT,
    COMMAND,
    DATA,
    OUT_CHUNK,
    SET_CHUNK_SIZE,
    USER_CONTROL,
    WINDOW_SIZE,
    ChunkReader,
    Message,
    RtmpError,
    chunks,
)

PATIENCE = 10.0
"""Seconds for the whole of the greeting, and for what is sent to be taken."""
SEND_BUFFER = 32 * 1024
"""Small, so that a server that takes nothing is noticed within seconds."""
_HANDSHAKE = 1536
_PING, _PONG = 6, 7
_CONTROL_CHANNEL, _COMMAND_CHANNEL, _MEDIA_CHANNEL = 2, 3, 4


class Publisher:
    """A connection on which a stream is being published."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: RtmpAddress) -> None:
        self._chunks = ChunkReader(reader)
        self._writer = writer
        self._address = address
        self._stream = 0
        self._acknowledged = 0
        self._window = 0
        self._sent = 0
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: RtmpAddress, ip: str | None, tls: ssl.SSLContext) -> Self:
        """Connect (to `ip` if given), greet, publish. Raises RtmpError, TimeoutError, OSError, EOFError."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                ip or address.host,
                address.port,
                ssl=tls if address.secure else None,
                server_hostname=address.host if address.secure else None,
            )
            publisher = cls(reader, writer, address)
            try:
                _limit(writer)
                await publisher._greet(reader)
                await publisher._publish()
            except BaseException:
                writer.close()
                raise
        publisher._listening = asyncio.create_task(publisher._listen())
        return publisher

    async def send(self, kind: int, timestamp: int, body: bytes) -> None:
        """Send sound or a picture. Raises RtmpError when the server has ended it, TimeoutError, OSError."""
        if self._listening is not None and self._listening.done():
            self._listening.result()
            raise RtmpError("closed")
        self._write(_MEDIA_CHANNEL, Message(kind, self._stream, timestamp, body))
        async with asyncio.timeout(PATIENCE):
            await self._writer.drain()

    def taken(self) -> int:
        """How many bytes were sent since this was asked last."""
        sent, self._sent = self._sent, 0
        return sent

    async def describe(self, facts: dict[str, Value]) -> None:
        """Tell what the stream is like."""
        await self.send(DATA, 0, amf.encoded("@setDataFrame", "onMetaData", facts))

    async def close(self) -> None:
        """Say that the stream is over, and go."""
        if self._listening is not None:
            self._listening.cancel()
        with suppress(OSError, TimeoutError):
            self._command("FCUnpublish", 6, None, self._address.key)
            self._command("deleteStream", 7, None, self._stream)
            async with asyncio.timeout(1):
                await self._writer.drain()
        self._writer.close()

    async def _greet(self, reader: asyncio.StreamReader) -> None:
        """The plain handshake: both send 1,536 bytes and get their own back."""
        own = bytes(8) + os.urandom(_HANDSHAKE - 8)
        self._writer.write(b"\x03" + own)
        answer = await reader.readexactly(1 + _HANDSHAKE)
        if answer[0] != 3:  # noqa: PLR2004 (the version)
            raise RtmpError("not_rtmp")
        self._writer.write(answer[1:])
        await reader.readexactly(_HANDSHAKE)

    async def _publish(self) -> None:
        self._write(_CONTROL_CHANNEL, Message(SET_CHUNK_SIZE, 0, 0, struct.pack(">I", OUT_CHUNK)))
        connect: dict[str, Value] = {
            "app": self._address.app,
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; Chorus)",
            "tcUrl": self._address.public,
        }
        self._command("connect", 1, connect)
        await self._result(1)
        self._command("releaseStream", 2, None, self._address.key)
        self._command("FCPublish", 3, None, self._address.key)
        self._command("createStream", 4, None)
        answer = await self._result(4)
        self._stream = int(answer[-1]) if isinstance(answer[-1], float) else 1
        self._command("publish", 5, None, self._address.key, "live", stream=self._stream)
        await self._started()

    async def _result(self, number: int) -> list[Any]:
        """The answer to a command."""
        while True:
            values = await self._heard()
            if values[:2] == ["_result", float(number)]:
                return values
            if values[:2] == ["_error", float(number)]:
                raise RtmpError("rejected")

    async def _started(self) -> None:
        while True:
            values = await self._heard()
            if values[:1] == ["onStatus"] and (code := _code(values)):
                _check(code)
                if code == "NetStream.Publish.Start":
                    return

    async def _listen(self) -> None:
        """Hear what the server says while the stream runs. Raises RtmpError when it has enough."""
        try:
            while True:
                values = await self._heard()
                if values[:1] == ["onStatus"]:
                    _check(_code(values))
        except (EOFError, OSError):
            raise RtmpError("closed") from None

    async def _heard(self) -> list[Any]:
        """The next command; what is said between is minded."""
        while True:
            message = await self._chunks.message()
            self._acknowledge()
            if message.kind == COMMAND:
                try:
                    return amf.decoded(message.body)
                except AmfError:
                    raise RtmpError("not_rtmp") from None
            self._mind(message)

    def _mind(self, message: Message) -> None:
        number = int.from_bytes(message.body[:4], "big")
        if message.kind == SET_CHUNK_SIZE:
            self._chunks.size = max(1, number & 0x7FFFFFFF)
        elif message.kind == WINDOW_SIZE:
            self._window = number
        elif message.kind == USER_CONTROL and message.body[:2] == struct.pack(">H", _PING):
            pong = struct.pack(">H", _PONG) + message.body[2:6]
            self._write(_CONTROL_CHANNEL, Message(USER_CONTROL, 0, 0, pong))

    def _acknowledge(self) -> None:
        if self._window and self._chunks.received - self._acknowledged >= self._window:
            self._acknowledged = self._chunks.received
            body = struct.pack(">I", self._acknowledged & 0xFFFFFFFF)
            self._write(_CONTROL_CHANNEL, Message(ACKNOWLEDGEMENT, 0, 0, body))

    def _command(self, name: str, number: int, *values: Value, stream: int = 0) -> None:
        self._write(_COMMAND_CHANNEL, Message(COMMAND, stream, 0, amf.encoded(name, number, *values)))

    def _write(self, channel: int, message: Message) -> None:
        data = chunks(channel, message)
        self._sent += len(data)
        self._writer.write(data)


def _limit(writer: asyncio.StreamWriter) -> None:
    """Let neither the system nor asyncio hide that a server takes nothing."""
    transport: Any = writer.transport
    transport.set_write_buffer_limits(SEND_BUFFER)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(PATIENCE * 1000))


def _code(values: list[Any]) -> str:
    facts = cast("dict[str, Any]", values[3]) if len(values) > 3 and isinstance(values[3], dict) else {}  # noqa: PLR2004
    return str(facts.get("code", ""))


def _check(code: str) -> None:
    """Raise RtmpError if a status says that the stream is not wanted, or wanted no more."""
    if code in {"NetStream.Publish.BadName", "NetStream.Publish.Denied", "NetConnection.Connect.Rejected"}:
        raise RtmpError("rejected")
    if code in {"NetStream.Unpublish.Success", "NetConnection.Connect.Closed", "NetStream.Failed"}:
        raise RtmpError("closed")
