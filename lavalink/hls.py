"""HLS: FFmpeg reads the playlist and its segments, but fetches nothing by itself."""

import re
import time
from collections.abc import Mapping
from io import BytesIO
from math import ceil

import av
from av.container import InputContainer
from av.error import FFmpegError
from yarl import URL

from lavalink.download import NotFoundError
from lavalink.encrypted import Decrypted, is_encrypted, plain_address
from lavalink.fetch import HttpFile
from lavalink.protocol import LoadError

OPTIONS = {
    "format_whitelist": "hls,mpegts,aac,mp3,ac3,eac3,mov,mp4,flac,ogg",
    "protocol_whitelist": "http,https",
    "extension_picky": "0",
    "allowed_extensions": "ALL",
    "allowed_segment_extensions": "ALL",
    "http_persistent": "0",
    "http_multiple": "0",
}
STALL = 12.0
"""Seconds for which a live stream may bring nothing new: longer than a player takes to say that it is stuck."""


LOST = 2
"""Things in a row that could not be fetched, after which a stream has broken off; one alone may be missing."""
HOPELESS = 10
"""The same, after which nothing more is asked for but the playlist: a list may name thousands that are not there."""
PATIENCE = 6.0
"""Seconds for which a playlist may fail."""
LARGEST = 8 << 20
"""Bytes of a playlist that are read."""


class _Playlist:
    """A playlist's file under its address, from which FFmpeg derives those of the segments."""

    def __init__(self, file: HttpFile) -> None:
        self.name = str(file.url)
        self.seek = file.seek
        self.tell = file.tell
        self._file = file

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; it ends where a playlist is long enough."""
        return self._file.read(size) if self._file.tell() < LARGEST else b""


class Segments:
    """What FFmpeg asks for of one stream: the playlist again and again, keys, segments. Its methods never raise.

    An exception inside FFmpeg might surface in another file's call.
    """

    def __init__(self, file: HttpFile, text: str) -> None:
        """`text`: what the playlist says by now."""
        self._file = file
        self._playlist = str(file.url)
        self._listed = text.encode()
        self._missing = 0
        self._failing: float | None = None
        self._error: LoadError | None = None

    @property
    def lost(self) -> LoadError | None:
        """Why the stream broke off, if it did: FFmpeg takes that for its end."""
        return self._error if self._missing >= LOST else None

    def fetch(self, address: str, _flags: int, options: Mapping[str, str]) -> HttpFile | BytesIO | Decrypted:
        """Open what lies at an address; in place of a segment that is missing, which is passed over, nothing."""
        if self._missing >= HOPELESS and address != self._playlist:
            return BytesIO()
        try:
            part = self._file.nested(URL(plain_address(address), encoded=True))
            part.seek(int(options.get("offset", 0)))
            found = Decrypted(part, options) if is_encrypted(address) else part
            if address == self._playlist:
                found = self._keep(part)
        except (LoadError, ValueError) as error:
            self._missing += 1
            self._error = _told(error)
            return self._again() if address == self._playlist else BytesIO()
        self._missing = 0
        return found

    def _again(self) -> BytesIO:
        """The playlist as it was, while nobody knows whether it is gone."""
        now = time.monotonic()
        self._failing = self._failing or now
        good = now - self._failing < PATIENCE and not self._file.closed
        return BytesIO(self._listed if good else b"")

    def _keep(self, part: HttpFile) -> BytesIO:
        """A playlist, for the next time: if it cannot be had then, what it listed is heard at least. LoadError."""
        text = bytearray()
        while len(text) <= LARGEST and (piece := part.read(LARGEST)):
            text += piece
        part.close()
        if part.error is not None or not 0 < len(text) <= LARGEST:
            raise part.error or LoadError("The playlist is empty, or has no end")
        self._listed, self._failing = bytes(text), None
        return BytesIO(self._listed)


def open_segments(file: HttpFile, text: str) -> tuple[InputContainer, Segments]:
    """Open an HLS media playlist, which says this; LoadError."""
    segments = Segments(file, text)
    try:
        container = av.open(
            _Playlist(file),
            mode="r",
            format="hls",
            container_options=OPTIONS | {"max_reload": str(_reloads(text))},
            metadata_errors="ignore",
            io_open=segments.fetch,
        )
    except (FFmpegError, ValueError) as error:
        raise file.error or segments.lost or LoadError("This stream cannot be read", "common", reason(error)) from error
    return container, segments


def _reloads(text: str) -> int:
    """How often FFmpeg is to look for more: every half of the time that a segment takes at most."""
    match = re.search(r"#EXT-X-TARGETDURATION:\s*(\d{1,3})", text)
    return ceil(2 * STALL / max(1, int(match[1]))) if match else 3


def _told(error: LoadError | ValueError) -> LoadError:
    """What is said of a stream of which something cannot be fetched: the stream itself was there."""
    if isinstance(error, NotFoundError):
        return LoadError("Parts of this stream are gone (status 404)")
    return error if isinstance(error, LoadError) else LoadError("This stream is damaged")


def reason(error: Exception) -> str:
    """FFmpeg's words without the address, which may be signed."""
    return f"{type(error).__name__}: {getattr(error, 'strerror', error)}"
