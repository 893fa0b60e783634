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
RELEASED = 0.9999
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


_QUARTER, _HALF = _interpolator(0.25), _interpolator(0.5)
_EVEN, _ODD = (_QUARTER + _QUARTER[::-1]) / 2, (_QUARTER - _QUARTER[::-1]) / 2
"""The point at three quarters is the mirror image of the one at a quarter: both are made of the same sums."""
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

    def _measure(self) -> None:
        """Find out by how much the new whole steps are too loud."""
        known = len(self._caps)
        steps = (len(self._sound) - 2 * _CONTEXT) // STEP - known
        if steps <= 0:
            return
        start = known * STEP
        peaks = _peaks(self._sound[start : start + steps * STEP + 2 * _CONTEXT])
        self._caps = np.concatenate([self._caps, np.minimum(1.0, CEILING / np.maximum(peaks, 1e-9))])

    def _give(self, steps: int) -> Sound:
        """The first steps of what is held back, turned down where needed."""
        sound = self._sound[_CONTEXT : _CONTEXT + steps * STEP]
        caps, self._caps = self._caps, self._caps[steps:]
        self._sound = self._sound[steps * STEP :]
        if self._gain in {None, 1.0} and caps.min() == 1.0:
            self._gain = 1.0
            return sound
        gains = np.array(self._gains(caps, steps), np.float32)[:, None]
        factors = gains[:-1] + np.diff(gains, axis=0) * _RAMP
        return np.asarray(sound.reshape(steps, STEP * 2) * factors, np.float32).reshape(-1, 2)

    def _gains(self, caps: NDArray[np.float64], steps: int) -> list[float]:
        """The factor at each border of these steps: at once low enough, then slowly back."""
        windows = np.lib.stride_tricks.sliding_window_view(caps, AHEAD + 1)[: steps + 1]
        eased = (windows + (1 - windows) * _EASING).min(axis=1)
        gain = float(eased[0]) if self._gain is None else self._gain
        gains = [gain]
        for cap in np.minimum(eased[:-1], eased[1:]).tolist():
            gain = min(cap, gain + (1 - gain) * RELEASE)
            gain = 1.0 if gain > RELEASED else gain
            gains.append(gain)
        self._gain = gain
        return gains


def _peaks(sound: Sound) -> NDArray[np.float32]:
    """The highest level in each step, of both ears, between the samples too; `_CONTEXT` samples are around them."""
    size = len(sound) - 2 * _CONTEXT
    highest = np.abs(sound[_CONTEXT : _CONTEXT + size])
    if highest.max() > SUSPECT * CEILING:
        _raise_between(highest, sound, size)
    return highest.reshape(-1, STEP * 2).max(axis=1)


def _raise_between(highest: Sound, sound: Sound, size: int) -> None:
    """Raise each sample's level to that of the three points behind it."""
    even, odd, half, part = (np.zeros_like(highest) for _ in range(4))
    for tap in range(TAPS // 2):
        left, right = sound[1 + tap : 1 + tap + size], sound[TAPS - tap : TAPS - tap + size]
        both, difference = left + right, left - right
        for total, pair, factors in ((even, both, _EVEN), (half, both, _HALF), (odd, difference, _ODD)):
            np.add(total, np.multiply(pair, factors[tap], out=part), out=total)
    for point in (even + odd, even - odd, half):
        np.maximum(highest, np.abs(point, out=point), out=highest)
