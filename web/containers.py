"""What packets travel in: an endless Ogg stream, or frames that stand alone one after another."""

import secrets
from collections.abc import Sequence
from typing import Protocol

from core.ports.stream import Format
from web import ogg

BURST = 2.5
"""Seconds on joining."""
BURST_PAGE = 5
"""Packets of an Ogg page in a burst."""
LEAST_BYTES = 330
"""A packet's share of a page, on average: 132 kbit/s. Chromium hands an unending file to its player in blocks of
32 KB; thinner sound (silence most of all) would make it wait for seconds and lag for ever."""
_AAC_FRAME = 1024
_FILL = 269
_MPEG = bytes.fromhex("fffb9400")
_MPEG_FRAME = 384


class Container(Protocol):
    """One relay's stream as bytes."""

    media_type: str
    seconds: float
    """Of one packet."""
    silence: bytes
    """A packet of it."""

    def shared(self, packets: Sequence[bytes]) -> bytes:
        """The next packets, for all who listen."""
        ...

    def joining(self, recent: Sequence[bytes]) -> bytes:
        """A beginning that ends where the next shared bytes begin; `recent` is at most a BURST of packets."""
        ...


class Ogg:
    """Opus in one logical stream: one serial, granules that only rise."""

    media_type = "audio/ogg"
    seconds = 0.02
    silence = ogg.SILENCE

    def __init__(self) -> None:
        burst = round(BURST / self.seconds)
        self._serial = secrets.randbits(31)
        self._sequence = 1 + burst  # a joining listener's burst counts up to here
        self._granule = burst * ogg.PACKET_SAMPLES

    def shared(self, packets: Sequence[bytes]) -> bytes:
        """One page."""
        self._sequence += 1
        self._granule += len(packets) * ogg.PACKET_SAMPLES
        return ogg.page(self._serial, self._sequence, self._granule, _filled(packets))

    def joining(self, recent: Sequence[bytes]) -> bytes:
        """Headers and small pages, numbered so that the next shared page follows them."""
        packets = _filled(recent, round(BURST / self.seconds) * LEAST_BYTES // len(recent))
        pages = [packets[at : at + BURST_PAGE] for at in range(0, len(packets), BURST_PAGE)]
        sequence, granule = self._sequence - len(pages), self._granule - len(packets) * ogg.PACKET_SAMPLES
        data = ogg.headers(self._serial)
        for index, page in enumerate(pages, 1):
            granule += len(page) * ogg.PACKET_SAMPLES
            data += ogg.page(self._serial, sequence + index, granule, page)
        return data


class Frames:
    """MP3 or ADTS: no container at all."""

    def __init__(self, media_type: str, seconds: float, silence: bytes) -> None:
        self.media_type, self.seconds, self.silence = media_type, seconds, silence

    def shared(self, packets: Sequence[bytes]) -> bytes:
        """As they are."""
        return b"".join(packets)

    def joining(self, recent: Sequence[bytes]) -> bytes:
        """As they are: a player finds its way from any frame on."""
        return b"".join(recent)


def container(form: Format) -> Container:
    """A new stream of this format."""
    match form:
        case "opus":
            return Ogg()
        case "mp3":
            return Frames("audio/mpeg", 0.024, _MPEG + bytes(_MPEG_FRAME - len(_MPEG)))
        case "aac":
            return Frames("audio/aac", _AAC_FRAME / 48_000, silent_adts(LEAST_BYTES))


def silent_adts(size: int) -> bytes:
    """An ADTS frame of AAC-LC at 48 kHz in stereo with nothing in it but filling (ISO/IEC 13818-7 §6)."""
    channel = "0" * 22  # gain, one long window without bands, no tools
    fills = [_FILL] * (size // _FILL) + [max(15, size % _FILL)]
    filling = "".join("1101111" + f"{count - 14:08b}" + "0" * 8 * count for count in fills)
    bits = "001" + "0000" + "0" + channel * 2 + filling + "111"
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    head = (2 << 30 | (len(body) + 7) << 13 | 0x7FF << 2) & 0xFFFFFFFF
    return b"\xff\xf1\x4c" + head.to_bytes(4, "big") + body


def _filled(packets: Sequence[bytes], least: int = LEAST_BYTES) -> Sequence[bytes]:
    """The packets, padded when they are too few bytes (see LEAST_BYTES)."""
    missing = least * len(packets) - sum(map(len, packets))
    return packets if missing <= 0 else [ogg.padded(packet, missing // len(packets)) for packet in packets]
