"""How a player's frames fare, minute by minute, as Lavalink's `frameStats` have it."""

import time
from collections.abc import Iterable

SECONDS = 60.0
DUE = 50
"""Frames in a second."""


class Minute:
    """Counts one player's frames while any are due."""

    def __init__(self) -> None:
        self.whole: tuple[int, int] | None = None
        """Frames sent and frames missed in the last whole minute of playing; None before."""
        self._ends: float | None = None
        self._sent = self._missed = 0

    def sent(self) -> None:
        """A frame was sent in time."""
        self._turn()
        self._sent += 1

    def missed(self) -> None:
        """A frame was due and not there."""
        self._turn()
        self._missed += 1

    def stop(self) -> None:
        """None are due for now."""
        self.whole, self._ends = None, None

    def _turn(self) -> None:
        now = time.monotonic()
        if self._ends is None:
            self._ends = now + SECONDS
        elif now < self._ends:
            return
        else:
            self.whole = self._sent, self._missed
            self._ends += SECONDS
        self._sent = self._missed = 0


def frame_stats(minutes: Iterable[Minute]) -> dict[str, int] | None:
    """The average of those that played for a whole minute; `deficit`: frames that nobody even asked for."""
    whole = [minute.whole for minute in minutes if minute.whole is not None]
    if not whole:
        return None
    sent, nulled = (sum(part) // len(whole) for part in zip(*whole, strict=True))
    return {"sent": sent, "nulled": nulled, "deficit": int(SECONDS * DUE) - sent - nulled}
