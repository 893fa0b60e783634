"""How many may hear a room's streams: as many as its plan allows, over all processes."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core.errors import ChorusError
from core.types import RoomId

RENEWED = 10.0
"""Seconds between two times that a process says who is still here."""
KEPT = 30
"""Seconds for which those are counted that were never seen to leave: their process ended."""
PATIENCE = 0.5
_ENTER = """
local now = redis.call('TIME')[1]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
_RENEW = """
local now = redis.call('TIME')[1]
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[at]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""

log = structlog.get_logger()


@dataclass
class StreamFullError(ChorusError):
    """`limit` hear the room's streams, as many as its plan allows."""

    limit: int


class Turnstile:
    """Counts connections, as Icecast does: those inside stay, whoever comes when it is full is told so.

    Processes count together in Redis; while there is none, each counts its own.
    """

    def __init__(self, redis_url: str | None = None, *, renewed: float = RENEWED) -> None:
        self._inside: defaultdict[RoomId, set[str]] = defaultdict(set)
        self._redis = _client(redis_url) if redis_url else None
        self._renewed = renewed
        self._renewing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def inside(self, room: RoomId, limit: int) -> AsyncGenerator[None]:
        """Be one of a room's listeners. Raises StreamFullError."""
        token, here = secrets.token_urlsafe(9), self._inside[room]
        if len(here) >= limit:
            raise StreamFullError(limit)
        here.add(token)
        try:
            if not await self._enter(room, limit, token):
                raise StreamFullError(limit)
            yield
        finally:
            here.discard(token)
            if not here and self._inside.get(room) is here:
                del self._inside[room]
            await self._leave(room, token)

    def listeners(self) -> Mapping[RoomId, int]:
        """How many there are in each room by way of this process."""
        return {room: len(here) for room, here in self._inside.items()}

    async def close(self) -> None:
        """Let go of Redis."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        if self._redis is not None:
            await self._redis.aclose()

    async def _enter(self, room: RoomId, limit: int, token: str) -> bool:
        """Whether there is a place among those of all processes."""
        if self._redis is None:
            return True
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
        try:
            return bool(await self._redis.eval(_ENTER, 1, _key(room), limit, KEPT, token))
        except (RedisError, OSError) as error:
            log.warning("redis away", error=type(error).__name__)
            return True

    async def _leave(self, room: RoomId, token: str) -> None:
        if self._redis is not None:
            with suppress(RedisError, OSError):  # then it runs out
                await self._redis.zrem(_key(room), token)

    async def _renew(self) -> None:
        """Say who is here, also to a Redis that has forgotten it."""
        while True:
            await asyncio.sleep(self._renewed)
            for room, here in list(self._inside.items()):
                with suppress(RedisError, OSError):
                    await self._say(room, list(here))

    async def _say(self, room: RoomId, said: list[str]) -> None:
        if self._redis is not None and said:
            await self._redis.eval(_RENEW, 1, _key(room), KEPT, *said)
            if left := set(said) - self._inside.get(room, set()):
                await self._redis.zrem(_key(room), *left)


def _key(room: RoomId) -> str:
    return f"chorus:listeners:{room}"


def _client(url: str) -> Any:
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - half typed
        url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
