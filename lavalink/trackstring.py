"""Lavaplayer's binary track strings, versions 1 to 3, in base64.

Layout (Lavaplayer 2.2, `DefaultAudioPlayerManager.encodeTrack`): `u32 flags << 30 | size`, then a message of
Java's DataOutput: version (when flag 1 is set), title, author, length, identifier, isStream, from version 2 on uri,
from version 3 on artworkUrl and isrc, the source's name, the source's own fields, position.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lavalink.protocol import Track, TrackInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 3
VERSIONED = 1 << 30
SIZE_MASK = VERSIONED - 1
TEXT_LIMIT = 0xFFFF
PROBED_SOURCES = frozenset({"http", "local"})
"""Sources whose own field is the container that a Java node probed."""

PROBES = {
    "aac": "adts", "flac": "flac", "m3u": "m3u", "m3u8": "m3u", "m4a": "mp4", "mka": "matroska/webm",
    "mkv": "matroska/webm", "mp3": "mp3", "mp4": "mp4", "oga": "ogg", "ogg": "ogg", "opus": "ogg",
    "pls": "pls", "ts": "mpegts", "wav": "wav", "webm": "matroska/webm",
}  # fmt: skip
"""File endings to Lavaplayer's names of containers."""


class TrackStringError(ValueError):
    """Not a track string."""


@dataclass(slots=True)
class Reader:
    """Java's DataInput over bytes."""

    data: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise TrackStringError("the track string is cut short")
        taken, self.at = self.data[self.at : end], end
        return taken

    def unpack(self, form: str) -> Any:
        """One big-endian value."""
        return struct.unpack(f">{form}", self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        """A string in Java's modified UTF-8."""
        raw = self.take(self.unpack("H")).replace(b"\xc0\x80", b"\0")
        try:
            units = raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise TrackStringError("the track string holds broken text") from error
        return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")

    def optional_text(self) -> str | None:
        """A flag, then a string if it is set."""
        return self.text() if self.unpack("?") else None


def decode(encoded: str, user_data: Mapping[str, Any] | None = None) -> Track:
    """The track of a track string, whatever its source; raises TrackStringError."""
    reader = Reader(_payload(encoded))
    flags = reader.unpack("I")
    if flags & SIZE_MASK != len(reader.data) - reader.at:
        raise TrackStringError("the track string has a wrong length")
    version = reader.unpack("B") if flags & VERSIONED else 1
    if version not in {1, 2, VERSION}:
        raise TrackStringError(f"track strings of version {version} are not known")
    info, plugin_info = _read_track(reader, version)
    return Track(encoded=encoded, info=info, plugin_info=plugin_info, user_data=dict(user_data or {}))


def encode(info: TrackInfo, probe: str | None = None) -> str:
    """The track string (version 3) of a track; `probe` is Lavaplayer's name of its container, else guessed."""
    parts = [
        bytes([VERSION]),
        _text(info.title, cut=True),
        _text(info.author, cut=True),
        struct.pack(">q", info.length),
        _text(info.identifier),
        struct.pack(">?", info.is_stream),
        *map(_optional_text, (info.uri, info.artwork_url, info.isrc)),
        _text(info.source_name),
        _text(probe or guess_probe(info.identifier)) if info.source_name in PROBED_SOURCES else b"",
        struct.pack(">q", info.position),
    ]
    message = b"".join(parts)
    return base64.b64encode(struct.pack(">I", VERSIONED | len(message)) + message).decode()


def guess_probe(identifier: str) -> str:
    """The container that an address's ending promises: Java nodes refuse a track string without one."""
    return PROBES.get(urlsplit(identifier).path.rpartition(".")[2].lower(), "mp3")


def _payload(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)  # Java wants no padding
    except (binascii.Error, ValueError) as error:
        raise TrackStringError("the track string is not base64") from error


def _read_track(reader: Reader, version: int) -> tuple[TrackInfo, dict[str, Any]]:
    title, author, length = reader.text(), reader.text(), reader.unpack("q")
    identifier, is_stream = reader.text(), reader.unpack("?")
    uri = reader.optional_text() if version >= 2 else None  # noqa: PLR2004 - the versions of the layout
    artwork_url, isrc = (reader.optional_text(), reader.optional_text()) if version >= VERSION else (None, None)
    source_name = reader.text()
    plugin_info = {"probeInfo": reader.text()} if source_name in PROBED_SOURCES else {}
    reader.at = max(reader.at, len(reader.data) - 8)  # what other sources add lies before the position
    info = TrackInfo(
        identifier=identifier,
        is_seekable=not is_stream,
        author=author,
        length=length,
        is_stream=is_stream,
        position=reader.unpack("q"),
        title=title,
        uri=uri,
        artwork_url=artwork_url,
        isrc=isrc,
        source_name=source_name,
    )
    return info, plugin_info


def _text(text: str, *, cut: bool = False) -> bytes:
    raw = _modified_utf8(text)
    while cut and len(raw) > TEXT_LIMIT:
        text = text[: len(text) * TEXT_LIMIT // len(raw)]
        raw = _modified_utf8(text)
    if len(raw) > TEXT_LIMIT:
        raise TrackStringError("too long for a track string")
    return struct.pack(">H", len(raw)) + raw


def _optional_text(text: str | None) -> bytes:
    return b"\0" if text is None else b"\1" + _text(text)


def _modified_utf8(text: str) -> bytes:
    """Java's form: NUL as two bytes, characters outside the BMP as two surrogates of three bytes each."""
    units = text.encode("utf-16-be", "replace")
    return (
        "".join(map(chr, struct.unpack(f">{len(units) // 2}H", units)))
        .encode("utf-8", "surrogatepass")
        .replace(b"\0", b"\xc0\x80")
    )
