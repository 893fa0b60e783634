"""Times to come as people write them: `18:00`, `in 20 min`."""

import re
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_LATER = re.compile(r"(?:in|en)?\s*(?:(\d{1,3})\s*h[a-z]*)?\s*(?:(\d{1,5})\s*m[a-z]*)?", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)", re.ASCII)
MINUTE = 60_000


def moment(text: str, zone: str, now: int) -> int | None:
    """The UTC ms that is meant at `now`: the next time that a clock in `zone` shows it; None when it is no time."""
    text = text.strip()
    if clock := _CLOCK.fullmatch(text):
        return _next(int(clock[1]), int(clock[2]), ZoneInfo(zone), now)
    if (later := _LATER.fullmatch(text)) and any(later.groups()):
        hours, minutes = (int(part or 0) for part in later.groups())
        return now + (hours * 60 + minutes) * MINUTE
    return None


def _next(hour: int, minute: int, zone: ZoneInfo, now: int) -> int:
    here = datetime.fromtimestamp(now / 1000, zone)
    then = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then.timestamp() * 1000 <= now:
        then += timedelta(days=1)  # the same wall clock, also when summer time begins or ends
    return round(then.timestamp() * 1000)


@cache
def zones() -> list[str]:
    """Every time zone by its IANA name."""
    return sorted(available_timezones())
