"""Remote files: fetched by the event loop, read by one thread at a time as a seekable file object."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from lavalink.protocol import LoadError
from lavalink.workers import waiting

CHUNK = 32 * 1024
AHEAD = 256 * 1024
"""Bytes fetched ahead of the reader."""
BEHIND = 32 * 1024
"""Bytes kept behind the reader, so that small steps back cost no request."""
NEAR = 128 * 1024
"""A step forward up to here is read through instead of asked for."""
REDIRECTS = 5
RETRIES = (0.0, 0.5, 1.0, 2.0)
"""Pauses in seconds before each new attempt without progress."""
FIRST_RETRIES = RETRIES[:1]
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=4, sock_read=4)

_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})


class NotFoundError(LoadError):
    """There is no such file."""


class _RetryError(Exception):
    """An answer that another attempt may better."""


class Origins:
    """The origins that may be fetched from; all http(s) ones when none is named."""

    def __init__(self, origins: Sequence[str] | None) -> None:
        self._origins = None if origins is None else frozenset(URL(origin).origin() for origin in origins)

    def admit(self, url: URL) -> URL:
        """The same address, or LoadError if it must not be fetched."""
        if url.scheme not in {"http", "https"} or not url.host:
            raise LoadError("Only http and https addresses can be played", "common")
        if self._origins is not None and url.origin() not in self._origins:
            raise LoadError("This node may not fetch from that address", "common")
        return url


@dataclass(frozen=True, slots=True)
class Head:
    """What a server says about a file: its size if known, whether parts can be asked for, names."""

    size: int | None
    ranged: bool
    content_type: str
    filename: str | None
    station: str | None

    @property
    def live(self) -> bool:
        """Whether it is a radio station, which goes on when its connection ends."""
        return self.station is not None


def _head(response: aiohttp.ClientResponse) -> Head:
    headers = response.headers
    disposition = response.content_disposition
    station = headers.get("icy-name") if any(name.lower().startswith("icy-") for name in headers) else None
    return Head(
        size=_size(response.status, headers),
        ranged=response.status == 206,  # noqa: PLR2004
        content_type=response.content_type,
        filename=disposition.filename if disposition else None,
        station=station,
    )


def _size(status: int, headers: CIMultiDictProxy[str]) -> int | None:
    if status == 206:  # noqa: PLR2004
        match = re.fullmatch(r"bytes \d+-\d+/(\d+)", headers.get(hdrs.CONTENT_RANGE, ""))
        return int(match[1]) if match else None
    length = headers.get(hdrs.CONTENT_LENGTH)
    return int(length) if length and hdrs.CONTENT_ENCODING not in headers else None


class Download:
    """One pass over a file from an offset, on the loop; reconnects where it was, never runs far ahead.

    `items` carries a Head, then bytes, then b"" at the end or the LoadError that ended it.
    """

    def __init__(self, session: aiohttp.ClientSession, url: URL, origins: Origins, offset: int) -> None:
        self.items: SimpleQueue[Head | bytes | LoadError] = SimpleQueue()
        self._session = session
        self._url = url
        self._origins = origins
        self._position = offset
        self._sent = 0  # written by the loop alone
        self._taken = 0  # written by the reader alone
        self._parked = False
        self._head: Head | None = None
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to fetch. On the loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def cancel(self) -> None:
        """Stop fetching. On the loop."""
        if self._task is not None:
            self._task.cancel()

    def resume(self) -> None:
        """The reader has made room. On the loop."""
        self._room.set()

    def took(self, count: int) -> bool:
        """Count what the reader has taken; True if fetching should be resumed. In the reader's thread."""
        self._taken += count
        return self._parked and self.ahead < AHEAD // 2

    @property
    def ahead(self) -> int:
        """Bytes that wait in `items`."""
        return self._sent - self._taken

    async def _run(self) -> None:
        try:
            await self._fetch()
            self.items.put(b"")
        except LoadError as error:
            self.items.put(error)
        except Exception as error:  # noqa: BLE001 (whatever it is, the reader must not wait for ever)
            self.items.put(LoadError("Reading the file failed", "fault", repr(error)))

    async def _fetch(self) -> None:
        idle = 0
        while True:
            before = self._position
            try:
                if await self._stream():
                    return
                cause = "the connection ended early"
            except (aiohttp.ClientError, OSError, TimeoutError, _RetryError) as error:
                cause = f"{type(error).__name__}: {error}"
            idle = 0 if self._position > before else idle + 1
            pauses = RETRIES if self._head else FIRST_RETRIES
            if idle > len(pauses):
                raise LoadError("The file's server does not answer", "suspicious", cause)
            await asyncio.sleep(pauses[max(0, idle - 1)])

    async def _stream(self) -> bool:
        """Fetch until the connection ends; True if that was the end of the file."""
        async with self._response() as response:
            if response is None:
                return True
            skip = self._note(response)
            while chunk := await response.content.read(CHUNK):
                if skip:
                    skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
                if chunk:
                    await self._deliver(chunk)
        return self._ended()

    async def _deliver(self, chunk: bytes) -> None:
        self._position += len(chunk)
        self._sent += len(chunk)
        self.items.put(chunk)
        while self.ahead > AHEAD:
            self._room.clear()
            self._parked = True
            if self.ahead > AHEAD:  # the reader may have looked before the flag was up
                await self._room.wait()
            self._parked = False

    def _ended(self) -> bool:
        head = self._head
        if head is None or head.live:
            return False
        return head.size is None or self._position >= head.size

    def _note(self, response: aiohttp.ClientResponse) -> int:
        """Publish the first answer, check later ones; how many bytes must be skipped to be in place."""
        head = _head(response)
        if self._head is None:
            self._head = head
            self.items.put(head)
        elif self._head.size != head.size:
            raise LoadError("The file changed while it was read", "suspicious")
        return 0 if head.ranged or head.live else self._position

    @asynccontextmanager
    async def _response(self) -> AsyncGenerator[aiohttp.ClientResponse | None]:
        """The answer to a request from the present position; None if nothing is left there."""
        url = self._url
        for _ in range(REDIRECTS):
            self._origins.admit(url)
            async with self._session.get(
                url,
                headers={hdrs.RANGE: f"bytes={self._position}-", hdrs.ACCEPT_ENCODING: "identity"},
                allow_redirects=False,
                timeout=TIMEOUT,
                read_bufsize=CHUNK,
            ) as response:
                if response.status in _REDIRECTED and hdrs.LOCATION in response.headers:
                    url = url.join(URL(response.headers[hdrs.LOCATION]))
                    continue
                yield response if _accept(response.status) else None
                return
        raise LoadError("The address redirects too often")


