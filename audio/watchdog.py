"""What has to happen on a node within a time: a track starts and moves on, the next one follows."""

import time

from core.types import EntryId

START_LIMIT = 10.0
"""Seconds in which a track has to start, and then to move."""
JOIN_LIMIT = 2.0
"""Seconds that a gapless start may follow the end of the track before."""
RESTARTS = 3
"""How often a track that a node dropped for no reason is started again."""


class Watchdog:
    """Deadlines of one player; times are monotonic seconds."""

    def __init__(self) -> None:
        self.ending: EntryId | None = None
        """A track that has finished while what follows has not begun yet."""
        self._join_by = 0.0
        self._start_by: float | None = None
        self._starts: tuple[EntryId | None, int] = (None, 0)

    def reset(self) -> None:
        """The player is another one."""
        self.ending = self._start_by = None
        self._starts = (None, 0)

    def expect_start(self) -> None:
        """A track was sent, or goes on after a pause."""
        self._start_by = time.monotonic() + START_LIMIT

    def expect_motion(self) -> None:
        """A track has started: its position has to grow now."""
        self.ending = None
        self._start_by = time.monotonic() + START_LIMIT + JOIN_LIMIT

    def expect_join(self, ending: EntryId) -> None:
        """`ending` has finished, and the node was told what follows."""
        self.ending, self._join_by = ending, time.monotonic() + JOIN_LIMIT
        self._start_by = None

    def rest(self) -> None:
        """Nothing has to start or move."""
        self._start_by = None

    def gives_up(self, entry: EntryId) -> bool:
        """Count a start of `entry`; whether it has been started too often."""
        self._starts = (entry, self._starts[1] + 1 if self._starts[0] == entry else 0)
        return self._starts[1] > RESTARTS

    def late_start(self) -> float | None:
        """Seconds until the start is overdue, 0 when it is; None when nothing has to start."""
        return None if self._start_by is None else max(0.0, self._start_by - time.monotonic())

    def late_join(self) -> float | None:
        """Seconds until the join is overdue, 0 when it is; None when there is none."""
        return None if self.ending is None else max(0.0, self._join_by - time.monotonic())
