"""Periods and quotas: pure functions of plans and the clock."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime

from core.enums import Meter
from core.types import Limits

MONTHS = 12
UNITS: Mapping[Meter, int] = {Meter.PLAYS: 1, Meter.LISTENING: 60_000, Meter.PUSHING: 60_000, Meter.UPLOADS: 1_000_000}
"""How much of each is one to people: a track, a minute, a megabyte."""


def quota(limits: Limits, meter: Meter) -> int | None:
    """How much of a meter a plan has in a period; None: there is no end to it."""
    return getattr(limits, meter.value)


def period(now: int, anchor: int | None) -> tuple[int, int]:
    """When the period that `now` lies in began, and when the next one does (UTC ms).

    Periods are months: of the calendar, or from `anchor` on as subscriptions count them, where a month that has no
    such day ends on its last one.
    """
    begin = datetime.fromtimestamp((anchor or 0) / 1000, UTC)
    then = datetime.fromtimestamp(now / 1000, UTC)
    months = (then.year - begin.year) * MONTHS + then.month - begin.month
    if _months_after(begin, months) > now:
        months -= 1
    return _months_after(begin, months), _months_after(begin, months + 1)


def _months_after(begin: datetime, months: int) -> int:
    year, month = divmod(begin.year * MONTHS + begin.month - 1 + months, MONTHS)
    day = min(begin.day, monthrange(year, month + 1)[1])
    moved = begin.replace(year=year, month=month + 1, day=day, microsecond=0)
    return int(moved.timestamp()) * 1000 + begin.microsecond // 1000
