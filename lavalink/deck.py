"""The worker's side of a player: tracks in, a short ring of packets out."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from lavalink.crossfade import Crossfade, crossfade
from lavalink.engine import Engine
from lavalink.marks import FULL, LOW, LOW_UNTOUCHED, Ended, Joined, Paced, Ring
from lavalink.opus import BITRATE, BLOCK, RATE
from lavalink.packetizer import Packetizer
from lavalink.protocol import LoadError, Track
from lavalink.reel import Reel
from lavalink.strand import Shaping, Strand


class Deck:
    """Plays a reel, then the one that was cued, without a gap; a new deck is made for each start and seek.

    `ring` is popped by the loop and filled by one worker at a time.
    """

    def __init__(
        self,
        engine: Engine,
        reel: Reel,
        shaping: Shaping,
        *,
        on_ready: Callable[["Deck"], None],
        on_missed: Callable[["Deck", Reel], None],
    ) -> None:
        """`on_ready`: the ring has its first item, or is full at first; `on_missed`: what is cued cannot be played."""
        self.ring = Ring()
        self.bitrate = BITRATE
        self.joining = False
        """A join is in the ring and has not been heard yet."""
        self._engine = engine
        self._heard = self._strand = Strand(reel, shaping)  # what is heard now, and what goes into the ring now
        self._following = shaping
        self._fade: Crossfade | None = None
        self._next: Reel | None = None
        self._on_ready = on_ready
        self._on_missed = on_missed
        self._packetizer: Packetizer | None = None
        self._lock = threading.Lock()  # between the loop and a worker: who takes the next reel
        self._filling = True
        self._asked = 0.0  # when the last refill was
        self._announced = self._filled = self._exhausted = self._over = self._closed = False
        engine.openers.submit(self._start)

    # On the loop

    def refill(self) -> None:
        """Have the ring filled up, unless that is under way."""
        if not (self._filling or self._over or self._closed):
            self._filling = True
            self._asked = time.monotonic()
            self._engine.decoders.submit(self._fill)

    def shape(self, current: Shaping, following: Shaping) -> None:
        """How the track that is heard is to sound, and how the one after it is."""
        with self._lock:
            self._following, fade = following, self._fade
            if self._strand is not self._heard:
                self._strand.shaping = following
            if fade is not None and self._heard is fade.coming:
                fade.former.shaping = replace(fade.former.shaping, volume=current.volume)
            elif fade is not None:
                fade.coming.shaping = following
            self._heard.shaping = current

    def cue(self, reel: Reel | None) -> bool:
        """Name the track that follows; False if a join has begun already."""
        with self._lock:
            if self.joining:
                return False
            former, self._next = self._next, reel
            self._strand.reel.successor = None if reel is None or reel.crossfade else reel
            fading = self._fade is not None and former is self._fade.coming.reel
        if former is not None and not fading:  # if it can be heard already it goes softly
            self._discard(former)
        if reel is not None:
            self._over = self._over and not self.ring.reopen()
            self._engine.openers.submit(lambda: self._open_next(reel))
        return True

    def rename(self, track: Track) -> bool:
        """Know the track that follows by another name, its reel and a crossfade going on; False if there is none."""
        with self._lock:
            following = self._next
            if self.joining or following is None or following.error is not None:
                return False
            following.track = track
            return True

    def joined(self) -> None:
        """The join has been heard."""
        with self._lock:
            self._heard = self._strand
            self.joining = False

    def limit(self, end: int | None) -> None:
        """Let the track that is heard end at `end` ms."""
        self._heard.reel.end = end

    def force_join(self) -> None:
        """The current track has been heard to its end: go on with the next, opened or not."""
        with self._lock:
            reel = self._next
            if reel is not None:
                self._join(reel)

    def close(self) -> None:
        """Stop filling and give the sources back."""
        self._closed = True
        with self._lock:
            fade = self._fade
            reels = (self._strand.reel, self._next, *((fade.former.reel, fade.coming.reel) if fade else ()))
        for reel in filter(None, reels):
            self._discard(reel)

    @property
    def low(self) -> int:
        """Packets below which the ring is to be filled up: once some were encoded, all are."""
        return LOW if self._packetizer else LOW_UNTOUCHED

    @property
    def drained(self) -> bool:
        """Whether all has been heard and only the opening of the next track is awaited."""
        return self._exhausted and not self.ring

    def _next_opened(self, reel: Reel) -> None:
        if self._closed:
            return
        if reel.error is not None and reel is self._next:
            self._on_missed(self, reel)
        self.refill()

    # In a worker

    def _start(self) -> None:
        self._strand.reel.open()
        self._engine.decoders.submit(self._fill)

    def _open_next(self, reel: Reel) -> None:
        reel.open()
        self._engine.call(lambda: self._next_opened(reel))

    def _fill(self) -> None:
        if self._packetizer is not None:
            self._packetizer.tune(self._engine.effort(self._asked), self.bitrate)
        try:
            while self._room and not self._over and not self._closed:
                if not self._step(self._strand):
                    break
        except LoadError as error:
            self._end(error)
        except Exception as error:  # noqa: BLE001 (a decoder's surprise ends one track only)
            self._end(LoadError("The file cannot be played", "fault", repr(error)))
        finally:
            self._filling = False
        if not self._filled:
            self._filled = True
            self._announce()

    @property
    def _room(self) -> bool:
        """Whether what the next step brings still fits in."""
        return len(self.ring) + (BLOCK if self._packetizer else 1) <= FULL

    def _step(self, strand: Strand) -> bool:
        """Add 20 to 100 ms; False if there is nothing to add for now."""
        if not strand.reel.opened:
            return False
        if fade := self._fade or self._begin_fade(strand):
            self._cross(fade)
            return True
        if strand.plain:
            return self._copy(strand)
        tempo, sound = strand.tempo, strand.read()
        if sound is None:
            return self._turn(strand)
        self._put(*self._encoder.push_sound(sound))
        self._pace(strand, tempo)
        return True

    def _copy(self, strand: Strand) -> bool:
        """Add some of a track as it is."""
        piece = strand.reel.read(copy=0 if self._packetizer else FULL - len(self.ring) if self.ring else 1)
        if piece is None:
            return self._turn(strand)
        self._put(*(piece if isinstance(piece, list) else self._encoder.push(piece)))
        return True

    def _pace(self, strand: Strand, tempo: float) -> None:
        """Say so if filters have made the track go faster or slower."""
        if strand.tempo != tempo:
            self._put(Paced(round(strand.position - self._encoder.held * tempo * 1000 / RATE), strand.tempo))

    @property
    def _encoder(self) -> Packetizer:
        if self._packetizer is None:
            self._packetizer = Packetizer(self.bitrate)
        return self._packetizer

    # The end of a track

    def _begin_fade(self, strand: Strand) -> Crossfade | None:
        """The crossfade into the next track, if it is time for it."""
        following = self._next
        if following is None or not following.crossfade or following.error is not None:
            return None
        left = strand.left(following.crossfade * RATE // 1000)
        if left is not None and following.opened:
            with self._lock:
                if following is self._next:
                    self._fade = crossfade(strand, Strand(following, self._following), left)
        return self._fade

    def _cross(self, fade: Crossfade) -> None:
        """Add some of both tracks; in the middle the coming one becomes the one that is heard."""
        wanted = self._strand is fade.coming or self._next is fade.coming.reel
        if not wanted and not fade.retreating:
            fade.call_off()
        strand, tempo = self._strand, self._strand.tempo
        self._put(*self._encoder.push_sound(fade.mix()))
        self._pace(strand, tempo)
        if fade.error is not None and not fade.retreating:
            self._broken(fade, fade.error)
        with self._lock:
            if fade.turned and self._next is fade.coming.reel:
                self._begin(fade.coming)
        if fade.over:
            self._settle(fade)

    def _broken(self, fade: Crossfade, error: LoadError) -> None:
        """The coming track fails: if it is not yet the one that is heard, the former one plays on."""
        if self._strand is fade.coming:
            raise error
        fade.call_off()
        reel = fade.coming.reel
        reel.error = error
        self._engine.call(lambda: self._next_opened(reel))

    def _settle(self, fade: Crossfade) -> None:
        """Only one of two tracks is left."""
        with self._lock:
            self._fade = None
        self._discard(fade.former.reel if self._strand is fade.coming else fade.coming.reel)

    def _turn(self, strand: Strand) -> bool:
        """The end of a track: go on with the next, or wait for it, or end."""
        with self._lock:
            if strand is not self._strand:
                return True
            following = self._next
            if following is not None and following.opened and following.error is None:
                self._join(following)
                return True
            self._exhausted = following is not None and not following.opened
            if not self._exhausted:  # all at once: whoever names a next track then finds an end to take back
                self._end(None)
        return False

    def _join(self, reel: Reel) -> None:
        """Go on with the next track where the last sample of this one was."""
        self._discard(self._strand.reel)
        self._begin(Strand(reel, self._following, self._strand))

    def _begin(self, strand: Strand) -> None:
        """From here on this is the track that is heard."""
        self._strand, self._next = strand, None
        self.joining, self._exhausted = True, False
        held = self._packetizer.held if self._packetizer else 0
        place = strand.position - held * strand.tempo * 1000 / RATE
        self._put(Joined(strand.reel, max(strand.reel.start, round(place)), strand.tempo))

    def _end(self, error: LoadError | None) -> None:
        if self._packetizer is not None:
            self._put(*self._packetizer.flush())
        self._over = True
        self._put(Ended(error))
        if error is not None:
            self._announce()

    # The ring

    def _put(self, *items: bytes | Joined | Paced | Ended) -> None:
        self.ring.extend(items)
        if items and not self._announced:
            self._announced = True
            self._announce()

    def _announce(self) -> None:
        self._engine.call(lambda: self._on_ready(self))

    def _discard(self, reel: Reel) -> None:
        reel.cancel()
        self._engine.openers.submit(reel.close)
