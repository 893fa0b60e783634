"""Opus: libopus by ctypes, whose encoder runs without the GIL, and what can be read from a packet."""

import ctypes
import ctypes.util
from pathlib import Path
from typing import Any, Protocol

import av
import structlog

RATE = 48_000
FRAME = 960
"""Samples per channel of one 20 ms packet."""
FRAME_BYTES = FRAME * 4
BLOCK = 5
"""Frames that are decoded and encoded in one go once a track plays: libopus takes at most six, and each trip to it
costs a fight for the interpreter's lock and cold caches."""
FRAME_MS = 20
SILENCE = b"\xf8\xff\xfe"
BITRATE = 128_000
COMPLEXITY = 10
LOW_COMPLEXITY, LEAST_COMPLEXITY = 5, 2
"""Under load: a quarter less work, hardly to be heard at this bitrate; and when a packet would be late, half of it."""

_APPLICATION_AUDIO = 2049
_SET_BITRATE = 4002
_GET_BITRATE = 4003
_SET_COMPLEXITY = 4010
_GET_COMPLEXITY = 4011
_LARGEST_PACKET = 1275 * 6 + 7
_MOST_FRAMES = 48
_PARSE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int32, *[ctypes.c_void_p] * 4)
"""A function that keeps the interpreter's lock: giving it up for 1 µs costs more."""
_HEAD_SIZE = 19

log = structlog.get_logger()


class OpusError(Exception):
    """libopus refused."""


class Encoder(Protocol):
    """Turns s16 stereo at 48 kHz into packets of 20 ms. Not thread-safe."""

    @property
    def complexity(self) -> int:
        """The effort, 0 to 10."""
        ...

    @complexity.setter
    def complexity(self, value: int) -> None: ...

    @property
    def bitrate(self) -> int:
        """Bits a second."""
        ...

    @bitrate.setter
    def bitrate(self, value: int) -> None: ...

    def encode(self, address: int, frames: int = 1) -> list[bytes]:
        """Encode 960 samples, or as many times that as there are `frames` (at most 6), which lie at `address`."""
        ...


