"""The sound of rooms: a relay per room while somebody listens."""

import asyncio

from aiohttp import web

from core.ports.stream import RoomStream
from core.types import RoomId
from web.relay import Relay
from web.wire import Wire

LINGER = 10.0
HEADERS = {"Content-Type": "audio/ogg", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """Opens a room's relay with its first listener and closes it `linger` seconds after its last."""

    def __init__(self, upstream: RoomStream, *, linger: float = LINGER) -> None:
        self._upstream, self._linger = upstream, linger
        self._relays: dict[RoomId, Relay] = {}
        self._closing: dict[RoomId, asyncio.Task[None]] = {}

    def listeners(self, room: RoomId) -> int:
        """How many hear a room through this process."""
        relay = self._relays.get(room)
        return relay.listeners if relay else 0

    @property
    def total(self) -> int:
        """How many hear any room through this process."""
        return sum(relay.listeners for relay in self._relays.values())

    async def serve(self, request: web.Request, room: RoomId) -> web.StreamResponse:
        """Answer with the room's sound until the listener goes, or falls 256 KB behind."""
        wire = await Wire.open(request, web.StreamResponse(headers=HEADERS))
        relay = self._open(room)
        try:
            await relay.join(wire)
            await wire.finished()
        finally:
            relay.leave(wire)
            self._rest(room, relay)
        return wire.response

    def end(self, room: RoomId) -> None:
        """Let every listener of a room go."""
        if relay := self._relays.get(room):
            relay.end()

    async def close(self) -> None:
        """End every stream."""
        for task in self._closing.values():
            task.cancel()
        await asyncio.gather(*(relay.stop() for relay in self._relays.values()))
        self._relays.clear()

    def _open(self, room: RoomId) -> Relay:
        if closing := self._closing.pop(room, None):
            closing.cancel()
        if room not in self._relays:
            self._relays[room] = Relay(room, self._upstream)
            self._relays[room].start()
        return self._relays[room]

    def _rest(self, room: RoomId, relay: Relay) -> None:
        if not relay.listeners and self._relays.get(room) is relay and room not in self._closing:
            self._closing[room] = asyncio.create_task(self._close_later(room, relay))

    async def _close_later(self, room: RoomId, relay: Relay) -> None:
        await asyncio.sleep(self._linger)
        self._closing.pop(room, None)
        if not relay.listeners:
            self._relays.pop(room, None)
            await relay.stop()
