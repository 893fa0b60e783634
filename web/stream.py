"""The sound of rooms: a relay per room and format while somebody listens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from core.ports.stream import Format, RoomStream
from core.types import RoomId
from web.relay import Listener, Relay
from web.wire import Wire

Key = tuple[RoomId, Format]

LINGER = 10.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """Opens a room's relay with its first listener and closes it `linger` seconds after its last."""

    def __init__(self, upstream: RoomStream, *, linger: float = LINGER) -> None:
        self._upstream, self._linger = upstream, linger
        self._relays: dict[Key, Relay] = {}
        self._closing: dict[Key, asyncio.Task[None]] = {}

    def listeners(self, room: RoomId) -> int:
        """How many hear a room through this process."""
        return sum(relay.listeners for (where, _), relay in self._relays.items() if where == room)

    @property
    def total(self) -> int:
        """How many hear any room through this process."""
        return sum(relay.listeners for relay in self._relays.values())

    async def serve(self, request: web.Request, room: RoomId, form: Format = "opus") -> web.StreamResponse:
        """Answer with the room's sound until the listener goes, or falls 256 KB behind."""
        relay = self._open((room, form))
        try:
            wire = await Wire.open(request, web.StreamResponse(headers={"Content-Type": relay.media_type, **HEADERS}))
            async with self._joined(relay, wire):
                await wire.finished()
        finally:
            self._rest((room, form), relay)
        return wire.response

    @asynccontextmanager
    async def hearing(self, room: RoomId, form: Format, listener: Listener) -> AsyncGenerator[None]:
        """Let somebody hear a room who is no request."""
        relay = self._open((room, form))
        try:
            async with self._joined(relay, listener):
                yield
        finally:
            self._rest((room, form), relay)

    @asynccontextmanager
    async def _joined(self, relay: Relay, listener: Listener) -> AsyncGenerator[None]:
        try:
            await relay.join(listener)
            yield
        finally:
            relay.leave(listener)

    def end(self, room: RoomId) -> None:
        """Let every listener of a room go."""
        for (where, _), relay in self._relays.items():
            if where == room:
                relay.end()

    async def close(self) -> None:
        """End every stream."""
        for task in self._closing.values():
            task.cancel()
        await asyncio.gather(*(relay.stop() for relay in self._relays.values()))
        self._relays.clear()

    def _open(self, key: Key) -> Relay:
        if closing := self._closing.pop(key, None):
            closing.cancel()
        if key not in self._relays:
            room, form = key
            self._relays[key] = Relay(room, self._upstream, form)
            self._relays[key].start()
        return self._relays[key]

    def _rest(self, key: Key, relay: Relay) -> None:
        if not relay.listeners and self._relays.get(key) is relay and key not in self._closing:
            self._closing[key] = asyncio.create_task(self._close_later(key, relay))

    async def _close_later(self, key: Key, relay: Relay) -> None:
        await asyncio.sleep(self._linger)
        self._closing.pop(key, None)
        if not relay.listeners:
            self._relays.pop(key, None)
            await relay.stop()
