"""One room's sound for many browsers: packets in, one endless Ogg stream out."""

import asyncio
import math
import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import structlog

from core.ports.stream import RoomStream
from core.types import RoomId
from web import ogg
from web.wire import Frame, Wire, frame

log = structlog.get_logger()

PACKET = 0.02
BURST = 125
"""2.5 s on joining."""
BURST_MS = 2500
SILENT = 60
"""1.2 s on joining where nothing has been heard yet: what now begins is heard that much later."""
BURST_PAGE = 5
SHARED_PAGE = 25
BURST_BYTES = BURST * 330
LEAST_BYTES = 330
"""A packet's share of a page, on average: 132 kbit/s. Chromium hands an unending file to its player in blocks of
32 KB; thinner sound (silence most of all) would make it wait for seconds and lag for ever."""
PATIENCE = 15
AHEAD = 50
DRIFT = 0.00002
TICK = 0.1
FIRST_PACKETS = 0.25
"""Seconds that the first listener waits for what was just heard, so that the stream does not begin with silence."""
AT_ONCE = 0.03
"""Seconds in which all that was just heard comes."""
UNSENT = 256 * 1024
BACK_OFF = (0.1, 2.0)


class Relay:
    """Opens the upstream, keeps wall-clock time whatever comes of it, and writes to every listener.

    One serial, granules that only rise. What the upstream leaves out is silence, so a node that goes away, a pause
    or a change of tracks never ends a listener's stream.
    """

    def __init__(self, room: RoomId, upstream: RoomStream) -> None:
        self._room, self._upstream = room, upstream
        self._serial = secrets.randbits(31)
        self._sequence = 1 + BURST  # a joining listener's burst counts up to here
        self._granule = 0
        self._pending: list[bytes] = []
        self._recent: deque[bytes] = deque([ogg.SILENCE] * SILENT, maxlen=BURST)
        self._joining: Frame | None = None
        self._emitted = 0
        self._started = 0.0
        self._early = 0  # packets that came before anybody was served
        self._begun = asyncio.Event()
        self._ready = asyncio.Event()
        self._wires: set[Wire] = set()
        self._tasks: list[asyncio.Task[None]] = []

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

    async def join(self, wire: Wire) -> None:
        """Send the stream so far to a listener; what follows comes by itself."""
        await self._ready.wait()
        wire.send(self._burst())
        self._wires.add(wire)

    def leave(self, wire: Wire) -> None:
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
        recent, past = 0 if self._ready.is_set() else BURST_MS, 0.0
        async for packet in self._upstream.packets(self._room, recent=recent):
            now = asyncio.get_running_loop().time()
            if recent and self._ready.is_set() and not self._early:  # they come too late to begin with
                recent, past = 0, now + AT_ONCE
            if now >= past:
                yield packet

    def _hear(self, packet: bytes) -> None:
        if not self._ready.is_set():
            self._recent.append(packet)
            self._early += 1
            if self._early == BURST:
                self._begun.set()
        elif self._emitted - self._due() < AHEAD:
            self._emit(packet)

    async def _keep_time(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PACKETS):
                await self._begun.wait()
        self._granule = BURST * ogg.PACKET_SAMPLES
        self._started = asyncio.get_running_loop().time()
        self._ready.set()
        while True:
            await asyncio.sleep(TICK)
            self._fill()
            self._sweep()

    def _fill(self) -> None:
        behind = self._due() - self._emitted
        if behind > PATIENCE:
            for _ in range(behind):
                self._emit(ogg.SILENCE)
        else:  # a remote node's clock may run slower or faster: follow it by up to 200 ppm
            self._started += math.copysign(DRIFT, behind)

    def _due(self) -> int:
        return int((asyncio.get_running_loop().time() - self._started) / PACKET)

    def _emit(self, packet: bytes) -> None:
        self._emitted += 1
        self._pending.append(packet)
        if len(self._pending) == SHARED_PAGE:
            self._flush()

    def _flush(self) -> None:
        packets, self._pending = self._pending, []
        self._recent.extend(packets)
        self._joining = None
        self._sequence += 1
        self._granule += len(packets) * ogg.PACKET_SAMPLES
        shared = frame(ogg.page(self._serial, self._sequence, self._granule, _filled(packets)))
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
        """Headers and the last 2.5 s in small pages, numbered so that the next shared page follows them."""
        if self._joining is None:
            packets = _filled(list(self._recent), BURST_BYTES // len(self._recent))
            pages = [packets[at : at + BURST_PAGE] for at in range(0, len(packets), BURST_PAGE)]
            sequence, granule = self._sequence - len(pages), self._granule - len(packets) * ogg.PACKET_SAMPLES
            data = ogg.headers(self._serial)
            for index, page in enumerate(pages, 1):
                granule += len(page) * ogg.PACKET_SAMPLES
                data += ogg.page(self._serial, sequence + index, granule, page)
            self._joining = frame(data)
        return self._joining


def _filled(packets: Sequence[bytes], least: int = LEAST_BYTES) -> Sequence[bytes]:
    """The packets, padded when they are too few bytes (see LEAST_BYTES)."""
    missing = least * len(packets) - sum(map(len, packets))
    return packets if missing <= 0 else [ogg.padded(packet, missing // len(packets)) for packet in packets]
