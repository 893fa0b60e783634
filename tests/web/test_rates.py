"""Ceilings: a visitor's, an address's, and each kind of request for itself."""

import pytest

from core.errors import RateLimitedError
from core.ports.rates import Rate
from core.rates import OwnCounter
from tests.fakes import FakeClock
from web.rates import RateLimits, Rates


@pytest.fixture
def limits() -> RateLimits:
    return RateLimits(Rates(posts=Rate(2, 60), searches=Rate(1, 60), address=Rate(4, 60)), OwnCounter(FakeClock()))


async def test_kinds_are_counted_apart(limits: RateLimits) -> None:
    await limits.count_post("visitor", "address")
    await limits.count_search("visitor", "address")
    await limits.count_post("visitor", "address")
    with pytest.raises(RateLimitedError):
        await limits.count_post("visitor", "address")
    with pytest.raises(RateLimitedError):
        await limits.count_search("visitor", "address")


async def test_a_crowd_behind_one_address_has_a_ceiling(limits: RateLimits) -> None:
    for visitor in range(4):
        await limits.count_post(f"visitor {visitor}", "address")
    with pytest.raises(RateLimitedError):
        await limits.count_post("another", "address")
    await limits.count_post("another", "elsewhere")
