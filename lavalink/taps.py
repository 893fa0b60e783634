"""Stream taps: a player's packets for readers over HTTP (docs/nodes.md)."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

from lavalink.opus import FRAME_MS
from lavalink.protocol import Tap

UNSENT = 256 * 1024
"""Bytes that a reader may lag behind."""
RECENT_MS = 2500
"""How much of what was just sent a new reader may ask for."""

State = Literal["opened", "closed", "dropped"]


class TapQueue:
    """One reader's packets, framed `u16 length | packet`; iterate for bytes, close when done."""

    def __init__(self, on_end: Callable[["TapQueue", State], None]) -> None:
        self._on_end = on_end
        self._frames: list[bytes] = []
        self._size = 0
        self._wake: asyncio.Future[None] | None = None
        self._ended = False
        self._abort: Callable[[], object] | None = None

    def when_dropped(self, abort: Callable[[], object]) -> None:
        """What ends the connection of a reader that does not read."""
        self._abort = abort

    def put(self, frame: bytes) -> None:
        """Add a framed packet; drops the reader if it lags too far behind."""
        self._frames.append(frame)
        self._size += len(frame)
        if self._size > UNSENT:
            self._end("dropped")
            if self._abort is not None:
                self._abort()
        else:
            self._rouse()

    def close(self) -> None:
        """The reader has gone, or the tap has ended."""
        self._end("closed")

    def __aiter__(self) -> "TapQueue":
        return self

    async def __anext__(self) -> bytes:
        while not self._frames and not self._ended:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        if self._ended:
            raise StopAsyncIteration
        data = b"".join(self._frames)
        self._frames.clear()
        self._size = 0
        return data

    def _end(self, state: State) -> None:
        if self._ended:
            return
        self._ended = True
        self._frames.clear()
        self._rouse()
        self._on_end(self, state)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Taps:
    """The taps of one player."""

    def __init__(self, report: Callable[[str, State], None]) -> None:
        """`report(id, state)` is called when a reader comes, goes or is dropped."""
        self._report = report
        self._taps: dict[str, Tap] = {}
        self._readers: dict[str, TapQueue] = {}
        self._recent: deque[bytes] = deque(maxlen=RECENT_MS // FRAME_MS)

    @property
    def listed(self) -> list[Tap]:
        """The taps that there are."""
        return list(self._taps.values())

    def set(self, taps: list[Tap]) -> None:
        """Make these the only taps; readers of others are closed."""
        self._taps = {tap.id: tap for tap in taps}
        for tap_id in [tap_id for tap_id in self._readers if tap_id not in self._taps]:
            self._readers[tap_id].close()

    def read(self, tap_id: str, *, recent: int = 0) -> TapQueue | None:
        """A new reader in place of the former, who gets the last `recent` ms first; None if there is no such tap."""
        if tap_id not in self._taps:
            return None
        if former := self._readers.get(tap_id):
            former.close()
        reader = TapQueue(lambda queue, state: self._ended(tap_id, queue, state))
        self._readers[tap_id] = reader
        past = list(self._recent)
        for packet in past[len(past) - min(recent // FRAME_MS, len(past)) :]:
            reader.put(_framed(packet))
        self._report(tap_id, "opened")
        return reader

    def put(self, packet: bytes) -> None:
        """Give a packet to all readers."""
        self._recent.append(packet)
        if not self._readers:
            return
        frame = _framed(packet)
        for reader in tuple(self._readers.values()):
            reader.put(frame)

    def forget(self) -> None:
        """Nothing is sent any more: what was sent is the past for those who come now."""
        self._recent.clear()

    def _ended(self, tap_id: str, queue: TapQueue, state: State) -> None:
        if self._readers.get(tap_id) is queue:
            del self._readers[tap_id]
        self._report(tap_id, state)


def _framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet
