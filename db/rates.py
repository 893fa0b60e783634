"""How often somebody may do something, counted by all processes together in Redis."""

import time
from functools import cache
from typing import Any

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from core.errors import RateLimitedError
from core.ports.rates import Rate, RateCounter
from core.rates import SOONEST

PATIENCE = 0.5

log = structlog.get_logger()


class RedisCounter:
    """`core.ports.rates.RateCounter`; while Redis is away each process counts by `own`, so nobody is refused for it."""

    def __init__(self, redis_url: str, own: RateCounter) -> None:
        self._own = own
        self._pool: Any = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - half typed
            redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        storage = RedisStorage(
            f"async+{redis_url}",
            implementation="redispy",
            key_prefix="chorus",
            wrap_exceptions=True,
            connection_pool=self._pool,
        )
        self._shared = MovingWindowRateLimiter(storage)

    async def count(self, rate: Rate, *key: str) -> None:
        """One more (see the port)."""
        item = _item(rate)
        try:
            if await self._shared.hit(item, *key):
                return
            free_at = (await self._shared.get_window_stats(item, *key)).reset_time
        except StorageError as error:
            log.warning("redis away", error=type(error.storage_error).__name__)
            await self._own.count(rate, *key)
            return
        raise RateLimitedError(max(SOONEST, free_at - time.time()))

    async def left(self, rate: Rate, *key: str) -> int:
        """How many more (see the port)."""
        try:
            return (await self._shared.get_window_stats(_item(rate), *key)).remaining
        except StorageError:
            return await self._own.left(rate, *key)

    async def close(self) -> None:
        """Let go of Redis."""
        await self._pool.disconnect()


@cache
def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.most, rate.seconds)
