"""One room's sound for many: packets in, one endless stream out."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Protocol

import structlog

from core.ports.stream import Format, RoomStream
from core.types import RoomId
from web.containers import BURST, container
from web.wire import Frame, frame

log = structlog.get_logger()

SILENT = 1.2
"""Seconds on joining where nothing has been heard yet: what now begins is heard that much later."""
SHARED_PAGE = 0.5
PATIENCE = 0.3
AHEAD = 1.0
DRIFT = 0.00002
TICK = 0.1
FIRST_PACKETS = 0.25
"""Seconds that the first listener waits for what was just heard, so that the stream does not begin with silence."""
AT_ONCE = 0.03
"""Seconds in which all that was just heard comes."""
UNSENT = 256 * 1024
BACK_OFF = (0.1, 2.0)


class Listener(Protocol):
    """Who hears a relay: a browser's answer, or what passes the sound on."""

    @property
    def backlog(self) -> int:
        """Bytes that it has not taken yet."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it has gone."""
        ...

    def send(self, data: Frame) -> None:
        """Give it bytes; never waits."""
        ...

    def drop(self) -> None:
        """Cut it off."""
        ...

    def end(self) -> None:
        """There will be no more."""
        ...


class Relay:
    """Opens the upstream, keeps wall-clock time whatever comes of it, and writes to every listener.

    What the upstream leaves out is silence, so a node that goes away, a pause or a change of tracks never ends a
    listener's stream.
    """

    def __init__(self, room: RoomId, upstream: RoomStream, form: Format = "opus") -> None:
        self._room, self._upstream = room, upstream
        self._form: Format = form
        self._container = container(form)
        self._pending: list[bytes] = []
        silence = [self._container.silence] * self._count(SILENT)
        self._recent: deque[bytes] = deque(silence, maxlen=self._count(BURST))
        self._joining: Frame | None = None
        self._emitted = 0
        self._started = 0.0
        self._early = 0  # packets that came before anybody was served
        self._begun = asyncio.Event()
        self._ready = asyncio.Event()
        self._wires: set[Listener] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def media_type(self) -> str:
        """What it sends."""
        return self._container.media_type

    @property
    def listeners(self) -> int:
        """How many hear this room here."""
        return len(self._wires)

    def start(self) -> None:
        """Open the upstream and begin to count time."""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._keep_time())]

    def end(self) -> None:
        """End every listener's answer."""
        for wire in self._wires:
            wire.end()

    async def stop(self) -> None:
        """End every listener's answer and let the upstream go."""
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def join(self, wire: Listener) -> None:
        """Send the stream so far to a listener; what follows comes by itself."""
        await self._ready.wait()
        wire.send(self._burst())
        self._wires.add(wire)

    def leave(self, wire: Listener) -> None:
        """Forget a listener."""
        self._wires.discard(wire)

    async def _read(self) -> None:
        pause, longest = BACK_OFF
        while True:
            try:
                async for packet in self._packets():
                    pause = BACK_OFF[0]
                    self._hear(packet)
            except Exception:
                log.warning("stream.upstream_failed", room=self._room, retry_in=pause, exc_info=True)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _packets(self) -> AsyncIterator[bytes]:
        """The upstream's packets from now on; before anybody is served, those that were just heard come first."""
        recent, past = 0 if self._ready.is_set() else round(BURST * 1000), 0.0
        async for packet in self._upstream.packets(self._room, recent=recent, form=self._form):
            now = asyncio.get_running_loop().time()
            if recent and self._ready.is_set() and not self._early:  # they come too late to begin with
                recent, past = 0, now + AT_ONCE
            if now >= past:
                yield packet

    def _hear(self, packet: bytes) -> None:
        if not self._ready.is_set():
            self._recent.append(packet)
            self._early += 1
            if self._early == self._recent.maxlen:
                self._begun.set()
        elif self._emitted - self._due() < self._count(AHEAD):
            self._emit(packet)

    async def _keep_time(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PACKETS):
                await self._begun.wait()
        self._started = asyncio.get_running_loop().time()
        self._ready.set()
        while True:
            await asyncio.sleep(TICK)
            self._fill()
            self._sweep()

    def _fill(self) -> None:
        behind = self._due() - self._emitted
        if behind > self._count(PATIENCE):
            for _ in range(behind):
                self._emit(self._container.silence)
        else:  # a remote node's clock may run slower or faster: follow it by up to 200 ppm
            self._started += math.copysign(DRIFT, behind)

    def _due(self) -> int:
        return int((asyncio.get_running_loop().time() - self._started) / self._container.seconds)

    def _count(self, seconds: float) -> int:
        """So many packets."""
        return round(seconds / self._container.seconds)

    def _emit(self, packet: bytes) -> None:
        self._emitted += 1
        self._pending.append(packet)
        if len(self._pending) == self._count(SHARED_PAGE):
            self._flush()

    def _flush(self) -> None:
        packets, self._pending = self._pending, []
        self._recent.extend(packets)
        self._joining = None
        shared = frame(self._container.shared(packets))
        for wire in tuple(self._wires):
            if wire.backlog > UNSENT:
                wire.drop()
                self._wires.discard(wire)
            else:
                wire.send(shared)

    def _sweep(self) -> None:
        for wire in tuple(self._wires):
            if wire.closed:
                self._wires.discard(wire)
                wire.end()

    def _burst(self) -> Frame:
        """The last 2.5 s; the next shared bytes follow them."""
        if self._joining is None:
            self._joining = frame(self._container.joining(list(self._recent)))
        return self._joining
