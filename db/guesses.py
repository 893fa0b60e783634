"""How often somebody may enter a code, counted by all processes together in Redis."""

import time
from typing import Any

import structlog
from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from core.errors import RateLimitedError
from core.guesses import MOST
from core.ports.guesses import Guesses
from core.types import PersonId

log = structlog.get_logger()
WINDOW = parse(f"{MOST} per 1 minute")


class SharedGuesses:
    """`core.ports.guesses.Guesses`; while Redis is away each process counts for itself by `own`."""

    def __init__(self, redis_url: str, own: Guesses) -> None:
        self._own = own
        self._pool: Any = ConnectionPool.from_url(redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)  # pyright: ignore[reportUnknownMemberType] - half typed
        storage = RedisStorage(
            f"async+{redis_url}",
            implementation="redispy",
            key_prefix="chorus",
            wrap_exceptions=True,
            connection_pool=self._pool,
        )
        self._shared = MovingWindowRateLimiter(storage)

    async def count(self, person: PersonId) -> None:
        """One more (see the port)."""
        try:
            if await self._shared.hit(WINDOW, "codes", person):
                return
            free_at = (await self._shared.get_window_stats(WINDOW, "codes", person)).reset_time
        except StorageError as error:
            log.warning("redis away", error=type(error.storage_error).__name__)
            await self._own.count(person)
            return
        raise RateLimitedError(max(1.0, free_at - time.time()))

    async def close(self) -> None:
        """Let go of Redis."""
        await self._pool.disconnect()
