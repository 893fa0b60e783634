"""HLS: FFmpeg reads the playlist and its segments, but fetches nothing by itself."""

from collections.abc import Mapping
from io import BytesIO

import av
from av.container import InputContainer
from av.error import FFmpegError
from yarl import URL

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
    "max_reload": "3",
}


class _Playlist:
    """A playlist's file under its address, from which FFmpeg derives those of the segments."""

    def __init__(self, file: HttpFile) -> None:
        self.name = str(file.url)
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def open_segments(file: HttpFile) -> InputContainer:
    """Open an HLS media playlist; LoadError."""

    def fetch(address: str, _flags: int, options: Mapping[str, str]) -> HttpFile | BytesIO | Decrypted:
        try:
            part = file.nested(URL(plain_address(address), encoded=True))
            part.seek(int(options.get("offset", 0)))
            return Decrypted(part, options) if is_encrypted(address) else part
        except (LoadError, ValueError):
            return BytesIO()  # a segment that is missing is passed over; an exception might surface elsewhere

    try:
        return av.open(
            _Playlist(file),
            mode="r",
            format="hls",
            container_options=OPTIONS,
            metadata_errors="ignore",
            io_open=fetch,
        )
    except (FFmpegError, ValueError) as error:
        raise file.error or LoadError("This stream cannot be read", "common", reason(error)) from error


def reason(error: Exception) -> str:
    """FFmpeg's words without the address, which may be signed."""
    return f"{type(error).__name__}: {getattr(error, 'strerror', error)}"
