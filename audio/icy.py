"""Radio stations as Icecast and SHOUTcast send them: what their headers say, and the titles between the sound.

A station that is asked with `Icy-MetaData: 1` names an interval (`icy-metaint`): after every so many bytes of sound
comes one byte, and 16 times its value bytes of text such as `StreamTitle='Artist - Song';`, padded with zeros.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from audio.media_sound import clean

ASK = {"Icy-MetaData": "1"}
"""Header by which titles are asked for; other servers ignore it."""
LARGEST_INTERVAL = 1 << 20
LONGEST_TITLE = 300
_UNIT = 16
_TITLE = re.compile(rb"StreamTitle='(.*?)'(?:;|\0|$)", re.DOTALL)
_BITRATE = re.compile(r"(?:^|;)\s*(?:ice-)?bitrate=(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Description:
    """What a station's headers say. `rate` in bytes a second (0: untold), `interval` in bytes (0: no titles)."""

    name: str
    rate: float
    interval: int

    @staticmethod
    def read(headers: Mapping[str, str]) -> "Description | None":
        """None when the headers are no station's."""
        told = {name.lower(): value for name, value in headers.items()}
        if not any(name.startswith(("icy-", "ice-")) for name in told):
            return None
        interval = _number(told.get("icy-metaint", ""))
        return Description(
            clean(told.get("icy-name", "")),
            _kilobits(told) * 125.0,
            interval if interval <= LARGEST_INTERVAL else 0,
        )


def _kilobits(told: Mapping[str, str]) -> int:
    """Stations say `128`, some `128, 128` or `128000`; others have it in `ice-audio-info` alone."""
    match = _BITRATE.search(told.get("ice-audio-info", ""))
    rate = _number(told.get("icy-br", "").partition(",")[0]) or _number(match[1] if match else "")
    return min(rate // 1000 if rate >= 8000 else rate, 2000)  # noqa: PLR2004


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0  # noqa: PLR2004


class Piece(NamedTuple):
    """Some sound, and the title that holds from there on if one was told there."""

    sound: bytes
    title: str = ""


class IcyReader:
    """Parts a station's bytes into sound and titles, however they are cut."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._left = interval
        self._block: bytearray | None = None
        self._missing = 1

    def feed(self, data: bytes) -> Iterator[Piece]:
        """What is in these bytes, in order."""
        while data:
            if self._block is None:
                sound, data = self._sound(data)
                yield Piece(sound)
            else:
                title, data = self._text(self._block, data)
                if title:
                    yield Piece(b"", title)

    def _sound(self, data: bytes) -> tuple[bytes, bytes]:
        if not self._interval:
            return data, b""
        sound, rest = data[: self._left], data[self._left :]
        self._left -= len(sound)
        if not self._left:
            self._block, self._missing = bytearray(), 1
        return sound, rest

    def _text(self, block: bytearray, data: bytes) -> tuple[str, bytes]:
        taken = data[: self._missing]
        block += taken
        self._missing -= len(taken)
        if self._missing == 0 and len(block) == 1:
            self._missing = block[0] * _UNIT
        if self._missing:
            return "", data[len(taken) :]
        self._block, self._left = None, self._interval
        return _title(bytes(block[1:])), data[len(taken) :]


def _title(text: bytes) -> str:
    """The title in a block; empty when it tells none. Old stations write Latin-1."""
    match = _TITLE.search(text)
    if match is None:
        return ""
    try:
        title = match[1].decode()
    except UnicodeDecodeError:
        title = match[1].decode("latin-1")
    return clean(title)[:LONGEST_TITLE]
