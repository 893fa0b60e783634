"""Looking into a foreign address: is it sound, how long, what is it called, or a playlist?"""

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from aiohttp import ClientResponse

from audio import feeds, playlists
from audio.guard import Guard
from audio.media import MAX_BODY
from audio.media_relay import looks_like_html, read_capped, size_of
from audio.media_sound import Sound, clean, read_chapters, read_sound
from core.errors import UnplayableError
from core.ports.tracks import Chapter

T = TypeVar("T")

WHOLE = {"Range": "bytes=0-"}
"""Asks for all of a file, and whether parts of it can be had."""
TIMEOUT = 8.0
"""Seconds that a look may take."""
BUDGET = 32 << 20
"""Bytes that a look may fetch."""
BLOCK = 256 << 10
MARKUP = 1_024
"""Bytes of markup that tell what it is."""
LONGEST_READ = 60.0
"""Seconds after which a thread gives up on a loop that is gone."""
_FOREIGN_TYPES = ("image/", "text/", "font/", "model/")
_FOREIGN_APPLICATIONS = frozenset({"json", "pdf", "zip", "gzip", "javascript", "xml", "x-msdownload", "java-archive"})
_TEXTUAL = frozenset(range(0x20, 0x7F)) | set(b"\t\r\n")


@dataclass(frozen=True, slots=True)
class Listing:
    """The address is a playlist; `base` is where it was found in the end."""

    kind: playlists.Kind
    text: str
    base: str


@dataclass(frozen=True, slots=True)
class FeedText:
    """The address is a feed; `base` is where it was found in the end."""

    body: bytes
    base: str


class Prober:
    """Looks into addresses, a few at a time, in threads of its own."""

    def __init__(self, guard: Guard, *, timeout: float = TIMEOUT, max_body: int = MAX_BODY) -> None:
        self._guard = guard
        self._timeout = timeout
        self._max_body = max_body
        self._threads = ThreadPoolExecutor(8, "probe")

    async def close(self) -> None:
        """Wait for the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def look(self, address: str) -> Sound | Listing | FeedText:
        """What lies at an address; a sound without a known length is live.

        Raises:
            UnplayableError: with any of its reasons.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._look(address)
        except TimeoutError:
            raise UnplayableError("timeout") from None

    async def feed(self, address: str) -> FeedText | None:
        """The feed at an address, None if anything else is there. Raises UnplayableError."""
        try:
            async with asyncio.timeout(self._timeout), self._guard.open(address) as response:
                head = await _beginning(response)
                return await _feed_text(response, head) if feeds.is_feed(response.content_type, head) else None
        except TimeoutError:
            raise UnplayableError("timeout") from None

    async def chapters(self, address: str) -> Sequence[Chapter]:
        """The chapters of the file at an address. Raises UnplayableError."""
        try:
            async with asyncio.timeout(self._timeout), self._guard.open(address, headers=WHOLE) as response:
                head = await response.content.readany()
                remote = RemoteFile(self._guard, address, response, head)
                return await self._read(remote, read_chapters) if remote.size else ()
        except TimeoutError:
            raise UnplayableError("timeout") from None

    async def _look(self, address: str) -> Sound | Listing | FeedText:
        async with self._guard.open(address, headers=WHOLE) as response:
            head = await _beginning(response)
            if feeds.is_feed(response.content_type, head):
                return await _feed_text(response, head)
            kind = playlists.kind_of(response.content_type, response.url.path, head)
            if kind is not None:
                text = playlists.decode(await read_capped(response, playlists.BYTES, head))
                return Listing(playlists.settle(kind, text), text, str(response.url))
            if _foreign(response.content_type) or looks_like_html(head):
                raise UnplayableError("not_audio")
            if size_of(response) > self._max_body:
                raise UnplayableError("too_large")
            return _named(await self._sound(response, address, head), response)

    async def _sound(self, response: ClientResponse, address: str, head: bytes) -> Sound:
        remote = RemoteFile(self._guard, address, response, head)
        try:
            return await self._read(remote, functools.partial(read_sound, live=not remote.size))
        except UnplayableError as error:
            textual = head and all(byte in _TEXTUAL for byte in head[:512])
            raise UnplayableError("not_audio" if error.reason == "corrupt" and textual else error.reason) from None

    async def _read(self, remote: "RemoteFile", job: Callable[["Sequential"], T]) -> T:
        """Have a thread do something with a remote file."""
        source = Seekable(remote) if remote.size else Sequential(remote)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, job, source)
        finally:
            remote.close()


