"""How often somebody may do something."""

from typing import NamedTuple, Protocol


class Rate(NamedTuple):
    """So many within so many seconds, in a window that slides."""

    most: int
    seconds: int


class RateCounter(Protocol):
    """Counts by rate and key."""

    async def count(self, rate: Rate, *key: str) -> None:
        """One more. Raises RateLimitedError, and then it is not counted."""
        ...

    async def left(self, rate: Rate, *key: str) -> int:
        """How many more there may be now."""
        ...
