"""What it costs a command to know the place's plan, with 10,000 places that were granted one, each with a past."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.figures import judged, percentile, settle
from billing.entitlements import Entitlements
from billing.plans import Plans, read_plans
from bot.clock import SystemClock
from bot.config import PLANS
from core.records.grants import Entitlement, Span
from core.types import PlaceId

PLACES = 10_000
CHECKS = 100_000
BAR = 20.0
"""µs."""


class Store:
    """Every place had Pro and has Elite."""

    async def news(self, since: int) -> Sequence[Entitlement]:
        now = SystemClock().now()
        spans = (Span("elite", now - 10, now + 10**9), Span("pro", 0, now - 10))
        return [] if since else [Entitlement(_place(number), number + 1, spans) for number in range(PLACES)]


async def run() -> dict[str, Any]:
    """µs for one check: the median of five runs and the slowest of all, and ms for a look at the store without news."""
    entitlements = Entitlements(Store(), Plans(read_plans(PLANS), "free"), SystemClock())
    await entitlements.refresh()
    settle()
    begun = time.perf_counter()
    await entitlements.refresh()
    look = time.perf_counter() - begun
    runs = [_checks(entitlements) for _ in range(5)]
    return {
        "check_us": judged(
            median(median(run) for run in runs), BAR, p99=round(max(percentile(it, 0.99) for it in runs), 2)
        ),
        "quiet_look_ms": round(look * 1000, 3),
    }


def _checks(entitlements: Entitlements) -> list[float]:
    places = [_place(number * 7919 % PLACES) for number in range(CHECKS)]
    took: list[float] = []
    for place in places:
        begun = time.perf_counter()
        entitlements.limits(place)
        took.append((time.perf_counter() - begun) * 1e6)
    return took


def _place(number: int) -> PlaceId:
    return PlaceId(f"discord:{number}")
