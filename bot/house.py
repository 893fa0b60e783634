"""The house list: what the Lobby plays when nobody asked for anything."""

from contextlib import aclosing
from pathlib import Path

import structlog

from audio.demo import synthesise
from audio.library import Library
from core.errors import ChorusError
from core.reports import Reports
from core.types import LOBBY, RoomId, Track

log = structlog.get_logger()


class House:
    """Keeps the Lobby's fallback list in step with the library."""

    def __init__(self, library: Library, *, demo: bool) -> None:
        self._library = library
        self._demo = demo
        self._tracks: tuple[Track, ...] = ()

    def tracks(self, room: RoomId) -> tuple[Track, ...]:
        """A room's fallback list."""
        return self._tracks if room == LOBBY else ()

    async def open(self) -> None:
        """What an earlier start left."""
        self._tracks = tuple(await self._library.fallback())

    async def fill(self, reports: Reports) -> None:
        """Index the folders, and make demo tracks while they hold nothing. The Lobby wakes as soon as it can play."""
        if self._demo:
            await self._make(reports)
        scanned = await self._library.scan()
        tracks = await self._library.count()
        log.info("library indexed", tracks=tracks, read=scanned.read, removed=scanned.removed, bad=scanned.unreadable)
        if not tracks:
            log.warning("no music in LIBRARY_PATHS: demo tracks are made")
            await self._make(reports)
        await self.open()
        await _wake(reports)

    async def _make(self, reports: Reports) -> None:
        async with aclosing(synthesise(self._library.house)) as tracks:
            async for path in tracks:
                await self._offer(path, reports)

    async def _offer(self, path: Path, reports: Reports) -> None:
        await self._library.add(path)
        await self.open()
        await _wake(reports)


async def _wake(reports: Reports) -> None:
    try:
        await reports.wake(LOBBY)
    except ChorusError as error:
        log.warning("the Lobby sleeps on", error=type(error).__name__)
