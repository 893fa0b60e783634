"""Rates: counted alone, counted together in Redis, and counted alone again while Redis is away."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest

from core.errors import RateLimitedError
from core.ports.rates import Rate, RateCounter
from core.rates import KNOWN, OwnCounter
from db.rates import RedisCounter
from tests.fakes import FakeClock
from tests.waiting import free_port

RATE = Rate(3, 60)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "redis", "redis away"])
async def counter(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[RateCounter]:
    own = OwnCounter(clock)
    if request.param == "memory":
        yield own
        return
    away = request.param == "redis away"
    shared = RedisCounter(f"redis://127.0.0.1:{free_port()}" if away else request.getfixturevalue("redis_url"), own)
    yield shared
    await shared.close()


@pytest.fixture
def key() -> str:
    return token_hex(8)


async def passed(rate: Rate, key: str, *counters: RateCounter) -> int:
    """How many there may be, taking the processes in turn."""
    for number in range(20):
        try:
            await counters[number % len(counters)].count(rate, key)
        except RateLimitedError:
            return number
    raise AssertionError("never refused")


async def test_so_many_and_no_more(counter: RateCounter, key: str) -> None:
    assert await counter.left(RATE, "x", key) == 3
    for left in (2, 1, 0):
        await counter.count(RATE, "x", key)
        assert await counter.left(RATE, "x", key) == left
    with pytest.raises(RateLimitedError) as refused:
        await counter.count(RATE, "x", key)
    assert 50 < refused.value.retry_after <= 60


async def test_keys_and_rates_are_counted_apart(counter: RateCounter, key: str) -> None:
    assert await passed(RATE, key, counter) == 3
    assert await passed(RATE, f"{key} of another", counter) == 3
    assert await passed(Rate(2, 60), key, counter) == 2


async def test_the_window_slides(clock: FakeClock, key: str) -> None:
    counter = OwnCounter(clock)
    for _ in range(3):
        await counter.count(RATE, key)
        clock.move(10_000)
    with pytest.raises(RateLimitedError) as refused:
        await counter.count(RATE, key)
    assert refused.value.retry_after == 30
    clock.move(30_000)
    assert await counter.left(RATE, key) == 1
    assert await passed(RATE, key, counter) == 1


async def test_processes_count_together_in_redis(redis_url: str, clock: FakeClock, key: str) -> None:
    both = [RedisCounter(redis_url, OwnCounter(clock)) for _ in range(2)]
    assert await passed(RATE, key, *both) == 3
    for one in both:
        await one.close()


async def test_memory_holds_those_that_were_counted_last(clock: FakeClock) -> None:
    counter = OwnCounter(clock)
    assert await passed(RATE, "first", counter) == 3
    for number in range(KNOWN):
        await counter.count(RATE, str(number))
    assert await counter.left(RATE, "first") == 3
    assert await counter.left(RATE, str(KNOWN - 1)) == 2
