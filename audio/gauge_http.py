"""An address of ours as a file: read in order, and from elsewhere by range. Blocks."""

from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

TIMEOUT = 10.0
NEAR = 256 << 10
"""Bytes that are rather read over than asked for anew."""
_OK, _PARTIAL = 200, 206


class RangedFile:
    """What FFmpeg reads from. Raises OSError; an end that comes too early is one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._url = urlsplit(url)
        self._position = 0  # where the reader is
        self._at = 0  # where the response is
        self._connection: HTTPConnection | None = None
        self._response = self._open(0)
        self.size = self._length()

    @property
    def media_type(self) -> str:
        """What our media server takes it for."""
        return self._response.headers.get_content_type()

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes, none at the end."""
        if self.size is not None and self._position >= self.size:
            return b""
        self._go()
        try:
            data = self._response.read1(count)
        except HTTPException as error:
            raise OSError(type(error).__name__) from error
        self._position += len(data)
        self._at = self._position
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file; where the size is not known there is no going anywhere."""
        if self.size is None:
            raise OSError("not seekable")
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def seekable(self) -> bool:
        """Whether it has an end that is known."""
        return self.size is not None

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()

    def _go(self) -> None:
        """Have the response be where the reader is."""
        ahead = self._position - self._at
        if 0 < ahead <= NEAR:
            self._at += len(self._response.read(ahead))
        if self._at != self._position:
            self._response = self._open(self._position)
            self._at = self._position

    def _open(self, position: int) -> HTTPResponse:
        self.close()
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        self._connection = kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT)
        path = f"{self._url.path}?{self._url.query}" if self._url.query else self._url.path
        try:
            self._connection.request("GET", path, headers={"Range": f"bytes={position}-"})
            response = self._connection.getresponse()
        except HTTPException as error:
            raise OSError(type(error).__name__) from error
        if response.status != _PARTIAL and (position or response.status != _OK):
            raise OSError(f"status {response.status}")
        return response

    def _length(self) -> int | None:
        total = self._response.getheader("Content-Range", "").rpartition("/")[2]
        if self._response.status == _PARTIAL and total.isdecimal():
            return int(total)
        return None
