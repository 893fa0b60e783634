"""Remote files as file objects: fetched by the event loop, read by one thread at a time, seekable."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import Empty

import aiohttp
from yarl import URL

from lavalink.download import Download, Head, Origins
from lavalink.protocol import LoadError
from lavalink.workers import waiting

BEHIND = 32 * 1024
"""Bytes kept behind the reader, so that small steps back cost no request."""
PLENTY = 64 * 1024
"""Bytes of which a reader takes some without waiting."""
NEAR = 128 * 1024
"""A step forward up to here is read through instead of asked for."""


class HttpFile:
    """A remote file for FFmpeg: `read` blocks, `close` from any thread ends a blocked `read` at once.

    `read` never raises: what it raised inside FFmpeg might surface in another file's call. It ends, with `error` set.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: URL,
        origins: Origins,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.name = ""  # what FFmpeg logs: never the address, which may be signed
        self.error: LoadError | None = None
        """Why there is no more to read, if it is not the end: FFmpeg is told that it was."""
        self.url = url
        self._session = session
        self._origins = origins
        self._loop = loop
        self._head: Head | None = None
        self._download: Download | None = None
        self._data = bytearray()
        self._start = 0
        self._position = 0
        self._ended = False
        self._closed = False
        self._parts: list[HttpFile] = []

    def open(self) -> Head:
        """Ask for the file and wait for the answer; LoadError (NotFoundError) if there is none."""
        self._begin(0)
        while self._head is None and self._more():
            pass
        if self._head is None:
            raise self.error or LoadError("The file is empty")
        return self._head

    def follow(self, url: URL) -> None:
        """Become another file, to be opened; LoadError if it may not be fetched."""
        self.url = self._origins.admit(url)
        self._head = None
        self._position = 0

    def nested(self, url: URL) -> "HttpFile":
        """Open a file that this one names; closed with it. LoadError."""
        part = HttpFile(self._session, self._origins.admit(url), self._origins, self._loop)
        self._parts = [*(other for other in self._parts if not other.closed), part]
        if self._closed:
            part.close()
        part.open()
        return part

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def buffered(self) -> int:
        """Bytes that can be read without waiting."""
        here = max(0, self._start + len(self._data) - self._position)
        return here + (self._download.ahead if self._download else 0)

    @property
    def plenty(self) -> bool:
        """Whether some can be read without waiting: a good deal of it is here, or all that will come."""
        if self._parts and not self._parts[-1].closed:
            return self._parts[-1].plenty
        return self._download is None or self._download.done or self.buffered >= PLENTY

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Whether the server can send parts."""
        return self._head is not None and self._head.ranged and self._head.size is not None

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; what lies there is asked for by the next `read`."""
        size = self._head.size if self._head and self._head.size is not None else 0
        self._position = offset + (0, self._position, size)[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; b"" at the end, or when the source is broken or closed (see `error`)."""
        if self.error is not None:
            return b""
        self._settle()
        while (offset := self._position - self._start) >= len(self._data):
            if not self._more():
                return b""
        with memoryview(self._data) as view:
            data = bytes(view[offset : offset + size] if size >= 0 else view[offset:])
        self._position += len(data)
        if offset > 2 * BEHIND:
            self._drop(offset - BEHIND)
        return data

    def close(self) -> None:
        """End the transfer and whoever reads. From any thread."""
        self._closed = True
        self._abandon()
        for part in tuple(self._parts):
            part.close()

    def _settle(self) -> None:
        """Start over at the position if it is out of reach."""
        ahead = self._position - self._start
        if ahead < 0 or ahead > len(self._data) + NEAR:
            self._begin(self._position)

    def _begin(self, offset: int) -> None:
        self._abandon()
        self._data.clear()
        self._start = offset
        self._ended = False
        self._download = Download(self._session, self.url, self._origins, offset)
        self._call(self._download.start)
        if self._closed:  # by another thread, which may have seen only the download before
            self._abandon()

    def _abandon(self) -> None:
        if (download := self._download) is not None:
            download.items.put(b"")
            self._call(download.cancel)

    def _call(self, callback: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nothing runs any more
            self._loop.call_soon_threadsafe(callback)

    def _drop(self, count: int) -> None:
        del self._data[:count]
        self._start += count

    def _more(self) -> bool:
        """Take the next piece, waiting for it; False at the end."""
        if self._ended or self._download is None:
            return False
        item = self._next(self._download)
        if self._closed:
            item = LoadError("The file was closed")
        if isinstance(item, LoadError):
            self._ended, self.error = True, item
        elif isinstance(item, Head):
            self._head = self._head or item
        else:
            self._take(self._download, item)
        return not self._ended

    def _next(self, download: Download) -> Head | bytes | LoadError:
        try:
            return download.items.get_nowait()
        except Empty:
            with waiting():
                return download.items.get()

    def _take(self, download: Download, data: bytes) -> None:
        self._ended = not data
        self._data += data
        if download.took(len(data)):
            self._call(download.resume)
