"""Rates: counted alone, counted together in Redis, and counted alone again while Redis is away."""

import asyncio

import pytest
from limits.errors import StorageError

from core.errors import RateLimitedError
from tests.waiting import free_port, until
from web.rates import RateLimits, Rates

RATES = Rates(posts="3/minute", searches="9/minute", address="100/minute")


async def refused_after(*limits: RateLimits) -> int:
    """How many posts pass, taking the processes in turn."""
    for number in range(20):
        try:
            await limits[number % len(limits)].count("posts", "visitor", "address")
        except RateLimitedError as error:
            return number if 1 <= error.retry_after <= 60 else -1
    raise AssertionError("never refused")


async def test_a_process_alone_counts_for_itself() -> None:
    assert await refused_after(RateLimits(RATES)) == 3


async def test_two_processes_count_together_in_redis(redis_url: str) -> None:
    both = [RateLimits(RATES, redis_url), RateLimits(RATES, redis_url)]
    await until(lambda: answers(both[0]))
    try:
        assert await refused_after(*both) == 3
    finally:
        for limits in both:
            await limits.close()


async def test_nobody_is_refused_because_redis_is_away() -> None:
    limits = RateLimits(RATES, f"redis://127.0.0.1:{free_port()}")
    assert await refused_after(limits) == 3
    await limits.close()


async def answers(limits: RateLimits) -> bool:
    """Whether the server is up."""
    shared = limits._shared
    assert shared is not None
    try:
        return await shared.storage.check()
    except (StorageError, OSError):
        await asyncio.sleep(0)
        return False


@pytest.mark.parametrize("kind", ["posts", "searches"])
async def test_kinds_are_counted_apart(kind: str) -> None:
    limits = RateLimits(RATES)
    await limits.count(kind, "visitor", "address")
    await limits.count("searches" if kind == "posts" else "posts", "visitor", "address")
