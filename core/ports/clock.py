"""The time."""

from typing import Protocol


class Clock(Protocol):
    """Business time. Tests move it."""

    def now(self) -> int:
        """UTC in ms since the epoch."""
        ...