def _accept(status: int) -> bool:
    """Whether a body follows; False at the end of the file; raises for all else."""
    if status in {200, 206}:
        return True
    if status == 416:  # noqa: PLR2004
        return False
    if status in _GONE:
        raise NotFoundError("The file does not exist")
    if status >= 500 or status in {408, 425, 429}:  # noqa: PLR2004
        raise _RetryError(f"status {status}")
    raise LoadError(f"The file's server answered with status {status}")


class HttpFile:
    """A remote file for FFmpeg: `read` blocks, `close` from any thread ends a blocked `read` at once."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: URL,
        origins: Origins,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.name = ""  # what FFmpeg logs: never the address, which may be signed
        self.error: LoadError | None = None
        self._source = session, url, origins
        self._loop = loop
        self._head: Head | None = None
        self._download: Download | None = None
        self._data = bytearray()
        self._start = 0
        self._position = 0
        self._ended = False
        self._closed = False

    def open(self) -> Head:
        """Ask for the file and wait for the answer; LoadError (NotFoundError) if there is none."""
        self._begin(0)
        while self._head is None and self._more():
            pass
        if self._head is None:
            raise LoadError("The file is empty")
        return self._head

    @property
    def buffered(self) -> int:
        """Bytes that can be read without waiting."""
        here = max(0, self._start + len(self._data) - self._position)
        return here + (self._download.ahead if self._download else 0)

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
        """Up to `size` bytes; b"" at the end; LoadError when the source is broken or closed."""
        self._settle()
        while (offset := self._position - self._start) >= len(self._data):
            if not self._more():
                return b""
        data = bytes(self._data[offset : offset + size] if size >= 0 else self._data[offset:])
        self._position += len(data)
        if offset > 2 * BEHIND:
            self._drop(offset - BEHIND)
        return data

    def close(self) -> None:
        """End the transfer and whoever reads. From any thread."""
        self._closed = True
        self._abandon()

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
        self._download = Download(*self._source, offset)
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
            raise LoadError("The file was closed")
        if isinstance(item, LoadError):
            self._ended, self.error = True, item
            raise item
        if isinstance(item, Head):
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
