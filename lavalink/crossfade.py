"""Two tracks at once: the one goes while the other comes, at equal power."""

import math

import numpy as np

from lavalink.convolver import Sound
from lavalink.opus import BLOCK, FRAME, RATE
from lavalink.protocol import LoadError
from lavalink.strand import NOTHING, Strand

RETREAT = RATE // 10
"""Samples (100 ms) in which a crossfade that is called off is undone."""
SHORTEST = FRAME
"""Samples below which an overlap is not worth the name: then tracks are joined to the sample."""
FULL_CIRCLE = math.pi / 2


class Crossfade:
    """Mixes two strands; the angle between them goes from 0 (the former alone) to 90° (the coming one alone).

    The sum of the squares of both gains is always 1.
    """

    def __init__(self, former: Strand, coming: Strand, samples: int) -> None:
        self.former = former
        self.coming = coming
        self.error: LoadError | None = None
        """What broke the coming track."""
        self._middle = samples // 2
        self._left = samples
        self._angle = 0.0
        self._goal = FULL_CIRCLE

    @property
    def over(self) -> bool:
        """Whether only one of them is left."""
        return self._left <= 0

    @property
    def turned(self) -> bool:
        """Whether the middle has been reached: the coming track is the louder one."""
        return self._middle <= 0 and not self.retreating

    @property
    def retreating(self) -> bool:
        """Whether it was called off."""
        return self._goal == 0.0

    def call_off(self) -> None:
        """Go back to the former alone, quickly."""
        self._goal, self._left = 0.0, RETREAT

    def mix(self) -> Sound:
        """The next 100 ms or less; a piece ends at the middle."""
        size = min(self._left, FRAME * BLOCK)
        if not self.retreating and self._middle > 0:
            size = min(size, self._middle)
        step = (self._goal - self._angle) / self._left
        angles = self._angle + step * np.arange(1, size + 1, dtype=np.float32)[:, None]
        going, coming_in = _padded(self._going(size), size), _padded(self._coming(size), size)
        self._angle += step * size
        self._left -= size
        self._middle -= 0 if self.retreating else size
        return np.asarray(going * np.cos(angles) + coming_in * np.sin(angles), np.float32)

    def _going(self, size: int) -> Sound:
        try:
            return self.former.take(size)
        except LoadError:
            return NOTHING  # broken in its last seconds: over a little early

    def _coming(self, size: int) -> Sound:
        if self.error is not None:
            return NOTHING
        try:
            return self.coming.take(size)
        except LoadError as error:
            self.error = error
            return NOTHING


def crossfade(former: Strand, coming: Strand, left: float) -> Crossfade | None:
    """The crossfade of both, if it begins now that so many samples of the former are `left`."""
    wanted = coming.reel.crossfade * RATE // 1000
    samples = overlap(wanted, left=left, former=former.length, coming=coming.length)
    return Crossfade(former, coming, samples) if SHORTEST <= samples >= int(left) else None


def overlap(wanted: int, *, left: float, former: float | None, coming: float | None) -> int:
    """Samples that two tracks overlap: as wanted, if there is so much `left` of the former one.

    Never more than half of either, so that no track is in two crossfades at once. All in samples as heard.
    """
    halves = [length / 2 for length in (former, coming) if length]
    return int(min(wanted, left, *halves))


def _padded(sound: Sound, size: int) -> Sound:
    return sound if len(sound) == size else np.concatenate([sound, np.zeros((size - len(sound), 2), np.float32)])
