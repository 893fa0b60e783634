"""What radio stations say they play, told to their rooms when it is heard."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from audio.media_sound import clean
from audio.media_urls import entry_of
from core.errors import ChorusError
from core.reports import Reports
from core.types import EntryId, RoomId

PATIENCE = 600.0
"""Seconds for which a title waits for its entry to be on air: a station that comes next is opened before its turn."""
AGAIN = 1.0
LAG = 60_000
"""ms of sound that a node may hold back: nothing waits until more were heard."""
WAITING = 50
"""Titles of a station that may wait; of more, the last ones."""

log = structlog.get_logger()


class StationTitles:
    """Tells rooms the titles of what they play."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, bound_to: str) -> Callable[[str, float], None]:
        """A station begins to be passed on to the room and entry (`room:entry`) that an address was bound to.

        What is returned is told each title, and how many seconds of the sound lie before it.
        """
        bound = entry_of(bound_to)
        if bound is None:
            return lambda _title, _at: None
        listener = _Listener(self._reports, *bound)
        self._start(listener.begin())

        def tell(title: str, at: float) -> None:
            if any(parted(title)):  # else it says that it says nothing
                listener.titles.append((title, round(at * 1000)))
                if not listener.busy:
                    self._start(listener.work())

        return tell

    async def close(self) -> None:
        """Tell no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Listener:
    """One connection of a node with a station: where in its entry the sound began, and what was told since."""

    def __init__(self, reports: Reports, room: RoomId, entry: EntryId) -> None:
        self.titles = deque[tuple[str, int]](maxlen=WAITING)
        self.busy = True
        self._reports = reports
        self._room = room
        self._entry = entry
        self._began = 0

    async def begin(self) -> None:
        """At its start, unless the node has played some of it already."""
        try:
            self._began = await self._reports.heard(self._room, self._entry) or 0
        except ChorusError as error:
            log.warning("place not known", room=self._room, error=type(error).__name__)
        await self.work()

    async def work(self) -> None:
        """Tell each title when it is heard, and be done."""
        self.busy = True
        try:
            while self.titles:
                text, at = self.titles.popleft()
                if await self._comes(at):
                    await self._reports.titled(self._room, self._entry, *parted(text))
        except ChorusError as error:
            log.warning("title not told", room=self._room, error=type(error).__name__)
        finally:
            self.busy = False

    async def _comes(self, at: int) -> bool:
        """Wait until this much of the sound was heard; False if that is not to be."""
        patience, latest = time.monotonic() + PATIENCE, None
        while True:
            position = await self._reports.heard(self._room, self._entry)
            if position is None:
                if latest is not None or time.monotonic() > patience:
                    return False
                await asyncio.sleep(AGAIN)
                continue
            latest = position + LAG if latest is None else latest
            self._began = self._began if self._began <= position else 0  # another player, which counts anew
            left = min(self._began + at, latest) - position
            if left <= 0:
                return True
            await asyncio.sleep(min(AGAIN, left / 1000))


def parted(text: str) -> tuple[str, str]:
    """Title and artist of `Artist - Title`, as stations write it; the artist may be unknown."""
    whole = clean(text).strip(" -")
    artist, dash, title = whole.partition(" - ")
    return (title.strip(), artist.strip()) if dash else (whole, "")
