"""The worker's side of a player: tracks in, a short ring of packets out."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from lavalink.engine import Engine
from lavalink.filters import Effect
from lavalink.opus import BLOCK, RATE
from lavalink.packetizer import Packetizer
from lavalink.protocol import LoadError
from lavalink.reel import Reel
from lavalink.shaper import Shaper

FULL = 19
"""Packets that a ring holds at most (380 ms): what is changed is heard when they have gone out."""
LOW = 14
"""Packets below which a ring is filled up again: a stall of 280 ms is not heard."""
LATE = 0.1
"""Seconds that a refill waits for a thread only when the threads have too much to do."""


@dataclass(frozen=True, slots=True)
class Joined:
    """From here on the ring holds the next track."""

    reel: Reel


@dataclass(frozen=True, slots=True)
class Paced:
    """From here, `position` ms of the track, on it goes by `tempo` times as fast as time."""

    position: int
    tempo: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing comes after this; `error` says what broke the track, if anything did."""

    error: LoadError | None


class Deck:
    """Plays a reel, then the one that was cued, without a gap; a new deck is made for each start and seek.

    `ring` is popped by the loop and filled by one worker at a time.
    """

    def __init__(
        self,
        engine: Engine,
        reel: Reel,
        gain: float,
        effects: tuple[Effect, ...],
        *,
        on_ready: Callable[["Deck"], None],
        on_missed: Callable[["Deck", Reel], None],
    ) -> None:
        """`on_ready`: the ring has its first item, or an error; `on_missed`: the cued reel cannot be opened."""
        self.ring: deque[bytes | Joined | Paced | Ended] = deque()
        self.gain = gain
        self.effects = effects
        self.joining = False
        """A join is in the ring and has not been heard yet."""
        self._engine = engine
        self._reel = reel
        self._next: Reel | None = None
        self._on_ready = on_ready
        self._on_missed = on_missed
        self._packetizer: Packetizer | None = None
        self._first = effects  # made into a shaper by a worker: an equalizer takes some ms
        self._shaper: Shaper | None = None
        self._lock = threading.Lock()  # between the loop and a worker: who takes the next reel
        self._filling = True
        self._announced = False
        self._asked = 0.0  # when the last refill was
        self._exhausted = False
        self._over = False
        self._closed = False
        engine.openers.submit(self._start)

    def refill(self) -> None:
        """Have the ring filled up, unless that is under way. On the loop."""
        if not (self._filling or self._over or self._closed):
            self._filling = True
            self._asked = time.monotonic()
            self._engine.decoders.submit(self._fill)

    def cue(self, reel: Reel | None) -> bool:
        """Name the track that follows; False if a join has begun already. On the loop."""
        with self._lock:
            if self.joining:
                return False
            former, self._next = self._next, reel
        if former is not None:
            self._discard(former)
        if reel is not None:
            self._reopen_end()
            self._engine.openers.submit(lambda: self._open_next(reel))
        return True

    def limit(self, end: int | None) -> None:
        """Let the current track end at `end` ms."""
        self._reel.end = end

    def force_join(self) -> None:
        """The current track has been heard to its end: go on with the next, opened or not. On the loop."""
        with self._lock:
            reel = self._next
            if reel is not None:
                self._join(reel)

    def close(self) -> None:
        """Stop filling and give the sources back. On the loop."""
        self._closed = True
        for reel in (self._reel, self._next):
            if reel is not None:
                self._discard(reel)

    @property
    def drained(self) -> bool:
        """Whether all has been heard and only the opening of the next track is awaited."""
        return self._exhausted and not self.ring

    def _start(self) -> None:
        self._reel.open()
        self._engine.decoders.submit(self._fill)

    def _open_next(self, reel: Reel) -> None:
        reel.open()
        self._engine.call(lambda: self._next_opened(reel))

    def _next_opened(self, reel: Reel) -> None:
        if self._closed:
            return
        if reel.error is not None and reel is self._next:
            self._on_missed(self, reel)
        self.refill()

    def _fill(self) -> None:
        if self._packetizer is not None:
            self._mind_load(self._packetizer)
        try:
            while self._room and not self._over and not self._closed:
                if not self._step(self._reel):
                    break
        except LoadError as error:
            self._end(error)
        except Exception as error:  # noqa: BLE001 (a decoder's surprise ends one track only)
            self._end(LoadError("The file cannot be played", "fault", repr(error)))
        finally:
            self._filling = False

    @property
    def _room(self) -> bool:
        """Whether what the next step brings still fits in."""
        return len(self.ring) + (BLOCK if self._packetizer else 1) <= FULL

    def _mind_load(self, packetizer: Packetizer) -> None:
        if time.monotonic() - self._asked > LATE:
            self._engine.strain()
        packetizer.spend(self._engine.complexity)

    def _step(self, reel: Reel) -> bool:
        """Add 20 to 100 ms; False if there is nothing to add for now."""
        if not reel.opened:
            return False
        shaper = self._ready_shaper()
        if shaper is not None and shaper.waiting:
            self._shape(reel, shaper)
            return True
        piece = reel.read(copy=self._packetizer is None and shaper is None and self.gain == 1.0)
        if piece is None:
            return self._turn(reel)
        if isinstance(piece, bytes):
            self._put(piece)
        elif shaper is not None:
            shaper.feed(piece)
        else:
            self._put_all(self._encoder.push(piece, self.gain))
        return True

    def _ready_shaper(self) -> Shaper | None:
        """What samples go through, if they go through anything."""
        if self._first:
            self._shaper, self._first = Shaper(self._first), ()
        elif self._shaper is None and self.effects:
            self._shaper = Shaper(())
        return self._shaper

    def _shape(self, reel: Reel, shaper: Shaper) -> None:
        """Filter some of what was read; say so where that makes the track go faster or slower."""
        tempo = shaper.tempo
        self._put_all(self._encoder.push_sound(shaper.shape(self.effects), self.gain))
        if shaper.tempo != tempo:
            unheard = shaper.behind + self._encoder.held * tempo
            self._put(Paced(round(reel.position - unheard * 1000 / RATE), shaper.tempo))
        if shaper.idle:
            self._shaper = None

    def _drain(self, shaper: Shaper) -> None:
        """A track has ended: what the filters still hold of it."""
        tempo = shaper.tempo
        self._put_all(self._encoder.push_sound(shaper.flush(), self.gain))
        if shaper.tempo != tempo:
            self._put(Paced(round(self._reel.position), shaper.tempo))

    @property
    def _encoder(self) -> Packetizer:
        if self._packetizer is None:
            self._packetizer = Packetizer(self.gain)
        return self._packetizer

    def _turn(self, reel: Reel) -> bool:
        """The end of a reel: go on with the next, or wait for it, or end."""
        if self._shaper is not None and self._shaper.unfinished:
            self._drain(self._shaper)
        with self._lock:
            if reel is not self._reel:
                return True
            following = self._next
            if following is not None and following.opened and following.error is None:
                self._join(following)
                return True
            self._exhausted = following is not None and not following.opened
        if not self._exhausted:
            self._end(None)
        return False

    def _join(self, reel: Reel) -> None:
        self._discard(self._reel)
        self._reel, self._next = reel, None
        self.joining, self._exhausted = True, False
        self._put(Joined(reel))

    def _end(self, error: LoadError | None) -> None:
        if self._packetizer is not None:
            self._put_all(self._packetizer.flush())
        self._over = True
        self._put(Ended(error))
        if error is not None:
            self._announce()

    def _reopen_end(self) -> None:
        """A next track was named in the last moment: the end is not the end."""
        if self._over and self.ring and self.ring[-1] == Ended(None):
            self.ring.pop()
            self._over = False

    def _put(self, item: bytes | Joined | Paced | Ended) -> None:
        self.ring.append(item)
        if not self._announced:
            self._announced = True
            self._announce()

    def _put_all(self, packets: list[bytes]) -> None:
        for packet in packets:
            self._put(packet)

    def _announce(self) -> None:
        self._engine.call(lambda: self._on_ready(self))

    def _discard(self, reel: Reel) -> None:
        reel.cancel()
        self._engine.openers.submit(reel.close)
