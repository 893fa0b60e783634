"""Business time: it stands still until a test moves it."""

import time
from typing import Protocol

DAY = 86_400
HOUR = 3_600


class MovableClock(Protocol):
    """A `core.ports.Clock` that tests move; `tests.fakes.FakeClock` is one."""

    time: int
    """UTC in ms since the epoch."""

    def now(self) -> int:
        """The same, as the product reads it."""
        ...


class SimulatedClock:
    """Begins at the real time."""

    def __init__(self, now: int | None = None) -> None:
        self.time = int(time.time()) * 1000 if now is None else now

    def now(self) -> int:
        return self.time
