"""From one sound to another, or to silence: what was cut off fades while what is new comes, and nothing clicks."""

from collections import deque
from collections.abc import Callable

import structlog

from lavalink.engine import Engine
from lavalink.marks import Ring
from lavalink.opus import BITRATE
from lavalink.splicer import MEMORY, splice

LEAD = 2
"""Packets that are heard while a splice is made."""
PATIENCE = 10
"""Ticks that new sound waits for some more packets of it, which would make its beginning softer."""

log = structlog.get_logger()


class Transition:
    """The packets between two sounds of a player. On the loop; splices are made by a worker.

    `open` says whether the ring of what plays now is what is heard next. It is shut by `cut`, opened by `enter`.
    """

    def __init__(self, engine: Engine, past: Callable[[int], list[bytes]]) -> None:
        """`past(packets)`: what was sent last."""
        self.open = False
        self.frames = 0
        """Over how many packets sound fades; none at 0."""
        self.bitrate = BITRATE
        self._engine = engine
        self._past = past
        self.tail = deque[bytes]()
        """What is left of what was cut off."""
        self._bridge = False  # the tail has not been faded yet
        self._job: object | None = None  # the splice that is being made
        self._taken = 0  # packets of the tail since it was asked for
        self._waited = 0

    def cut(self, ring: Ring | None, *, bridge: bool) -> None:
        """What was to be heard next is not: it fades now, or, as a `bridge`, only when there is nothing new in time."""
        upcoming = [*self.tail, *(ring.packets if ring is not None and self.open else ())]
        self.open, self._job, self._waited = False, None, 0
        self._bridge = bridge
        self.tail = deque(upcoming if bridge or self.frames else ())
        if not bridge:
            self._fade(LEAD)

    def enter(self, ring: Ring, *, rise: bool, go: Callable[[], None]) -> None:
        """Let new sound be heard, with `rise` softly, as soon as there is enough of it; `go` is called then."""
        if self.open or self._job is not None:
            return
        if not self.frames or not (self.tail or rise):
            self._open(go)
            return
        packets, ended = ring.packets[: self.frames + 1], ring.end is not None
        self._waited += 1
        if packets and (len(packets) > self.frames or ended or self._waited > PATIENCE):
            self._splice_in(ring, packets, rise, go)
        elif ended and not packets and not self.tail:
            self._open(go)

    def take(self) -> bytes | None:
        """The next packet of what was cut off; None when it is over."""
        if not self.tail:
            return None
        if self._bridge and self._job is None and not self.open and len(self.tail) <= self.frames + LEAD:
            self._fade(LEAD)  # nothing new has come in time
        self._taken += 1
        return self.tail.popleft()

    @property
    def busy(self) -> bool:
        """Whether a splice is being made."""
        return self._job is not None

    def clear(self) -> None:
        """Forget what was cut off."""
        self.tail.clear()
        self._job = None

    def _open(self, go: Callable[[], None]) -> None:
        self.tail.clear()
        self.open = True
        go()

    def _fade(self, lead: int) -> None:
        """Have the tail end softly after some packets of it."""
        self._bridge = False
        tail, frames = list(self.tail), min(self.frames, len(self.tail))
        lead = min(lead, len(tail) - frames)
        if not frames:
            return
        before, going = [*self._past(MEMORY), *tail[:lead]], tail[lead : lead + frames]

        def done(faded: list[bytes] | None) -> None:
            if self._taken > lead:
                self._fade(LEAD)  # too late: a little further on, then
            elif faded is not None:
                self.tail = deque([*list(self.tail)[: lead - self._taken], *faded])

        self._make(lambda: splice(before, going, (), frames, rise=False, bitrate=self.bitrate), done)

    def _splice_in(self, ring: Ring, packets: list[bytes], rise: bool, go: Callable[[], None]) -> None:  # noqa: FBT001
        frames = min(self.frames, len(packets))
        tail = list(self.tail)
        lead = min(LEAD, max(0, len(tail) - frames))
        before, going = [*self._past(MEMORY), *tail[:lead]], tail[lead:]

        def done(spliced: list[bytes] | None) -> None:
            if spliced is not None and self._taken > lead:
                self.enter(ring, rise=rise, go=go)  # too late: a little further on, then
                return
            left = list(self.tail)[: lead - self._taken] if spliced is not None else []
            ring.replace(spliced or [])
            self._open(go)
            self.tail = deque(left)

        self._make(lambda: splice(before, going, packets, frames, rise=rise, bitrate=self.bitrate), done)

    def _make(self, job: Callable[[], list[bytes]], done: Callable[[list[bytes] | None], None]) -> None:
        """Have a worker splice; `done` is called unless something else has happened meanwhile."""
        token = self._job = object()
        self._taken = 0

        def finish(packets: list[bytes] | None) -> None:
            if self._job is token:
                self._job = None
                done(packets)

        def work() -> None:
            try:
                packets = job()
            except Exception:
                log.exception("splice_failed")
                packets = None
            self._engine.call(lambda: finish(packets))

        self._engine.decoders.submit(work)
