"""Sources: what an identifier names. One manager, `http`: any address that FFmpeg can play."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import unquote

import aiohttp
import structlog
from yarl import URL

from lavalink.decoder import Decoder, Tags
from lavalink.download import Head, NotFoundError, Origins
from lavalink.fetch import HttpFile
from lavalink.playlists import open_sound
from lavalink.protocol import LoadError, TrackInfo
from lavalink.workers import Workers

MANAGER = "http"
STREAM_LENGTH = 2**63 - 1
"""What the protocol calls the length of a live stream."""
LOAD_SECONDS = 10.0
UNKNOWN_TITLE = "Unknown title"
UNKNOWN_ARTIST = "Unknown artist"
WARM_SECONDS = 5.0
"""How long a loaded file stays open for the player that will most likely ask for it."""
WARM_FILES = 16
MOST_PICTURE = 5 * 1024 * 1024
"""Bytes."""

log = structlog.get_logger()
T = TypeVar("T")


class Sources:
    """Opens and describes what identifiers name. Made on the loop."""

    def __init__(self, session: aiohttp.ClientSession, *, origins: Sequence[str] | None) -> None:
        """`origins`: the only ones that may be fetched from; None for any http(s) address."""
        self._session = session
        self._origins = Origins(origins)
        self._loop = asyncio.get_running_loop()
        self._workers = Workers(2, "load")
        self._warm: dict[str, Decoder] = {}

    async def load(self, identifier: str) -> TrackInfo | None:
        """Describe a track; None if there is nothing by that name; LoadError if it cannot be played."""
        url = _address(identifier)
        if url is None:
            return None
        file = self._file(url)
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                return await self._call(lambda: self._probe(identifier, file))
        except NotFoundError:
            return None
        except TimeoutError:
            file.close()
            raise LoadError("The file's server takes too long", "suspicious") from None
        except asyncio.CancelledError:
            file.close()
            raise

    def take(self, identifier: str) -> Decoder | None:
        """The decoder that `load` has just made, if it did. From any thread."""
        return self._warm.pop(identifier, None)

    def file(self, identifier: str) -> HttpFile:
        """The unopened file of an identifier; LoadError if it is no address."""
        url = _address(identifier)
        if url is None:
            raise LoadError("This is not an address that can be played")
        return self._file(url)

    async def picture(self, address: str) -> bytes | None:
        """The bytes of a picture; None if there is none, or none of a reasonable size."""
        file = None
        try:
            file = self.file(address)
            async with asyncio.timeout(LOAD_SECONDS):
                return await self._call(partial(_whole, file))
        except (LoadError, TimeoutError):
            return None
        finally:
            if file is not None:
                file.close()

    async def close(self) -> None:
        """Close what is still open."""
        for identifier in list(self._warm):
            self._cool(identifier)
        await asyncio.to_thread(self._workers.stop)

    def _file(self, url: URL) -> HttpFile:
        return HttpFile(self._session, self._origins.admit(url), self._origins, self._loop)

    def _probe(self, identifier: str, file: HttpFile) -> TrackInfo:
        try:
            head = open_sound(file)
            decoder = Decoder(file)
            info = _info(identifier, head, decoder.tags(), seekable=decoder.seekable)
        except Exception as error:
            file.close()
            if isinstance(error, LoadError):
                raise
            raise LoadError("The file cannot be opened", "fault", repr(error)) from error
        self._keep(identifier, decoder)
        return info

    def _keep(self, identifier: str, decoder: Decoder) -> None:
        if identifier in self._warm or len(self._warm) >= WARM_FILES:
            decoder.close()
            return
        self._warm[identifier] = decoder
        self._loop.call_soon_threadsafe(self._loop.call_later, WARM_SECONDS, self._cool, identifier)

    def _cool(self, identifier: str) -> None:
        if decoder := self._warm.pop(identifier, None):
            decoder.file.close()
            self._workers.submit(decoder.close)

    async def _call(self, job: Callable[[], T]) -> T:
        """Run a blocking job on a worker."""
        future: asyncio.Future[T] = self._loop.create_future()

        def run() -> None:
            try:
                result = job()
            except Exception as error:  # noqa: BLE001 (handed to whoever waits)
                self._loop.call_soon_threadsafe(_fail, future, error)
            else:
                self._loop.call_soon_threadsafe(_settle, future, result)

        self._workers.submit(run)
        return await future


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _whole(file: HttpFile) -> bytes | None:
    """All of a small file; None if it is a large one. Raises LoadError."""
    file.open()
    data = bytearray()
    while len(data) <= MOST_PICTURE and (piece := file.read(MOST_PICTURE)):
        data += piece
    return bytes(data) if data and len(data) <= MOST_PICTURE and file.error is None else None


def _address(identifier: str) -> URL | None:
    """The address that an identifier is; None if it is something else."""
    if not identifier.startswith(("http://", "https://")):
        return None
    try:
        url = URL(identifier, encoded=identifier.isascii() and " " not in identifier)
    except ValueError:
        return None
    return url if url.host else None


def _info(identifier: str, head: Head, tags: Tags, *, seekable: bool) -> TrackInfo:
    stream = head.live or tags.length is None
    return TrackInfo(
        identifier=identifier,
        is_seekable=seekable and not stream,
        author=tags.artist or UNKNOWN_ARTIST,
        length=STREAM_LENGTH if tags.length is None or head.live else tags.length,
        is_stream=stream,
        title=tags.title or head.station or _file_title(identifier, head),
        uri=identifier,
        isrc=tags.isrc,
        source_name=MANAGER,
    )


def _file_title(identifier: str, head: Head) -> str:
    """The file's name without its ending."""
    name = head.filename or unquote(URL(identifier, encoded=True).raw_path)
    return PurePosixPath(name).stem or UNKNOWN_TITLE
