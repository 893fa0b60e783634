"""Samples into Opus packets: gapless across tracks, at any volume."""

import numpy as np
from numpy.typing import NDArray

from lavalink.convolver import Sound
from lavalink.decoder import Pcm
from lavalink.opus import BLOCK, FRAME, new_encoder

_RAMP = np.repeat(np.arange(1, FRAME * BLOCK + 1, dtype=np.float32), 2)


class Packetizer:
    """Cuts pieces of any size into frames of 960 samples and encodes them. For one thread at a time."""

    def __init__(self, gain: float) -> None:
        self._encoder = new_encoder()
        self._samples = np.zeros(FRAME * (BLOCK + 1) * 2, dtype=np.int16)  # a piece behind what was left of the last
        self._address = self._samples.ctypes.data
        self._scaled = np.zeros(FRAME * BLOCK * 2, dtype=np.float32)
        self._gain = gain
        self._held = 0
        self._complexity = self._encoder.complexity

    def spend(self, complexity: int) -> None:
        """Encode from now on with this effort."""
        if complexity != self._complexity:
            self._complexity = self._encoder.complexity = complexity

    def push(self, pcm: Pcm, gain: float) -> list[bytes]:
        """Take a piece of at most 4,800 samples; the packets that it completes."""
        if not self._held and pcm.samples % FRAME == 0 and gain == self._gain == 1.0:
            return self._encoder.encode(pcm.plane.buffer_ptr + pcm.start * 4, pcm.samples // FRAME)
        samples = np.frombuffer(memoryview(pcm.plane), np.int16, pcm.samples * 2, pcm.start * 4)
        return self._add(samples if gain == self._gain == 1.0 else self._amplified(samples, gain))

    def push_sound(self, sound: Sound, gain: float) -> list[bytes]:
        """Take samples of full scale 1.0, as many as there are; the packets that they complete."""
        samples = (sound * np.float32(32768)).reshape(-1)
        most = FRAME * BLOCK * 2
        pieces = (samples[at : at + most] for at in range(0, len(samples), most))
        return [packet for piece in pieces for packet in self._add(self._amplified(piece, gain))]

    @property
    def held(self) -> int:
        """Samples that wait for the next packet."""
        return self._held // 2

    def _add(self, samples: NDArray[np.int16]) -> list[bytes]:
        end = self._held + len(samples)
        self._samples[self._held : end] = samples
        frames, self._held = divmod(end, FRAME * 2)
        if not frames:
            return []
        packets = self._encoder.encode(self._address, frames)
        self._samples[: self._held] = self._samples[end - self._held : end]
        return packets

    def flush(self) -> list[bytes]:
        """The last packet, completed with silence, if a sample is left."""
        if not self._held:
            return []
        self._samples[self._held : FRAME * 2] = 0
        self._held = 0
        return self._encoder.encode(self._address)

    def _amplified(self, samples: NDArray[np.int16 | np.float32], gain: float) -> NDArray[np.int16]:
        """At most 4,800 interleaved samples; a change of gain is spread over them, so that it does not click."""
        scaled = self._scaled[: len(samples)]
        change = (gain - self._gain) / (len(samples) // 2)
        np.multiply(samples, self._gain + change * _RAMP[: len(samples)] if change else gain, out=scaled)
        self._gain = gain
        np.clip(scaled, -32768, 32767, out=scaled)
        return scaled.astype(np.int16)
