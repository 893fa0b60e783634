"""A stream in segments (HLS) as one file: FFmpeg reads the playlist, and fetches nothing by itself. Blocks."""

import contextlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast
from urllib.parse import urlsplit

import av

from audio.gauge_http import RangedFile
from audio.playlists import MEDIA_TYPES

OPTIONS = {
    "format_whitelist": "hls,mpegts,aac,mp3,ac3,eac3,mov,mp4,flac,ogg",
    "protocol_whitelist": "http,https",
    "extension_picky": "0",
    "allowed_extensions": "ALL",
    "allowed_segment_extensions": "ALL",
    "http_persistent": "0",
    "http_multiple": "0",
    "max_reload": "3",
}

LARGEST = 8 << 20
"""Bytes of a playlist, which our addresses make longer than it was."""


def is_hls(file: RangedFile) -> bool:
    """Whether our media server, which looks into playlists, says so."""
    return file.media_type == MEDIA_TYPES["hls"]


class _Playlist(BytesIO):
    """A playlist's text under its address, to which those of the segments are relative."""

    def __init__(self, file: RangedFile) -> None:
        text = b""
        while len(text) <= LARGEST and (piece := file.read(LARGEST)):
            text += piece
        if len(text) > LARGEST:  # without its end it would pass for a live one, of which the last seconds are heard
            raise OSError("the playlist has no end")
        super().__init__(text)
        self.name = file.url


def open_segments(file: RangedFile) -> Any:
    """The container of all segments; encrypted ones are none. Raises OSError and FFmpeg's errors."""
    ours = urlsplit(file.url)[:2]

    def fetch(address: str, _flags: int, options: Mapping[str, str]) -> RangedFile | BytesIO:
        part = None
        with contextlib.suppress(OSError, ValueError):  # a segment that is missing is passed over
            if urlsplit(address)[:2] == ours:
                part = RangedFile(address)
                part.seek(int(options.get("offset", 0)))
        return part or BytesIO()

    playlist = _Playlist(file)
    return cast("Any", av).open(
        playlist, mode="r", format="hls", container_options=OPTIONS, metadata_errors="ignore", io_open=fetch
    )
