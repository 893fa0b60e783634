"""Where a room's track is: the room's clock on one side, a node's player on the other, and who of them wins."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from audio.seen import Seen
from core.limits import DRIFT
from core.ports.clock import Clock
from core.room import Room

if TYPE_CHECKING:
    from core.types import EntryId, PositionClock

SEEK = 700
"""ms by which the room's clock must have been moved to be a seek and not the way of a command."""


class Bookmark:
    """Remembers the room's clock as last looked at, and where a player was when it went away."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._clock: PositionClock | None = None
        self._held: tuple[EntryId, int] | None = None

    def hold(self, seen: Seen | None) -> None:
        """The player goes away: what follows starts where it was."""
        if seen is not None and seen.entry:
            self._held = (seen.entry, seen.position_at(time.monotonic()))

    def release(self) -> None:
        """The track plays: its player knows where it is."""
        self._held = None

    def look(self, room: Room) -> None:
        """What the room's clock says now is known and no reason to seek."""
        self._clock = replace(room.clock)

    def held(self, room: Room) -> int | None:
        """Where the current track waits to be played, in ms."""
        return self._held[1] if self._held and room.current and self._held[0] == room.current.entry.id else None

    def start(self, room: Room, seen: Seen | None) -> int:
        """Where the current track has to start if it has to: where it was heard last, or where somebody moved it."""
        if room.current is None:
            return 0
        held = self.held(room)
        if held is not None and room.clock == self._clock:
            return held
        position = self._first(room) if self._clock is None else room.clock.at(self._now())
        if seen is None or seen.entry != room.current.entry.id:
            self._held = (room.current.entry.id, position)
            self.look(room)
        return position

    @staticmethod
    def _first(room: Room) -> int:
        """At a take-over nobody knows how long the clock ran unheard: the checkpoint does, unless it is older."""
        since, checkpoint = room.clock.running_since, room.checkpoint
        if since is not None and checkpoint is not None and checkpoint.at >= since:
            return checkpoint.position
        return room.clock.offset

    def aim(self, room: Room, seen: Seen) -> tuple[int, bool]:
        """Where the track is to be, and whether the player has to be sent there: somebody moved the room's clock."""
        if room.current is None:
            self.look(room)
            return 0, False
        start = self.start(room, seen)
        if seen.entry != room.current.entry.id:
            return start, False
        moved = room.clock != self._clock
        self.look(room)
        wanted = room.clock.at(self._now())
        seek = moved and abs(wanted - seen.position_at(time.monotonic())) > SEEK
        return wanted, seek

    def drifted(self, room: Room, position: int) -> bool:
        """Whether the player has left the room's clock behind, or the other way round, with nobody's doing."""
        return room.clock == self._clock and abs(room.clock.at(self._now()) - position) > DRIFT