class RemoteFile:
    """A foreign body by position: what has come stays, what is far away is asked for by range."""

    def __init__(self, guard: Guard, address: str, response: ClientResponse, head: bytes) -> None:
        self.size = size_of(response) if "Content-Encoding" not in response.headers else 0
        self._guard = guard
        self._address = address
        self._response = response
        self._ranged = response.status == 206  # noqa: PLR2004
        self._head = bytearray(head)
        self._blocks: dict[int, bytes] = {}
        self._loop = asyncio.get_running_loop()
        self._fetched = len(head)
        self._closed = False

    def close(self) -> None:
        """Let a thread that still reads fail."""
        self._closed = True

    def read(self, position: int, count: int) -> bytes:
        """For threads: some bytes from a position on, none at the end. Raises UnplayableError."""
        if position + count <= len(self._head):
            return bytes(self._head[position : position + count])
        if self._closed:
            raise UnplayableError("timeout")
        work = self._fetch(position, count)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST_READ)

    async def _fetch(self, position: int, count: int) -> bytes:
        if position > len(self._head) + BLOCK and self._ranged:
            return (await self._block(position // BLOCK))[position % BLOCK :][:count]
        if position > len(self._head) + BLOCK and self.size > BUDGET:
            return b""  # what stands at the end of a large file cannot be had without all that is before
        while len(self._head) <= position:
            chunk = await self._response.content.readany()
            if not chunk:
                break
            self._spend(len(chunk))
            self._head += chunk
        return bytes(self._head[position : position + count])

    async def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * BLOCK
            headers = {"Range": f"bytes={start}-{start + BLOCK - 1}"}
            async with self._guard.open(self._address, headers=headers) as response:
                if response.status != 206:  # noqa: PLR2004
                    raise UnplayableError("corrupt")
                self._blocks[number] = await read_capped(response, BLOCK)
            self._spend(len(self._blocks[number]))
        return self._blocks[number]

    def _spend(self, count: int) -> None:
        self._fetched += count
        if self._fetched > BUDGET or self._closed:
            raise UnplayableError("corrupt")


class Sequential:
    """A remote file that can only be read on: its size is not known."""

    def __init__(self, remote: RemoteFile) -> None:
        self._remote = remote
        self._position = 0

    def read(self, count: int) -> bytes:
        """At most `count` bytes."""
        data = self._remote.read(self._position, count)
        self._position += len(data)
        return data


class Seekable(Sequential):
    """A remote file whose size is known."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        self._position = offset + (0, self._position, self._remote.size)[whence]
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position


async def _beginning(response: ClientResponse) -> bytes:
    """What came first; of markup enough to tell what it is, as servers may send its first line alone."""
    head = await response.content.readany()
    while head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in {b"", b"<"} and 0 < len(head) < MARKUP:
        if feeds.is_feed(response.content_type, head):
            break
        more = await response.content.readany()
        if not more:
            break
        head += more
    return head


async def _feed_text(response: ClientResponse, head: bytes) -> FeedText:
    if size_of(response) > feeds.BYTES:
        raise UnplayableError("too_large")
    return FeedText(await read_capped(response, feeds.BYTES, head), str(response.url))


def _foreign(media_type: str) -> bool:
    kind, _, subtype = media_type.lower().partition("/")
    return media_type.lower().startswith(_FOREIGN_TYPES) or (kind == "application" and subtype in _FOREIGN_APPLICATIONS)


def _named(sound: Sound, response: ClientResponse) -> Sound:
    """A sound without a title is called as the radio station, the file or the host."""
    station = clean(response.headers.get("icy-name", ""))
    file = clean(PurePosixPath(response.url.path).stem.replace("_", " "))
    title = (station if sound.length is None else "") or sound.title or file or str(response.url.host)
    return Sound(title, sound.artist, sound.length)
