"""How often one visitor, and one address, may ask."""

import time
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from core.errors import RateLimitedError


@dataclass(frozen=True, slots=True)
class Rates:
    """Ceilings in the words of `limits`: a visitor's posts and searches, and an address's (a household, an office)."""

    posts: str = "20/5 seconds"
    searches: str = "30/5 seconds"
    address: str = "120/5 seconds"


class RateLimits:
    """Counts what was asked; everything here may be forgotten at a restart."""

    def __init__(self, rates: Rates) -> None:
        self._items = {"posts": parse(rates.posts), "searches": parse(rates.searches)}
        self._address = parse(rates.address)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def count(self, kind: str, visitor: str, address: str) -> None:
        """Count one `kind` ("posts" or "searches"). Raises RateLimitedError."""
        await self._hit(self._items[kind], kind, visitor)
        await self._hit(self._address, "address", address)

    async def _hit(self, item: RateLimitItem, *key: str) -> None:
        if not await self._limiter.hit(item, *key):
            window = await self._limiter.get_window_stats(item, *key)
            raise RateLimitedError(max(1.0, window.reset_time - time.time()))
