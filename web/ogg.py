"""Ogg pages of Opus (RFC 3533, RFC 7845): only what an endless stream needs."""

import struct
import zlib
from collections.abc import Sequence

PACKET_SAMPLES = 960  # 20 ms at 48 kHz
SILENCE = b"\xf8\xff\xfe"
FIRST = 2
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_CODE_3 = 3
_PADDED_FRAME = 0x41  # RFC 6716 §3.2.5: one frame, padding follows


def page(serial: int, sequence: int, granule: int, packets: Sequence[bytes], flags: int = 0) -> bytes:
    """One page of whole packets (at most 255 lacing values: 50 packets of 1,275 bytes); `granule` counts samples."""
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, sequence, 0, len(lacing))
    data = head + lacing + b"".join(packets)
    return data[:22] + struct.pack("<I", _crc(data)) + data[26:]


def headers(serial: int) -> bytes:
    """The two header pages of a stereo stream."""
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, 312, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 6) + b"Chorus" + struct.pack("<I", 0)
    return page(serial, 0, 0, [head], FIRST) + page(serial, 1, 0, [tags])


def padded(packet: bytes, extra: int) -> bytes:
    """The same sound in a packet about `extra` bytes longer; packets of several frames come back as they are."""
    if extra < 3 or packet[0] & 3:  # noqa: PLR2004 - TOC code 0: one frame
        return packet
    count, rest = divmod(extra - 2, 255)  # each 255 stands for 254 bytes and "more follows"
    lengths = b"\xff" * count + bytes([rest])
    return bytes([packet[0] | _CODE_3, _PADDED_FRAME]) + lengths + packet[1:] + bytes(254 * count + rest)


def _crc(data: bytes) -> int:
    """Ogg's checksum by zlib's: the same polynomial, other bit order and no inversion."""
    value = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(value.to_bytes(4, "little").translate(_REVERSED), "big")
