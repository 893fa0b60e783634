"""Billing periods in seconds, UTC."""

import calendar
from datetime import UTC, datetime, timedelta

from tests.simulators.stripe.shapes import Json


def after(anchor: int, recurring: Json, times: int = 1) -> int:
    """So many intervals after an anchor; a month that is too short ends on its last day."""
    start = datetime.fromtimestamp(anchor, UTC)
    count = recurring["interval_count"] * times
    interval = recurring["interval"]
    if interval in {"day", "week"}:
        return int((start + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_after(anchor: int, recurring: Json, now: int) -> int:
    """The first end of a period later than now."""
    times = 1
    while (end := after(anchor, recurring, times)) <= now:
        times += 1
    return end


def share(amount: int, start: int, end: int, at: int) -> int:
    """What is left of an amount for a period at this moment."""
    left = max(0, end - max(at, start))
    return round(amount * left / (end - start))


def cost(item: Json) -> int:
    """What an item costs for a whole period."""
    return item["price"]["unit_amount"] * item["quantity"]


def period_end(row: Json) -> int:
    """When the current period of a subscription ends."""
    return min(item["current_period_end"] for item in row["items"]["data"])
