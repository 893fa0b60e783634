"""The operator's music folders: indexed, searched, and handed out by id."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from audio.library_covers import Covers
from audio.library_scan import Progress, Scanned, Scanner, inside, labels
from audio.library_search import SearchIndex
from audio.library_store import PREFIX, Catalogue
from core.ports.clock import Clock
from core.types import Track, TrackRef

HOUSE = "demo"
"""The folder in the data folder whose tracks are the house list."""
HOUSE_LIMIT = 100
REFRESH = 3.0
"""Seconds between two looks at what a running scan found."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be played, and why."""

    path: Path
    reason: str


class Library:
    """The port `core.ports.tracks.Library`, over folders.

    The index lies in `library.db` and `covers/` of the data folder. Everything that touches the disk runs in
    threads of its own. Call `open` first and `close` last.
    """

    def __init__(self, data: Path, roots: Sequence[Path], clock: Clock) -> None:
        self._data = data
        self._roots = labels([*(root.absolute() for root in roots), self.house])
        self._covers = Covers(data / "covers")
        self._clock = clock
        self._threads = ThreadPoolExecutor(4, "library")
        self._scan_thread = ThreadPoolExecutor(1, "library-scan")
        self._catalogue: Catalogue
        self._scanner: Scanner
        self._searchable: tuple[SearchIndex, list[str]] = (SearchIndex([]), [])
        self._refreshing = threading.Lock()
        self._refreshed = -math.inf
        self._version = 0

    @property
    def house(self) -> Path:
        """The folder of the house list."""
        return (self._data / HOUSE).absolute()

    async def open(self) -> None:
        """Open the index as the last scan left it."""
        await self._run(self._open)

    async def close(self) -> None:
        """End a running scan and let go of the index."""
        self._scanner.stop()
        await asyncio.to_thread(self._scan_thread.shutdown)
        await asyncio.to_thread(self._threads.shutdown)
        self._catalogue.close()

    async def scan(self, progress: Callable[[Progress], None] | None = None) -> Scanned:
        """Bring the index up to date: new and changed files are read, missing ones dropped.

        `progress` is called in the loop, some five times a second. Searches see new files every few seconds.
        """
        loop = asyncio.get_running_loop()

        def tell(step: Progress) -> None:
            self._refresh(every=REFRESH)
            if progress:
                loop.call_soon_threadsafe(progress, step)

        scanned = await loop.run_in_executor(self._scan_thread, self._scanner.scan, tell)
        await self._run(self._refresh)
        return scanned

    async def add(self, path: Path) -> Track | None:
        """Index one file of the folders at once; None when it cannot be played."""
        row = await self._run(lambda: self._scanner.index(path.absolute()))
        await self._run(self._refresh)
        return row.track if row and not row.reason else None

    async def search(self, query: str, *, limit: int = 10) -> Sequence[Track]:
        """Best match first, typing errors tolerated; empty query: the newest."""
        return [track for track, _ in await self.ranked(query, limit=limit)]

    async def ranked(self, query: str, *, limit: int = 10) -> Sequence[tuple[Track, float]]:
        """As `search`, each with how well it matches (1 is perfect)."""
        return await self._run(lambda: self._search(query, limit))

    async def track(self, ref: TrackRef) -> Track | None:
        """A track by its reference."""
        row = await self._run(lambda: self._catalogue.get(ref.removeprefix(PREFIX)))
        return row.track if row and not row.reason else None

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of a track; None when it is unknown, gone, or its links lead out of the folder."""
        return await self._run(lambda: self._path(ref.removeprefix(PREFIX)))

    async def cover(self, key: str, size: int) -> Path | None:
        """A WebP file of a track's cover, `size` px (88, 176 or 512); None when there is none."""
        return await self._run(lambda: self._covers.path(key, size))

    async def fallback(self) -> Sequence[Track]:
        """The house list: what lies in the house folder (the demo tracks), else the newest of the library."""
        return await self._run(self._fallback)

    async def stamps(self) -> Mapping[TrackRef, str]:
        """All tracks, the newest first, and what tells whether their files changed."""
        return await self._run(self._catalogue.stamps)

    async def unreadable(self) -> Sequence[Unreadable]:
        """Files that cannot be played, and why."""
        rows = await self._run(self._catalogue.unreadable)
        return [Unreadable(self._roots[row.root] / row.relative, row.reason or "") for row in rows]

    async def count(self) -> int:
        """How many tracks there are."""
        return await self._run(self._catalogue.count)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _open(self) -> None:
        self.house.mkdir(parents=True, exist_ok=True)
        self._catalogue = Catalogue(self._data / "library.db")
        self._scanner = Scanner(self._catalogue, self._covers, self._roots, self._clock.now)
        self._refresh()

    def _refresh(self, *, every: float = 0.0) -> None:
        """Build the search index anew, unless it was less than `every` seconds ago."""
        if time.monotonic() - self._refreshed < every:
            return
        with self._refreshing:
            self._version = self._catalogue.version()
            rows = self._catalogue.texts()
            self._searchable = SearchIndex([text for _, text in rows]), [file for file, _ in rows]
            self._refreshed = time.monotonic()

    def _search(self, query: str, limit: int) -> list[tuple[Track, float]]:
        if not query.strip():
            return [(row.track, 1.0) for row in self._catalogue.newest(limit)]
        if self._catalogue.version() != self._version:
            self._refresh(every=REFRESH)
        index, ids = self._searchable
        found = {ids[place]: score for place, score in index.search(query, limit=limit)}
        return [(row.track, found[row.id]) for row in self._catalogue.many(list(found))]

    def _path(self, file: str) -> Path | None:
        row = self._catalogue.get(file)
        root = self._roots.get(row.root) if row else None
        if row is None or root is None:
            return None
        path = root / row.relative
        try:
            return path if path.is_file() and inside(root, path) else None
        except OSError:
            return None

    def _fallback(self) -> list[Track]:
        label = next(label for label, root in self._roots.items() if root == self.house)
        rows = self._catalogue.under(label) or self._catalogue.newest(HOUSE_LIMIT)
        return [row.track for row in rows]
