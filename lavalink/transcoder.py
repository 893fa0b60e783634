"""A player's Opus packets as MP3 or AAC frames, for listeners that cannot read Opus."""

from fractions import Fraction
from typing import Any, Literal, NamedTuple, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from lavalink.opus import BITRATE, RATE, SILENCE

Format = Literal["mp3", "aac"]

_TIME_BASE = Fraction(1, RATE)
_ADTS = 7
_LC_48K_STEREO = bytes([0xFF, 0xF1, 0x4C])
"""ADTS (ISO/IEC 13818-7 §6.2.1): MPEG-4, no checksum; AAC-LC at 48 kHz; what follows tells two channels."""


class _Codec(NamedTuple):
    name: str
    samples: int
    """Of a frame, per channel."""
    options: dict[str, str]


CODECS: dict[Format, _Codec] = {
    # A reservoir would tie frames to those before: each has to stand alone, so that silence can go between any two.
    "mp3": _Codec("libmp3lame", 1152, {"compression_level": "7", "reservoir": "0"}),
    "aac": _Codec("aac", 1024, {"aac_coder": "fast"}),
}


class Transcoder:
    """Decodes packets of 20 ms and encodes what they hold. For one thread at a time."""

    def __init__(self, wanted: Format) -> None:
        codec = CODECS[wanted]
        self._decoder = new_decoder()
        self._encoder = new_encoder(wanted)
        self._cutter = AudioResampler(format="fltp", layout="stereo", rate=RATE, frame_size=codec.samples)
        self._framed = adts if wanted == "aac" else bytes
        self._at = 0

    @property
    def config(self) -> bytes:
        """The AudioSpecificConfig of an AAC stream (ISO/IEC 14496-3 §1.6.2.1), for containers that carry it apart."""
        return bytes(self._encoder.extradata or b"")

    def push(self, packet: bytes) -> list[bytes]:
        """Take a packet; the frames that it completes, each with a header of its own (AAC: ADTS)."""
        return [self._framed(frame) for frame in self.push_bare(packet)]

    def push_bare(self, packet: bytes) -> list[bytes]:
        """Take a packet; the frames that it completes, as the encoder makes them."""
        frames: list[bytes] = []
        for decoded in self._decode(packet):
            decoded.pts, decoded.time_base = self._at, _TIME_BASE
            self._at += decoded.samples
            for cut in self._cutter.resample(decoded):
                frames += map(bytes, self._encoder.encode(cut))
        return frames

    def _decode(self, packet: bytes) -> list[AudioFrame]:
        """A packet that cannot be read is silence: time has to go on."""
        try:
            return self._decoder.decode(av.Packet(packet))
        except FFmpegError:
            return self._decoder.decode(av.Packet(SILENCE))


def new_decoder() -> Any:
    """A libopus decoder: stereo at 48 kHz whatever a packet holds."""
    decoder = cast("Any", av.CodecContext.create("libopus", "r"))
    decoder.sample_rate, decoder.layout = RATE, "stereo"
    return decoder


def new_encoder(wanted: Format) -> Any:
    """An encoder of stereo at 48 kHz, opened."""
    codec = CODECS[wanted]
    encoder = cast("Any", av.CodecContext.create(codec.name, "w"))
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "stereo", "fltp"
    encoder.bit_rate, encoder.time_base, encoder.options = BITRATE, _TIME_BASE, codec.options
    encoder.open()
    return encoder


def adts(frame: bytes) -> bytes:
    """An AAC frame behind the header that lets a player begin at any one."""
    size = len(frame) + _ADTS
    head = (2 << 30 | size << 13 | 0x7FF << 2) & 0xFFFFFFFF  # two channels, length, "variable rate", one block
    return _LC_48K_STEREO + head.to_bytes(4, "big") + frame
