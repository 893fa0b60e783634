"""Rooms that wait for a place because nodes are full: those with the better plans come first."""

import time

from core.types import RoomId

REMEMBERED = 2.5
"""Seconds after its last look in which a room still waits: it looks every second."""


class Line:
    """Who waits, by the rank of their plan."""

    def __init__(self) -> None:
        self._waiting: dict[RoomId, tuple[int, float]] = {}

    def wait(self, room: RoomId, rank: int) -> None:
        """A room has looked and found no place."""
        now = time.monotonic()
        self._waiting = {who: one for who, one in self._waiting.items() if now - one[1] < REMEMBERED}
        self._waiting[room] = rank, now

    def lets(self, rank: int) -> bool:
        """Whether nobody of a higher rank waits."""
        now = time.monotonic()
        return not any(other > rank and now - seen < REMEMBERED for other, seen in self._waiting.values())
