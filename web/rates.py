"""How often one visitor, and one address, may ask."""

import time
from dataclasses import dataclass
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from core.errors import RateLimitedError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rates:
    """Ceilings in the words of `limits`: a visitor's posts and searches, and an address's (a household, an office)."""

    posts: str = "20/5 seconds"
    searches: str = "30/5 seconds"
    address: str = "120/5 seconds"


class RateLimits:
    """Counts what was asked, in memory or for several processes together in Redis; all of it may be forgotten.

    While Redis is away this process counts by itself: nobody is refused because of it.
    """

    def __init__(self, rates: Rates, redis_url: str | None = None) -> None:
        self._items = {"posts": parse(rates.posts), "searches": parse(rates.searches)}
        self._address = parse(rates.address)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._pool = _pool(redis_url) if redis_url else None
        self._shared = FixedWindowRateLimiter(_storage(redis_url, self._pool)) if redis_url else None

    async def close(self) -> None:
        """Let go of Redis."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def count(self, kind: str, visitor: str, address: str) -> None:
        """Count one `kind` ("posts" or "searches"). Raises RateLimitedError."""
        await self._hit(self._items[kind], kind, visitor)
        await self._hit(self._address, "address", address)

    async def _hit(self, item: RateLimitItem, *key: str) -> None:
        try:
            await _hit(self._shared or self._own, item, *key)
        except StorageError as error:
            log.warning("redis away", error=type(error.storage_error).__name__)
            await _hit(self._own, item, *key)


async def _hit(limiter: FixedWindowRateLimiter, item: RateLimitItem, *key: str) -> None:
    if not await limiter.hit(item, *key):
        window = await limiter.get_window_stats(item, *key)
        raise RateLimitedError(max(1.0, window.reset_time - time.time()))


def _pool(url: str) -> Any:
    return ConnectionPool.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)  # pyright: ignore[reportUnknownMemberType] - half typed


def _storage(url: str, pool: Any) -> RedisStorage:
    return RedisStorage(
        f"async+{url}", implementation="redispy", key_prefix="chorus", wrap_exceptions=True, connection_pool=pool
    )
