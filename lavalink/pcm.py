"""Samples as they come out of a decoder."""

from typing import NamedTuple

import numpy as np
from av.audio.plane import AudioPlane

from lavalink.convolver import Sound

FULL_SCALE = 32768.0


class Pcm(NamedTuple):
    """A piece of s16 stereo at 48 kHz of at most 4,800 samples: where it lies in a plane."""

    plane: AudioPlane
    start: int
    samples: int

    def split(self, samples: int) -> tuple["Pcm", "Pcm"]:
        """The first ones, and the others."""
        first = Pcm(self.plane, self.start, samples)
        return first, Pcm(self.plane, self.start + samples, self.samples - samples)

    def sound(self) -> Sound:
        """The samples shaped (n, 2), full scale 1.0."""
        samples = np.frombuffer(memoryview(self.plane), np.int16, self.samples * 2, self.start * 4)
        return (samples.astype(np.float32) / np.float32(FULL_SCALE)).reshape(-1, 2)
