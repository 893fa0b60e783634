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
        self._reading: set[asyncio.Task[None]] = set()

    def of(self, view: RoomView) -> Sequence[Chapter]:
        """Those that are known by now."""
        if view.current is None or view.current.track.length is None:
            return ()
        entry, chapters = self._known.get(view.id, (None, ()))
        if entry != view.current.id:
            self._known[view.id] = view.current.id, ()
            task = asyncio.create_task(self._read(view.id, view.current.id))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
            return ()
        return chapters

    async def _read(self, room: RoomId, entry: EntryId) -> None:
        try:
            found = await self._jukebox.chapters(room)
        except ChorusError:
            return
        if found and self._known[room][0] == entry:
            self._known[room] = entry, found
            self.tell(room)

    async def close(self) -> None:
        """Read no more."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
