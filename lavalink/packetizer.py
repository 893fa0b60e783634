"""Samples into Opus packets: gapless across tracks, at any volume."""

import numpy as np

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
        samples = self._amplified(pcm, gain)
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

    def _amplified(self, pcm: Pcm, gain: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """The piece's samples, interleaved; a change of gain is spread over the piece, so that it does not click."""
        samples = np.frombuffer(memoryview(pcm.plane), np.int16, pcm.samples * 2, pcm.start * 4)
        if gain == self._gain == 1.0:
            return samples
        scaled = self._scaled[: len(samples)]
        change = (gain - self._gain) / pcm.samples
        np.multiply(samples, self._gain + change * _RAMP[: len(samples)] if change else gain, out=scaled)
        self._gain = gain
        np.clip(scaled, -32768, 32767, out=scaled)
        return scaled.astype(np.int16)
