"""What this process has done since it started, as plain numbers: frames are too many for anything dearer."""

from bisect import bisect_left
from collections import Counter

LATE = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Bounds in seconds by which late steps are told apart."""


class Tally:
    """Counts; on the loop alone."""

    def __init__(self) -> None:
        self.sent = 0
        """Frames of sound."""
        self.missed = 0
        """Frames that were due and not there."""
        self.events: Counter[str] = Counter()
        """What clients were told, by type."""
        self.steps = [0] * (len(LATE) + 1)
        """The pacer's steps by lateness; the last ones are beyond all bounds."""
        self.late = 0.0
        """Seconds by which all steps together were late."""

    def step(self, late: float) -> None:
        """The pacer has come so many seconds after its time."""
        self.steps[bisect_left(LATE, late)] += 1
        self.late += late


TALLY = Tally()
"""This process's."""
