"""What radio stations say they play, told to their rooms when it is heard."""

import asyncio

import structlog

from audio.media_sound import clean
from core.errors import ChorusError
from core.reports import Reports
from core.types import EntryId, RoomId

PATIENCE = 30.0
"""Seconds for which a title waits for its entry to be on air: a station that comes next is opened before its turn."""
AGAIN = 1.0

log = structlog.get_logger()


class StationTitles:
    """Tells rooms the titles of what they play."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._latest: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, bound_to: str, title: str, lead: float) -> None:
        """In `lead` seconds `title` is heard by the room and entry (`room:entry`) that an address was bound to."""
        room, _, entry = bound_to.rpartition(":")
        if room and entry.isdecimal():
            self._latest[bound_to] = title
            task = asyncio.create_task(self._tell(bound_to, RoomId(room), EntryId(int(entry)), title, lead))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Tell no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, bound_to: str, room: RoomId, entry: EntryId, text: str, lead: float) -> None:
        await asyncio.sleep(lead)
        title, artist = parted(text)
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self._reports.titled(room, entry, title, artist):
                    await asyncio.sleep(AGAIN)
                    if self._latest.get(bound_to) != text:
                        return
        except TimeoutError:
            pass  # it was never on air
        except ChorusError as error:
            log.warning("title not told", room=room, error=type(error).__name__)
        finally:
            if self._latest.get(bound_to) == text:
                del self._latest[bound_to]


def parted(text: str) -> tuple[str, str]:
    """Title and artist of `Artist - Title`, as stations write it; the artist may be unknown."""
    whole = clean(text).strip(" -")
    artist, dash, title = whole.partition(" - ")
    return (title.strip(), artist.strip()) if dash else (whole, "")
