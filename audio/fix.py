"""A fix of the position: only the node knows when a seek, another speed or the middle of a crossfade was heard."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from audio.probe import NODE_ERRORS
from audio.seen import Seen
from core.reports import Reports
from core.types import RoomId

if TYPE_CHECKING:
    from audio.link import Link

SETTLED = 0.8
"""Seconds after which a change is heard for certain."""
EXACT = 20
"""ms by which a clock may be off that is looked at closely."""


class Fix:
    """Of one room's player; `look_in(seconds)` has it looked at again by then."""

    def __init__(self, room: RoomId, reports: Reports, look_in: Callable[[float], None]) -> None:
        self._room = room
        self._reports = reports
        self._look_in = look_in
        self._at: float | None = None

    def due_in(self, seconds: float) -> None:
        """Have the clocks set right by then."""
        self._at = time.monotonic() + seconds
        self._look_in(seconds)

    async def take(self, link: "Link") -> None:
        """Set the player's and the room's clock right by the node's position, if that is due."""
        if link.node is None or link.seen is None or self._at is None:
            return
        if (left := self._at - time.monotonic()) > 0:
            self._look_in(left)
            return
        self._at = None
        seen = link.seen
        try:
            player = await link.node.player(link.id)
        except NODE_ERRORS:
            return
        found = Seen.read(self._room, player) if player else Seen()
        if found.entry and found.entry == seen.entry and link.seen is seen and not seen.paused:
            seen.hold(found.position, found.at)
            position = seen.position_at(time.monotonic())
            await self._reports.position(self._room, found.entry, position, tolerance=EXACT)
