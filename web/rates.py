"""How often one visitor, and one address, may ask."""

from typing import NamedTuple

from core.ports.rates import Rate, RateCounter


class Rates(NamedTuple):
    """Ceilings of a visitor's posts and searches, and of an address's (a household, an office)."""

    posts: Rate = Rate(20, 5)
    searches: Rate = Rate(30, 5)
    address: Rate = Rate(120, 5)


class RateLimits:
    """Counts what visitors ask for; all of it may be forgotten."""

    def __init__(self, rates: Rates, counter: RateCounter) -> None:
        self._rates = rates
        self._counter = counter

    async def count_post(self, visitor: str, address: str) -> None:
        """One more form. Raises RateLimitedError."""
        await self._count(self._rates.posts, "posts", visitor, address)

    async def count_search(self, visitor: str, address: str) -> None:
        """One more search. Raises RateLimitedError."""
        await self._count(self._rates.searches, "searches", visitor, address)

    async def _count(self, rate: Rate, kind: str, visitor: str, address: str) -> None:
        await self._counter.count(rate, kind, visitor)
        await self._counter.count(self._rates.address, "address", address)
