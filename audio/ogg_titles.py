"""Titles of stations that send Ogg: each song is a stream of its own, whose second packet holds its tags.

Pages as RFC 3533 has them, Opus' tags as RFC 7845, Vorbis' comment header as its specification, and FLAC's
(https://xiph.org/flac/ogg_mapping.html) as a metadata block of the type 4 behind a header of four bytes.
"""

from collections.abc import Iterator

from audio.icy import LONGEST_TITLE, Piece
from audio.media_sound import clean

TYPES = frozenset({"application/ogg", "audio/ogg", "audio/opus", "audio/vorbis"})
_CAPTURE = b"OggS"
_HEADER = 27
_TAGS = {b"OpusTags": 8, b"\x03vorbis": 7, b"\x04": 4, b"\x84": 4}
"""How a packet of tags begins, and where its text does."""
_LONGEST = 1 << 17
"""Bytes of tags that are read: more are pictures."""
_MOST = 100
"""Tags that are looked at."""


class OggReader:
    """Finds the titles in a station's bytes, which stay as they are, however they are cut."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._tags: bytearray | None = None

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The bytes, and the title that begins in them."""
        self._pending += data
        title = ""
        while page := self._page():
            title = self._read(*page) or title
        yield Piece(data, title)

    def _page(self) -> tuple[int, bytes, bool] | None:
        """The next page: its number in its stream, its body, whether a packet ends in it. None: not all there yet."""
        start = self._pending.find(_CAPTURE)
        if start < 0:
            del self._pending[: -len(_CAPTURE)]
            return None
        del self._pending[:start]
        if len(self._pending) < _HEADER or len(self._pending) < (body := _HEADER + self._pending[_HEADER - 1]):
            return None
        lacing = self._pending[_HEADER:body]
        end = body + sum(lacing)
        if len(self._pending) < end:
            return None
        page = bytes(self._pending[body:end])
        number = int.from_bytes(self._pending[18:22], "little")
        del self._pending[:end]
        return number, page, any(size < 255 for size in lacing)  # noqa: PLR2004 -- a shorter segment ends a packet

    def _read(self, number: int, page: bytes, ends: bool) -> str:  # noqa: FBT001 -- as a page says
        if number == 1 and page.startswith(tuple(_TAGS)):
            self._tags = bytearray()
        if self._tags is None:
            return ""
        self._tags += page
        if not ends and len(self._tags) < _LONGEST:
            return ""
        tags, self._tags = bytes(self._tags), None
        return _title(tags)


def _title(packet: bytes) -> str:
    """`Artist - Title` of a packet of tags; empty when it tells none."""
    found = dict[str, str]()
    start = next(start for magic, start in _TAGS.items() if packet.startswith(magic))
    for comment in _comments(packet[start:]):
        name, equals, value = comment.partition(b"=")
        if equals:
            found.setdefault(name.decode("ascii", "replace").lower(), clean(value.decode("utf-8", "replace")))
    title, artist = found.get("title", ""), found.get("artist", "")
    return f"{artist} - {title}"[:LONGEST_TITLE] if artist and title else title[:LONGEST_TITLE]


def _comments(packet: bytes) -> Iterator[bytes]:
    """The comments behind the vendor's name, as far as they are there."""
    place = 4 + int.from_bytes(packet[:4], "little")
    count = int.from_bytes(packet[place : place + 4], "little")
    place += 4
    for _ in range(min(count, _MOST)):
        size = int.from_bytes(packet[place : place + 4], "little")
        if place + 4 + size > len(packet):
            return
        yield packet[place + 4 : place + 4 + size]
        place += 4 + size