class NativeEncoder:
    """libopus through ctypes."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._encode = library.opus_encode
        error = ctypes.c_int()
        state = library.opus_encoder_create(RATE, 2, _APPLICATION_AUDIO, ctypes.byref(error))
        if error.value or not state:
            raise OpusError(f"opus_encoder_create: {error.value}")
        self._state = ctypes.c_void_p(state)
        self._packet = ctypes.create_string_buffer(_LARGEST_PACKET)
        self._parse = _PARSE(("opus_packet_parse", library))
        self._first = ctypes.c_ubyte()
        self._starts, self._sizes = (ctypes.c_void_p * _MOST_FRAMES)(), (ctypes.c_int16 * _MOST_FRAMES)()
        self.bitrate, self.complexity = BITRATE, COMPLEXITY

    @property
    def complexity(self) -> int:
        """The effort, 0 to 10; can be changed between two packets."""
        return self._get(_GET_COMPLEXITY)

    @complexity.setter
    def complexity(self, value: int) -> None:
        self._set(_SET_COMPLEXITY, value)

    @property
    def bitrate(self) -> int:
        """Bits a second; can be changed between two packets."""
        return self._get(_GET_BITRATE)

    @bitrate.setter
    def bitrate(self, value: int) -> None:
        self._set(_SET_BITRATE, value)

    def _get(self, request: int) -> int:
        value = ctypes.c_int()
        self._library.opus_encoder_ctl(self._state, ctypes.c_int(request), ctypes.byref(value))
        return value.value

    def _set(self, request: int, value: int) -> None:
        self._library.opus_encoder_ctl(self._state, ctypes.c_int(request), ctypes.c_int(value))

    def encode(self, address: int, frames: int = 1) -> list[bytes]:
        """Encode some frames (see Encoder); OpusError if libopus refuses."""
        size = self._encode(self._state, address, FRAME * frames, self._packet, _LARGEST_PACKET)
        if size < 0:
            raise OpusError(f"opus_encode: {size}")
        return [ctypes.string_at(self._packet, size)] if frames == 1 else self._split(size)

    def _split(self, size: int) -> list[bytes]:
        """The frames of one long packet as packets of their own: the same first byte, but "one frame" (RFC 6716 §3)."""
        starts, sizes = self._starts, self._sizes
        count = self._parse(self._packet, size, ctypes.byref(self._first), starts, sizes, None)
        if count < 0:
            raise OpusError(f"opus_packet_parse: {count}")
        alone = bytes([self._first.value & 0b11111100])
        return [alone + ctypes.string_at(starts[at] or 0, sizes[at]) for at in range(count)]

    def __del__(self) -> None:
        if state := getattr(self, "_state", None):
            self._library.opus_encoder_destroy(state)


class LibavEncoder:
    """The encoder inside PyAV: where no libopus can be found. Neither effort nor bit rate changes while it works."""

    complexity = COMPLEXITY
    bitrate = BITRATE

    def __init__(self) -> None:
        options = {"compression_level": str(COMPLEXITY), "frame_duration": "20"}
        codec = av.CodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = RATE, "stereo", "s16"
        codec.bit_rate, codec.options = BITRATE, options
        self._codec: Any = codec

    def encode(self, address: int, frames: int = 1) -> list[bytes]:
        """Encode some frames (see Encoder)."""
        return [self._encode(address + at * FRAME_BYTES) for at in range(frames)]

    def _encode(self, address: int) -> bytes:
        frame = av.AudioFrame("s16", "stereo", FRAME)
        frame.sample_rate = RATE
        frame.planes[0].update(ctypes.string_at(address, FRAME_BYTES))
        return b"".join(map(bytes, self._codec.encode(frame)))


def new_encoder() -> Encoder:
    """An encoder of 20 ms stereo packets."""
    return NativeEncoder(_library) if _library else LibavEncoder()


def packet_samples(packet: bytes) -> int:
    """Length of a packet in samples at 48 kHz, read from its first bytes (RFC 6716 §3.1); 0 if it is broken."""
    if not packet:
        return 0
    stated = packet[1] & 63 if len(packet) > 1 else 0
    count = (1, 2, 2, stated)[packet[0] & 3]
    return count * _FRAME_SAMPLES[packet[0] >> 3]


def can_pass_through(head: bytes | None) -> bool:
    """Whether packets behind this OpusHead (RFC 7845 §5.1) sound right without it: one stream, no gain."""
    if head is None or not head.startswith(b"OpusHead") or len(head) < _HEAD_SIZE:
        return False
    gain, family = head[16:18], head[18]
    return gain == b"\0\0" and family == 0


_FRAME_SAMPLES = (
    *(480, 960, 1920, 2880) * 3,  # SILK
    *(480, 960) * 2,  # hybrid
    *(120, 240, 480, 960) * 4,  # CELT
)


def _load() -> ctypes.CDLL | None:
    """The libopus beside PyAV's own libraries (Linux wheels), else the system's."""
    bundled = sorted((Path(av.__file__).parent.parent / "av.libs").glob("libopus-*.so*"))
    for name in (*map(str, bundled), ctypes.util.find_library("opus")):
        try:
            return _typed(ctypes.CDLL(name)) if name else None
        except (OSError, AttributeError):
            log.warning("libopus_unusable", library=name)
    return None


def _typed(library: ctypes.CDLL) -> ctypes.CDLL:
    integer, pointer = ctypes.c_int32, ctypes.c_void_p
    library.opus_encoder_create.restype = pointer
    library.opus_encoder_create.argtypes = [integer, ctypes.c_int, ctypes.c_int, pointer]
    library.opus_encode.restype = integer
    library.opus_encode.argtypes = [pointer, pointer, ctypes.c_int, pointer, integer]
    library.opus_encoder_destroy.argtypes = [pointer]
    return library


_library = _load()
