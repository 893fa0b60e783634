"""Samples into Opus packets: gapless across tracks, at any volume."""

import numpy as np

from lavalink.decoder import Pcm
from lavalink.opus import FRAME, new_encoder

_RAMP = np.repeat(np.arange(1, FRAME + 1, dtype=np.float32) / FRAME, 2)


class Packetizer:
    """Fills frames of 960 samples from pieces of any size and encodes each. For one thread at a time."""

    def __init__(self, gain: float) -> None:
        self._encoder = new_encoder()
        self._frame = np.zeros(FRAME * 2, dtype=np.int16)
        self._address = self._frame.ctypes.data
        self._scaled = np.zeros(FRAME * 2, dtype=np.float32)
        self._gain = gain
        self._held = 0
        self._complexity = self._encoder.complexity

    def spend(self, complexity: int) -> None:
        """Encode from now on with this effort."""
        if complexity != self._complexity:
            self._complexity = self._encoder.complexity = complexity

    def push(self, pcm: Pcm, gain: float) -> bytes | None:
        """Take a piece of at most 960 samples; the packet that it completes, if it does."""
        if pcm.samples == FRAME and not self._held and gain == self._gain == 1.0:
            return self._encoder.encode(pcm.plane.buffer_ptr + pcm.start * 4)
        samples = self._amplified(pcm, gain)
        fits = min(len(samples), len(self._frame) - self._held)
        self._frame[self._held : self._held + fits] = samples[:fits]
        self._held += fits
        if self._held < len(self._frame):
            return None
        packet = self._encoder.encode(self._address)
        self._held = len(samples) - fits
        self._frame[: self._held] = samples[fits:]
        return packet

    def flush(self) -> bytes | None:
        """The last packet, completed with silence; None if no sample is left."""
        if not self._held:
            return None
        self._frame[self._held :] = 0
        self._held = 0
        return self._encoder.encode(self._address)

    def _amplified(self, pcm: Pcm, gain: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """The piece's samples, interleaved; a change of gain is spread over the piece, so that it does not click."""
        samples = np.frombuffer(memoryview(pcm.plane), np.int16, pcm.samples * 2, pcm.start * 4)
        if gain == self._gain == 1.0:
            return samples
        scaled = self._scaled[: len(samples)]
        change = gain - self._gain
        np.multiply(samples, self._gain + change * _RAMP[: len(samples)] if change else gain, out=scaled)
        self._gain = gain
        np.clip(scaled, -32768, 32767, out=scaled)
        return scaled.astype(np.int16)
