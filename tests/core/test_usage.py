"""Periods: months of the calendar, or of a subscription, without gaps and without end."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enums import Meter
from core.types import Limits
from core.usage import period, quota


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "anchor", "begins", "ends"),
    [
        ("2026-11-21T20:00", None, "2026-11-01", "2026-12-01"),
        ("2026-12-31T23:59:59.999", None, "2026-12-01", "2027-01-01"),
        ("2027-01-01", None, "2027-01-01", "2027-02-01"),
        ("2026-11-21T20:00", "2026-10-25T08:30:00.500", "2026-10-25T08:30:00.500", "2026-11-25T08:30:00.500"),
        ("2028-02-29T11:59", "2027-12-31T12:00", "2028-01-31T12:00", "2028-02-29T12:00"),  # 30: a leap day
        ("2028-02-29T12:00", "2027-12-31T12:00", "2028-02-29T12:00", "2028-03-31T12:00"),
        ("2027-03-30", "2026-10-30T00:00", "2027-03-30", "2027-04-30"),
        ("2026-10-01", "2026-10-15", "2026-09-15", "2026-10-15"),
    ],
)
def test_a_month_begins_on_the_day_of_the_subscription(now: str, anchor: str | None, begins: str, ends: str) -> None:
    assert period(at(now), at(anchor) if anchor else None) == (at(begins), at(ends))


@given(now=st.integers(10**11, 4 * 10**12), anchor=st.none() | st.integers(10**11, 4 * 10**12))
def test_periods_meet(now: int, anchor: int | None) -> None:
    begins, ends = period(now, anchor)
    assert begins <= now < ends
    assert 27 * 86_400_000 < ends - begins < 32 * 86_400_000
    assert period(ends, anchor)[0] == ends
    assert period(begins - 1, anchor)[1] == begins
    assert period(begins, anchor) == (begins, ends)


def test_each_meter_has_a_limit_of_its_name() -> None:
    limits = Limits(plays=1, listening=2, pushing=3, uploads=4)
    assert [quota(limits, meter) for meter in Meter] == [1, 2, 3, 4]
    assert [quota(Limits(), meter) for meter in Meter] == [None] * 4
