"""One track's sound on its way to the encoder: read, filtered, amplified."""

from dataclasses import dataclass
from math import ceil
from typing import cast

import numpy as np

from lavalink.convolver import Sound
from lavalink.filters import Effect, tempo_of
from lavalink.opus import BLOCK, FRAME, RATE
from lavalink.pcm import Pcm
from lavalink.reel import Reel
from lavalink.shaper import Shaper

EARLY = 1.25
MARGIN_MS = 3000
"""When to begin to read ahead: so many times the overlap, and so much, before the end that a file tells."""
SHORTEST = FRAME // 4
"""Samples (5 ms) over which the volume may change: in fewer it would click."""
NOTHING: Sound = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, slots=True)
class Shaping:
    """How a track is to sound: two factors, the person's and the track's own, and what else changes it."""

    volume: float = 1.0
    gain: float = 1.0
    effects: tuple[Effect, ...] = ()

    @property
    def level(self) -> float:
        """Both factors."""
        return self.volume * self.gain


class Strand:
    """Gives out a reel's sound in pieces. For one thread at a time, but for `shaping`, which the loop may set.

    After a gapless join the filters and the volume go on from `former`: what rings on in them is not cut off.
    """

    def __init__(self, reel: Reel, shaping: Shaping, former: "Strand | None" = None) -> None:
        self.reel = reel
        self.shaping = shaping
        self._level, self._shaper = (shaping.level, None) if former is None else former.state
        self._first = shaping.effects if former is None else ()  # a worker makes the shaper: an equalizer takes some ms
        self._raw: Pcm | None = None  # read, and not yet filtered: what is changed meanwhile is heard in it
        self._rest = NOTHING  # ready, and not taken yet
        self._over = False

    @property
    def state(self) -> tuple[float, Shaper | None]:
        """The volume and the filters as they are now, for what is joined to it."""
        return self._level, self._shaper

    @property
    def tempo(self) -> float:
        """How many times as fast as time it goes by now."""
        return self._shaper.tempo if self._shaper else tempo_of(self._first)

    @property
    def position(self) -> float:
        """The place in the track, in ms, up to which it was given out."""
        return self.reel.position - (self._behind + len(self._rest) * self.tempo) * 1000 / RATE

    @property
    def _behind(self) -> float:
        """Samples of the track that were read, and of which nothing has come out yet."""
        return (self._raw.samples if self._raw else 0) + (self._shaper.behind if self._shaper else 0.0)

    @property
    def plain(self) -> bool:
        """Whether the reel can be read directly, as nothing is to be done to its samples and none are here."""
        wanted = self.shaping.level == 1.0 and not self.shaping.effects
        return wanted and self._level == 1.0 and not (self._shaper or self._first or self._raw or len(self._rest))

    @property
    def length(self) -> float | None:
        """Samples in which the whole of it is heard, at the speed of now; None if it may never end."""
        end = self.reel.length
        return None if end is None else max(0, end - self.reel.start) * RATE / 1000 / self.tempo

    def left(self, samples: int) -> float | None:
        """Samples that are still to be heard, once it is known that they are no more than `samples` (or a few more)."""
        end, ahead = self.reel.length, int(samples * self.tempo)
        if end is None or self.reel.position < end - EARLY * ahead * 1000 / RATE - MARGIN_MS:
            return None
        left = self.reel.look_ahead(ahead)
        return None if left is None else (left + self._behind) / self.tempo + len(self._rest)

    def read(self, most: int = FRAME * BLOCK) -> Sound | None:
        """The next piece of about 100 ms or `most` samples, or less (it may be empty); None at the end; LoadError."""
        if len(self._rest):
            piece, self._rest = self._rest, NOTHING
            return piece
        if self._over:
            return None
        shaping = self.shaping
        self._prepare(shaping)
        if self._shaper is not None and self._shaper.waiting:
            return self._amplified(self._shape(self._shaper, shaping), shaping.level)
        pcm = self._read(max(SHORTEST, ceil(most * self.tempo)))
        if pcm is None:
            return self._end(shaping)
        if self._shaper is None:
            return self._amplified(pcm.sound(), shaping.level)
        self._shaper.feed(pcm)
        return NOTHING

    def take(self, samples: int) -> Sound:
        """So many samples, fewer at the end only; LoadError."""
        pieces, size = list[Sound](), 0
        while size < samples and (piece := self.read(samples - size)) is not None:
            pieces.append(piece)
            size += len(piece)
        sound = np.concatenate([NOTHING, *pieces])
        self._rest = sound[samples:]
        return sound[:samples]

    def _read(self, most: int) -> Pcm | None:
        """The next samples of the reel."""
        pcm, self._raw = self._raw or cast("Pcm | None", self.reel.read(copy=0)), None
        if pcm is not None and pcm.samples > most:
            pcm, self._raw = pcm.split(most)
        return pcm

    def _prepare(self, shaping: Shaping) -> None:
        """Have filters where some are wanted."""
        if self._first:
            self._shaper, self._first = Shaper(self._first), ()
        elif self._shaper is None and shaping.effects:
            self._shaper = Shaper(())

    def _shape(self, shaper: Shaper, shaping: Shaping) -> Sound:
        sound = shaper.shape(shaping.effects)
        if shaper.idle:
            self._shaper = None
        return sound

    def _end(self, shaping: Shaping) -> Sound | None:
        """The reel has ended: what the filters still hold of it."""
        self._over = True
        if self._shaper is None or not self._shaper.unfinished:
            return None
        return self._amplified(self._shaper.flush(), shaping.level)

    def _amplified(self, sound: Sound, level: float) -> Sound:
        """A change of the level is spread over the piece, so that it does not click."""
        if len(sound) < SHORTEST:
            level = self._level
        if not len(sound) or level == self._level == 1.0:
            return sound
        before, self._level = self._level, level
        if level == before:
            return sound * np.float32(level)
        ramp = np.arange(1, len(sound) + 1, dtype=np.float32)[:, None]
        return np.asarray(sound * (before + (level - before) / len(sound) * ramp), np.float32)
