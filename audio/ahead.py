"""What comes after the current track: it is settled in time."""

from collections.abc import Callable

from audio.link import Link
from core import sound
from core.reports import Reports
from core.room import Room

LOCK_LEAD = 15_000
"""ms before the join of the current entry with the next one at which that is settled."""


class Ahead:
    """Of one room; `look_in(seconds)` has it looked at again by then."""

    def __init__(self, link: Link, reports: Reports, look_in: Callable[[float], None]) -> None:
        self._link = link
        self._reports = reports
        self._look_in = look_in

    async def look(self, room: Room) -> None:
        """Settle the next entry when the current one is about to end; be there in time for it."""
        seen, current, position = self._link.seen, room.current, self._link.position()
        if seen is None or current is None or position is None or seen.entry != current.entry.id:
            return
        if self._link.bookmark.drifted(room, position):
            await self._reports.position(room.id, current.entry.id, position)
        if current.entry.track.length is None or room.locked is not None:
            return
        left = (current.entry.track.length - position) / seen.rate - sound.heard_crossfade(room) - LOCK_LEAD
        if left > 0:
            self._look_in(left / 1000)
        else:
            await self._reports.lock_next(room.id)
