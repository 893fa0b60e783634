"""AAC in fragmented MP4 (ISO/IEC 14496-12, CMAF): an initialisation and segments that players join to one stream."""

import struct
from collections.abc import Sequence

RATE = 48_000
SAMPLES = 1024
"""Of one frame, per channel."""
ADTS = 7
_CONFIG = bytes([0x11, 0x90])  # AAC-LC, 48 kHz, two channels
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_BITRATE = 128_000


def initialisation() -> bytes:
    """What a player has to know before any segment."""
    return box("ftyp", b"iso6", bytes(4), b"iso6cmfcmp41") + box("moov", _header(), _track(), _extends())


def segment(number: int, first: int, frames: Sequence[bytes]) -> bytes:
    """Frames without their ADTS headers; `first` counts the frames before them, `number` the segment."""
    sizes = b"".join(struct.pack(">I", len(frame)) for frame in frames)
    moof = _moof(number, first, len(frames), sizes, 0)
    moof = _moof(number, first, len(frames), sizes, len(moof) + 8)
    return box("styp", b"msdh", bytes(4), b"msdhcmfs") + moof + box("mdat", *frames)


def split(data: bytes) -> list[bytes]:
    """The frames of a stream of ADTS, without their headers."""
    frames: list[bytes] = []
    at = 0
    while at + ADTS <= len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if size <= ADTS:
            break
        frames.append(data[at + ADTS : at + size])
        at += size
    return frames


def box(kind: str, *parts: bytes) -> bytes:
    """A box of parts."""
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind.encode() + body


def full(kind: str, flags: int, *parts: bytes, version: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _moof(number: int, first: int, count: int, sizes: bytes, offset: int) -> bytes:
    head = full("tfhd", 0x020008, struct.pack(">II", 1, SAMPLES))  # offsets from the moof; one length for all
    time = full("tfdt", 0, struct.pack(">Q", first * SAMPLES), version=1)
    run = full("trun", 0x000201, struct.pack(">II", count, offset), sizes)
    return box("moof", full("mfhd", 0, struct.pack(">I", number)), box("traf", head, time, run))


def _header() -> bytes:
    times = struct.pack(">IIII", 0, 0, RATE, 0)
    rest = struct.pack(">IH", 0x10000, 0x100) + bytes(10) + _MATRIX + bytes(24) + struct.pack(">I", 2)
    return full("mvhd", 0, times, rest)


def _track() -> bytes:
    place = struct.pack(">HHHH", 0, 0, 0x100, 0)  # layer, group, volume
    head = full("tkhd", 3, struct.pack(">IIIII", 0, 0, 1, 0, 0), bytes(8), place, _MATRIX, bytes(8))
    times = full("mdhd", 0, struct.pack(">IIIIHH", 0, 0, RATE, 0, 0x55C4, 0))
    handler = full("hdlr", 0, bytes(4), b"soun", bytes(12), b"Chorus\0")
    here = full("url ", 1)
    data = box("dinf", full("dref", 0, struct.pack(">I", 1), here))
    media = box("minf", full("smhd", 0, bytes(4)), data, _table())
    return box("trak", head, box("mdia", times, handler, media))


def _table() -> bytes:
    """No samples: they are in the segments."""
    entry = bytes(6) + struct.pack(">H", 1) + bytes(8) + struct.pack(">HHHHI", 2, 16, 0, 0, RATE << 16)
    description = full("stsd", 0, struct.pack(">I", 1), box("mp4a", entry, _stream()))
    empty = [full(kind, 0, bytes(4)) for kind in ("stts", "stsc")]
    return box("stbl", description, *empty, full("stsz", 0, bytes(8)), full("stco", 0, bytes(4)))


def _stream() -> bytes:
    """The decoder's settings (ISO/IEC 14496-1 §7.2.6.5)."""
    specific = _descriptor(5, _CONFIG)
    decoder = struct.pack(">BB3sII", 0x40, 0x15, bytes(3), _BITRATE, _BITRATE)
    body = struct.pack(">HB", 1, 0) + _descriptor(4, decoder + specific) + _descriptor(6, b"\x02")
    return full("esds", 0, _descriptor(3, body))


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body


def _extends() -> bytes:
    return box("mvex", full("trex", 0, struct.pack(">IIIII", 1, 1, SAMPLES, 0, 0)))
