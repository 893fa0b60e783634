"""A true-peak limiter: what filters, gains and overlaps make too loud is turned down before it comes, without a click.

True peaks as ITU-R BS.1770 measures them: between the samples too, by oversampling four times.
"""

import math

import numpy as np
from numpy.typing import NDArray

from lavalink.convolver import Sound
from lavalink.opus import RATE

CEILING = 10 ** (-1.5 / 20)
"""Half a dB below −1 dBTP: what four times the samples do not see of the highest tones, and what turning down adds."""
STEP = RATE // 1000
"""Samples (1 ms) that share one measurement."""
AHEAD = 5
"""Steps in which the volume goes down before a peak."""
RELEASE = 1 - math.exp(-1 / 80)
"""Share of the way back to full volume in a step: 80 ms in all."""
RELEASED = 0.0001
"""What is lacking of full volume when it counts as reached."""
SUSPECT = 0.6
"""Between samples that are lower than this share of the ceiling nothing is higher than the ceiling."""

TAPS = 12
_CONTEXT = TAPS // 2


def _interpolator(place: float) -> NDArray[np.float32]:
    """Gives the wave at a place (0 to 1) between the middle ones of `TAPS` samples: a sinc under a Kaiser window."""
    points = np.arange(TAPS) - (_CONTEXT - 1) - place
    window = np.i0(4.0 * np.sqrt(np.clip(1 - (points / _CONTEXT) ** 2, 0, 1)))
    taps = np.sinc(points) * window
    return (taps / taps.sum()).astype(np.float32)


def _oversampler() -> NDArray[np.float32]:
    """Makes of a step's samples, with those around them, the wave at each of them and at three points behind it."""
    points = np.zeros((4, STEP, STEP + TAPS - 1), np.float32)
    for at in range(STEP):
        points[0, at, at + _CONTEXT - 1] = 1
        for quarter in (1, 2, 3):
            points[quarter, at, at : at + TAPS] = _interpolator(quarter / 4)
    return points.reshape(4 * STEP, -1)


_OVERSAMPLER = _oversampler()
_RAMP = np.repeat(np.arange(STEP, dtype=np.float32) / STEP, 2)
_EASING = np.arange(AHEAD + 1) / AHEAD
_QUIET: Sound = np.zeros((0, 2), np.float32)


class Limiter:
    """Keeps peaks below the ceiling; holds back 6 ms. For one thread at a time."""

    def __init__(self) -> None:
        self._sound: Sound = np.zeros((_CONTEXT, 2), np.float32)  # what is held back, behind some that was given out
        self._caps = np.ones(0)  # of the steps that are measured: the highest factor that each one bears
        self._gain: float | None = None
        """The factor now; None before there was any sound."""

    @property
    def held(self) -> int:
        """Samples that were taken and not given out."""
        return len(self._sound) - _CONTEXT

    def process(self, sound: Sound) -> Sound:
        """What is ready when this is added."""
        self._sound = np.concatenate([self._sound, sound])
        self._measure()
        steps = len(self._caps) - AHEAD - 1
        return self._give(steps) if steps > 0 else _QUIET

    def flush(self) -> Sound:
        """All that is held back; new sound may follow."""
        held = self.held
        rest = self.process(np.zeros((STEP * (AHEAD + 3), 2), np.float32))[:held] if held else _QUIET
        self._sound, self._caps, self._gain = self._sound[:_CONTEXT] * 0, np.ones(0), None
        return rest

    def leave(self, sound: Sound) -> Sound:
        """All that is held back and this, over which the volume goes to full: what follows may be given as it is."""
        plain = np.concatenate([self._sound[_CONTEXT:], sound])
        limited = np.concatenate([self.process(sound), self.flush()])
        self.pass_by()
        share = np.zeros((len(plain), 1), np.float32)
        share[len(plain) - len(sound) :, 0] = np.linspace(0, 1, len(sound), dtype=np.float32)
        return np.asarray(limited + (plain - limited) * share, np.float32)

    def pass_by(self) -> None:
        """What was heard before the next sound was at full volume: that begins there."""
        self._gain = 1.0

    def _measure(self) -> None:
        """Find out by how much the new whole steps are too loud."""
        known = len(self._caps)
        steps = (len(self._sound) - 2 * _CONTEXT) // STEP - known
        if steps > 0:
            start = known * STEP
            caps = _caps(self._sound[start : start + steps * STEP + 2 * _CONTEXT], steps)
            self._caps = np.concatenate([self._caps, caps])

    def _give(self, steps: int) -> Sound:
        """The first steps of what is held back, turned down where needed."""
        sound = self._sound[_CONTEXT : _CONTEXT + steps * STEP]
        caps, self._caps = self._caps, self._caps[steps:]
        self._sound = self._sound[steps * STEP :]
        if self._gain in {None, 1.0} and caps.min() == 1.0:
            self._gain = 1.0
            return sound
        gains = self._gains(caps, steps).astype(np.float32)[:, None]
        factors = gains[:-1] + np.diff(gains, axis=0) * _RAMP
        return np.asarray(sound.reshape(steps, STEP * 2) * factors, np.float32).reshape(-1, 2)

    def _gains(self, caps: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
        """The factor at each border of these steps: at once low enough, then slowly back."""
        windows = np.lib.stride_tricks.sliding_window_view(caps, AHEAD + 1)[: steps + 1]
        eased = (windows + (1 - windows) * _EASING).min(axis=1)
        lacks = np.empty(steps + 1)  # of full volume
        lacks[0] = 1 - (eased[0] if self._gain is None else self._gain)
        lacks[1:] = 1 - np.minimum(eased[:-1], eased[1:])
        fading = (1 - RELEASE) ** np.arange(steps + 1)  # which pieces of less than 50 s never bring down to 0
        lacks = np.maximum.accumulate(lacks / fading) * fading
        lacks[lacks < RELEASED] = 0
        self._gain = 1 - float(lacks[-1])
        return np.asarray(1 - lacks, np.float64)


def _caps(sound: Sound, steps: int) -> NDArray[np.float64]:
    """The highest factor that each step bears in either ear; `_CONTEXT` samples are around them."""
    if max(sound.max(), -sound.min()) <= SUSPECT * CEILING:
        return np.ones(steps)
    ears = np.ascontiguousarray(sound[1:].T)
    shape, strides = (2, steps, STEP + TAPS - 1), (ears.strides[0], STEP * ears.itemsize, ears.itemsize)
    rows = np.lib.stride_tricks.as_strided(ears, shape, strides, writeable=False).reshape(2 * steps, -1)
    wave = _OVERSAMPLER @ rows.T
    peaks = np.abs(wave, out=wave).max(axis=0)
    highest = np.maximum(np.maximum(peaks[:steps], peaks[steps:]), np.float32(1e-9))
    return np.asarray(np.minimum(1.0, CEILING / highest), np.float64)
