"""What filters do to samples, after lavadsp's converters (https://github.com/natanbc/lavadsp)."""

import math

import numpy as np
from numpy.typing import NDArray

from lavalink import filters
from lavalink.convolver import Sound, resonance
from lavalink.opus import RATE

DELAY = 96
"""Samples (2 ms) by which a vibrato of full depth swings."""
LEAST_DELAY = 3
_MEMORY = DELAY + LEAST_DELAY + 2


class Oscillator:
    """A sine that goes on where it ended."""

    def __init__(self, hz: float) -> None:
        self._step = 2 * math.pi * hz / RATE
        self._phase = 0.0

    def swing(self, samples: int) -> NDArray[np.float64]:
        """The next samples of it."""
        wave = np.sin(self._phase + self._step * np.arange(samples))
        self._phase = (self._phase + self._step * samples) % (2 * math.pi)
        return wave


class Tremolo:
    """TremoloPcmAudioFilter: between full volume and `1 - depth` of it."""

    def __init__(self, effect: filters.Tremolo) -> None:
        self._depth = effect.depth / 2
        self._oscillator = Oscillator(effect.frequency)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        factor = 1 - self._depth + self._depth * self._oscillator.swing(len(sound))
        return sound * factor.astype(np.float32)[:, None]


class Rotation:
    """RotationPcmAudioFilter: what one ear loses the other gets."""

    def __init__(self, effect: filters.Rotation) -> None:
        self._oscillator = Oscillator(effect.rotation_hz)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        swing = self._oscillator.swing(len(sound))
        return sound * ((1 + np.stack([swing, -swing], axis=1)) / 2).astype(np.float32)


class Vibrato:
    """VibratoConverter: a delay line whose length swings, read by Hermite interpolation."""

    def __init__(self, effect: filters.Vibrato) -> None:
        self._depth = effect.depth
        self._oscillator = Oscillator(effect.frequency)
        self._memory: Sound = np.zeros((_MEMORY, 2), np.float32)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        line = np.concatenate([self._memory, sound])
        self._memory = line[len(line) - _MEMORY :]
        delay = (self._oscillator.swing(len(sound)) + 1) / 2 * self._depth * DELAY + LEAST_DELAY
        place = np.arange(_MEMORY, len(line)) - delay
        at = place.astype(np.intp)
        return _hermite(line, at, (place - at).astype(np.float32)[:, None])


def _hermite(line: Sound, at: NDArray[np.intp], x: NDArray[np.float32]) -> Sound:
    """What lies `x` (0 to 1) behind the samples `at`: 4 points, 3rd order."""
    y0, y1, y2, y3 = (line[at + offset] for offset in (-1, 0, 1, 2))
    slope = (y2 - y0) / 2
    bend = y0 - 2.5 * y1 + 2 * y2 - y3 / 2
    twist = (y3 - y0) / 2 + 1.5 * (y1 - y2)
    return np.asarray(((twist * x + bend) * x + slope) * x + y1, np.float32)


class Distortion:
    """DistortionConverter, with all three of its functions."""

    def __init__(self, effect: filters.Distortion) -> None:
        self._effect = effect

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        by, wave = self._effect, sound.astype(np.float64)
        bent = by.sin_offset + np.sin(wave * by.sin_scale)
        bent *= by.cos_offset + np.cos(wave * by.cos_scale)
        bent *= by.tan_offset + np.tan(wave * by.tan_scale)
        return np.clip(by.offset + by.scale * bent, -1, 1).astype(np.float32)


class ChannelMix:
    """VectorSupport.channelMix."""

    def __init__(self, effect: filters.ChannelMix) -> None:
        left, right = (effect.left_to_left, effect.left_to_right), (effect.right_to_left, effect.right_to_right)
        self._shares = np.array([left, right], np.float32)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        return sound @ self._shares


class Karaoke:
    """KaraokeConverter: each ear without the other's sound, and a band of both."""

    def __init__(self, effect: filters.Karaoke) -> None:
        self._level = np.float32(effect.level)
        self._mono_level = np.float32(effect.mono_level * effect.level)
        self._band = resonance(effect.filter_band, effect.filter_width)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        centre = np.repeat(sound.mean(axis=1, keepdims=True), 2, axis=1)
        cut = sound - sound[:, ::-1] * self._level
        return np.asarray(cut + self._band.process(centre) * self._mono_level, np.float32)
