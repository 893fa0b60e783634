"""Downloads: remote files fetched by the event loop, within the origins allowed, reconnecting where they were."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from queue import SimpleQueue

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from lavalink.protocol import LoadError
from lavalink.traffic import TRAFFIC

BUFFER = 32 * 1024
"""What a transfer that nobody asks for grows to, twice."""
AHEAD = 256 * 1024
"""Bytes fetched ahead of the reader."""
REDIRECTS = 10
RETRIES = (0.0, 0.5, 1.0, 2.0)
"""Pauses in seconds before each new attempt without progress."""
LIVE_RETRIES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Those of a radio station, whose server may refuse it while its source is away."""
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


def _place(headers: CIMultiDictProxy[str], asked: int) -> int:
    """Where in the file a part begins: as asked for, unless it says otherwise."""
    match = re.match(r"bytes (\d{1,18})-", headers.get(hdrs.CONTENT_RANGE, ""))
    return int(match[1]) if match else asked


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
        self.done = False
        """Whether no more will come."""
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
            self._task = None  # a ring, by its error's frames: what waits in `items` would stay until a collection

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
        self.done = True

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
            except LoadError as error:
                if self._head is None or not self._head.live:
                    raise
                cause = error.message
            idle = 0 if self._position > before else idle + 1
            pauses = self._pauses()
            if idle > len(pauses):
                raise LoadError("The file's server does not answer", "suspicious", cause)
            await asyncio.sleep(pauses[max(0, idle - 1)])

    def _pauses(self) -> Sequence[float]:
        if self._head is None:
            return FIRST_RETRIES
        return LIVE_RETRIES if self._head.live else RETRIES

    async def _stream(self) -> bool:
        """Fetch until the connection ends; True if that was the end of the file."""
        async with self._response() as response:
            if response is None:
                return True
            skip = self._note(response)
            while chunk := await response.content.readany():
                if skip:
                    skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
                if chunk:
                    await self._deliver(chunk)
        return self._ended()

    async def _deliver(self, chunk: bytes) -> None:
        self._position += len(chunk)
        self._sent += len(chunk)
        TRAFFIC.total += len(chunk)
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
        if head.live:
            return 0
        place = _place(response.headers, self._position) if head.ranged else 0
        if place > self._position:
            raise LoadError("The file's server sent another part than it was asked for", "suspicious")
        return self._position - place

    @asynccontextmanager
    async def _response(self) -> AsyncGenerator[aiohttp.ClientResponse | None]:
        """The answer to a request from the present position; None if nothing is left there."""
        url = self._url
        for _ in range(REDIRECTS + 1):
            self._origins.admit(url)
            async with self._session.get(
                url,
                headers={hdrs.RANGE: f"bytes={self._position}-", hdrs.ACCEPT_ENCODING: "identity"},
                allow_redirects=False,
                timeout=TIMEOUT,
                read_bufsize=BUFFER,
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
