"""Chapters of what is on air, for the pages of its room."""

import asyncio
from collections.abc import Callable, Sequence

from core.errors import ChorusError
from core.jukebox import Jukebox
from core.ports.tracks import Chapter
from core.records.views import RoomView
from core.types import EntryId, RoomId


class Chapters:
    """Read in the background, once a track, since the file may lie far away: no page waits for them.

    `tell` hears of a room whose chapters are known now.
    """

    def __init__(self, jukebox: Jukebox) -> None:
        self.tell: Callable[[RoomId], None] = lambda _: None
        self._jukebox = jukebox
        self._known: dict[RoomId, tuple[EntryId, Sequence[Chapter]]] = {}
        self._reading: dict[RoomId, asyncio.Task[None]] = {}

    def of(self, view: RoomView) -> Sequence[Chapter]:
        """Those that are known by now."""
        if view.current is None or view.current.track.length is None:
            return ()
        entry, chapters = self._known.get(view.id, (None, ()))
        if entry == view.current.id:
            return chapters
        if view.id not in self._reading:
            task = self._reading[view.id] = asyncio.create_task(self._read(view.id, view.current.id))
            task.add_done_callback(lambda _: self._reading.pop(view.id, None))
        return ()

    async def _read(self, room: RoomId, entry: EntryId) -> None:
        try:
            found = await self._jukebox.chapters(room)
        except ChorusError:
            found = ()
        self._known[room] = entry, found
        if found:
            self.tell(room)

    async def close(self) -> None:
        """Read no more."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
