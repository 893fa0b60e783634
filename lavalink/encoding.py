"""One format of a player's stream, encoded on a thread of its own while somebody reads it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from lavalink.transcoder import Format, Transcoder
from lavalink.workers import Workers

BATCH = 5
"""Packets (100 ms) that are encoded in one go: a thread that woke up for each would cost more than the work."""
MOST = 500
"""Packets (10 s) that may wait: behind that, encoding is hopelessly late and the oldest are left out."""

log = structlog.get_logger()


class Hands(Protocol):
    """Threads that encode, and the way back onto the loop."""

    @property
    def encoders(self) -> Workers:
        """The threads."""
        ...

    def call(self, callback: Callable[[], None]) -> None:
        """Have something done on the loop. From any thread."""
        ...


class Encoding:
    """Makes frames of packets, in order; `deliver` gets them on the loop."""

    def __init__(self, wanted: Format, hands: Hands, deliver: Callable[[list[bytes]], None]) -> None:
        self._hands = hands
        self._wanted: Format = wanted
        self._deliver = deliver
        self._waiting: deque[bytes] = deque(maxlen=MOST)
        self._transcoder: Transcoder | None = None
        self._lock = threading.Lock()
        self._busy = False
        self._closed = False

    def put(self, packets: Iterable[bytes]) -> None:
        """Have packets encoded soon, once there are some. On the loop."""
        self._waiting.extend(packets)
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Have what waits encoded now. On the loop."""
        with self._lock:
            if self._busy or self._closed or not self._waiting:
                return
            self._busy = True
        self._hands.encoders.submit(self._work)

    def close(self) -> None:
        """Encode nothing any more. On the loop."""
        self._closed = True
        self._waiting.clear()

    def _work(self) -> None:
        frames: list[bytes] = []
        try:
            frames = self._encode()
        finally:
            with self._lock:
                self._busy = False
        if frames:
            self._hands.call(lambda: self._hand_over(frames))

    def _encode(self) -> list[bytes]:
        if self._transcoder is None:
            self._transcoder = Transcoder(self._wanted)
        frames: list[bytes] = []
        while self._waiting and not self._closed:
            try:
                packet = self._waiting.popleft()
            except IndexError:  # closed meanwhile
                break
            frames += self._transcoder.push(packet)
        return frames

    def _hand_over(self, frames: list[bytes]) -> None:
        if not self._closed:
            self._deliver(frames)
