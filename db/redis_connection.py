"""Work that goes on with Redis, whenever it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from logging import DEBUG, WARNING
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

PATIENCE = 5
"""Seconds until a Redis that says nothing counts as gone; longer than a question for news is held."""
RETRY = 0.25
"""Seconds between two attempts to reach it."""

log = structlog.get_logger()


async def persist(url: str, work: Callable[[Any], Awaitable[None]]) -> None:
    """Work with a connection of one's own, and with a new one whenever that breaks; until cancelled."""
    away = False
    while True:
        try:
            async with _client(url) as redis:
                await redis.ping()
                away = False
                await work(redis)
        except (RedisError, OSError) as error:
            log.log(DEBUG if away else WARNING, "redis away", error=type(error).__name__)
            away = True
            await asyncio.sleep(RETRY)


def stay_cancelled() -> None:
    """Python 3.11's `asyncio.wait_for`, by which redis-py sends, loses a cancellation that comes with the result."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


def _client(url: str) -> Any:
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - half typed
        url,
        protocol=2,
        decode_responses=True,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
