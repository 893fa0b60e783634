"""Samples into Opus packets: gapless across tracks, and never too loud."""

import numpy as np
from numpy.typing import NDArray

from lavalink.convolver import Sound
from lavalink.limiter import Limiter
from lavalink.opus import BLOCK, FRAME, new_encoder
from lavalink.pcm import FULL_SCALE, Pcm


class Packetizer:
    """Cuts pieces of any size into frames of 960 samples and encodes them. For one thread at a time."""

    def __init__(self, bitrate: int) -> None:
        self._encoder = new_encoder()
        self._samples = np.zeros(FRAME * (BLOCK + 1) * 2, dtype=np.int16)  # a piece behind what was left of the last
        self._address = self._samples.ctypes.data
        self._limiter = Limiter()
        self._held = 0
        self._complexity, self._bitrate = self._encoder.complexity, self._encoder.bitrate
        self.tune(self._complexity, bitrate)

    def tune(self, complexity: int, bitrate: int) -> None:
        """Encode from now on with this effort, to so many bits a second."""
        if complexity != self._complexity:
            self._complexity = self._encoder.complexity = complexity
        if bitrate != self._bitrate:
            self._bitrate = self._encoder.bitrate = bitrate

    def push(self, pcm: Pcm) -> list[bytes]:
        """Take a piece of at most 4,800 samples as it is; the packets that it completes."""
        if self._limiter.held:
            return self._add_sound(self._limiter.leave(pcm.sound()))
        self._limiter.pass_by()
        if not self._held and pcm.samples % FRAME == 0:
            return self._encoder.encode(pcm.plane.buffer_ptr + pcm.start * 4, pcm.samples // FRAME)
        return self._add(np.frombuffer(memoryview(pcm.plane), np.int16, pcm.samples * 2, pcm.start * 4))

    def push_sound(self, sound: Sound) -> list[bytes]:
        """Take samples of full scale 1.0, as many as there are, too loud ones too; the packets that they complete."""
        return self._add_sound(self._limiter.process(sound)) if len(sound) else []

    @property
    def held(self) -> int:
        """Samples that wait for the next packet."""
        return self._held // 2 + self._limiter.held

    def flush(self) -> list[bytes]:
        """The last packets, completed with silence, if a sample is left."""
        packets = self._add_sound(self._limiter.flush())
        if not self._held:
            return packets
        self._samples[self._held : FRAME * 2] = 0
        self._held = 0
        return packets + self._encoder.encode(self._address)

    def _add_sound(self, sound: Sound) -> list[bytes]:
        scaled = np.clip(sound.reshape(-1) * np.float32(FULL_SCALE), -32768, 32767).astype(np.int16)
        most = FRAME * BLOCK * 2
        return [packet for at in range(0, len(scaled), most) for packet in self._add(scaled[at : at + most])]

    def _add(self, samples: NDArray[np.int16]) -> list[bytes]:
        end = self._held + len(samples)
        self._samples[self._held : end] = samples
        frames, self._held = divmod(end, FRAME * 2)
        if not frames:
            return []
        packets = self._encoder.encode(self._address, frames)
        self._samples[: self._held] = self._samples[end - self._held : end]
        return packets
