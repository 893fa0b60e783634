"""Taps: a player's sound for readers over HTTP, and for those to whom it is pushed (docs/nodes.md)."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from lavalink.encoding import Encoding, Hands
from lavalink.opus import FRAME_MS, RATE
from lavalink.protocol import PushModel, PushTap, StreamTap, Tap
from lavalink.transcoder import CODECS, Format

UNSENT = 256 * 1024
"""Bytes that a reader may lag behind."""
RECENT_MS = 2500
"""How much of what was just sent a new reader may ask for."""

State = Literal["opened", "closed", "dropped", "live", "failed"]


class TapQueue:
    """One reader's packets, framed `u16 length | packet`; iterate for bytes, close when done."""

    def __init__(self, on_end: Callable[["TapQueue", Literal["closed", "dropped"]], None]) -> None:
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

    def _end(self, state: Literal["closed", "dropped"]) -> None:
        if self._ended:
            return
        self._ended = True
        self._frames.clear()
        self._rouse()
        self._on_end(self, state)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Channel:
    """What the readers of one format get: the same frames each, and what was just sent when they come."""

    def __init__(self, frame_ms: float) -> None:
        self._frame_ms = frame_ms
        self._recent: deque[bytes] = deque(maxlen=int(RECENT_MS / frame_ms))
        self._readers: set[TapQueue] = set()

    @property
    def used(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def past(self, ms: int) -> list[bytes]:
        """What was sent in the last so many ms."""
        kept = list(self._recent)
        return kept[len(kept) - min(int(ms / self._frame_ms), len(kept)) :]

    def join(self, reader: TapQueue, recent: int) -> None:
        """Give a reader the last `recent` ms, and everything from now on."""
        for packet in self.past(recent):
            reader.put(_framed(packet))
        self._readers.add(reader)

    def leave(self, reader: TapQueue) -> None:
        """Give it nothing any more."""
        self._readers.discard(reader)

    def put(self, packet: bytes) -> None:
        """Send one."""
        self._recent.append(packet)
        if self._readers:
            frame = _framed(packet)
            for reader in tuple(self._readers):
                reader.put(frame)

    def put_all(self, packets: Iterable[bytes]) -> None:
        """Send some."""
        for packet in packets:
            self.put(packet)

    def forget(self) -> None:
        """What was sent is past."""
        self._recent.clear()


class Pushing(Protocol):
    """Sends a player's packets to servers elsewhere."""

    def set(self, taps: list[PushTap]) -> None:
        """Push to these alone."""
        ...

    def put(self, packet: bytes) -> None:
        """Send a packet."""
        ...

    def state(self, tap_id: str) -> str:
        """How a push is doing."""
        ...


class Taps:
    """The taps of one player."""

    def __init__(self, report: Callable[[str, State], None], hands: Hands, pushing: Pushing) -> None:
        """`report(id, state)` is called when a reader comes, goes or is dropped."""
        self._report = report
        self._hands = hands
        self._pushing = pushing
        self._taps: dict[str, Tap] = {}
        self._readers: dict[str, TapQueue] = {}
        self._packets = Channel(FRAME_MS)
        self._encoded: dict[Format, tuple[Encoding, Channel]] = {}

    @property
    def listed(self) -> list[StreamTap | PushModel]:
        """The taps that there are, without what nobody else is to know."""
        taps = self._taps.values()
        return [PushModel(id=it.id, state=self._pushing.state(it.id)) if isinstance(it, PushTap) else it for it in taps]

    def set(self, taps: list[Tap]) -> None:
        """Make these the only taps; readers of others are closed."""
        self._taps = {tap.id: tap for tap in taps}
        for tap_id in [tap_id for tap_id in self._readers if tap_id not in self._taps]:
            self._readers[tap_id].close()
        self._pushing.set([tap for tap in taps if isinstance(tap, PushTap)])

    def read(self, tap_id: str, *, recent: int = 0) -> TapQueue | None:
        """A new reader in place of the former, who gets the last `recent` ms first; None if there is no such tap."""
        tap = self._taps.get(tap_id)
        if not isinstance(tap, StreamTap):
            return None
        if former := self._readers.get(tap_id):
            former.close()
        reader = TapQueue(lambda queue, state: self._ended(tap, queue, state))
        self._readers[tap_id] = reader
        self._channel(tap, recent).join(reader, recent)
        self._report(tap_id, "opened")
        return reader

    def put(self, packet: bytes) -> None:
        """Give a packet to all readers."""
        self._packets.put(packet)
        self._pushing.put(packet)
        for encoding, _ in self._encoded.values():
            encoding.put((packet,))

    def past(self, ms: int) -> list[bytes]:
        """The packets of the last so many ms."""
        return self._packets.past(ms)

    def forget(self) -> None:
        """Nothing is sent any more: what was sent is the past for those who come now."""
        self._packets.forget()
        for encoding, channel in self._encoded.values():
            encoding.flush()
            channel.forget()

    def _channel(self, tap: StreamTap, recent: int) -> Channel:
        """Where a tap's reader belongs; an encoder begins with what was just heard."""
        if tap.format == "opus":
            return self._packets
        if tap.format not in self._encoded:
            channel = Channel(CODECS[tap.format].samples * 1000 / RATE)
            encoding = Encoding(tap.format, self._hands, channel.put_all)
            self._encoded[tap.format] = encoding, channel
            encoding.put(self._packets.past(recent))
        return self._encoded[tap.format][1]

    def _ended(self, tap: StreamTap, queue: TapQueue, state: Literal["closed", "dropped"]) -> None:
        if self._readers.get(tap.id) is queue:
            del self._readers[tap.id]
        self._leave(tap, queue)
        self._report(tap.id, state)

    def _leave(self, tap: StreamTap, queue: TapQueue) -> None:
        """The last reader of an encoder's takes it along."""
        if tap.format == "opus":
            self._packets.leave(queue)
            return
        encoding, channel = self._encoded[tap.format]
        channel.leave(queue)
        if not channel.used:
            encoding.close()
            del self._encoded[tap.format]


def _framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet
