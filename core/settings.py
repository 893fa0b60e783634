"""What the admins of a place may choose."""

from dataclasses import replace
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from core.errors import NoSuchSettingError, OutOfRangeError
from core.events import SettingsChanged
from core.limits import HOUR, SECOND, VOLUME
from core.records.rows import Audit
from core.room import Room
from core.types import Actor, Guests, Limits, Settings


def checked(changes: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The changes as settings hold them. Raises NoSuchSettingError, OutOfRangeError."""
    return {name: _checked(name, value, limits) for name, value in changes.items()}


def _checked(name: str, value: Any, limits: Limits) -> Any:
    match name:
        case "guests" if value in list(Guests):
            return Guests(value)
        case "timezone" if str(value) in _zones():
            return str(value)
        case "dj_role" if value is None or _whole(value):
            return value
        case "skip_threshold" if _whole(value) or isinstance(value, float):
            return float(_within(name, value, 0.05, 1))
        case _ if name in (span := _spans(limits)) and (_whole(value) or (value is None and name.startswith("max_"))):
            return None if value is None else _within(name, value, *span[name])
        case _:
            raise NoSuchSettingError(name)


@cache
def _zones() -> set[str]:
    return available_timezones()


def _spans(limits: Limits) -> dict[str, tuple[int, int]]:
    """Lowest and highest value of each whole number; a cap never loosens the plan."""
    return {
        "max_entries_per_person": (1, limits.entries_per_person),
        "max_queue": (1, limits.queue),
        "max_length": (30 * SECOND, limits.length),
        "default_volume": VOLUME,
        "idle": (10 * SECOND, 24 * HOUR),
    }


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise OutOfRangeError(name, value, low, high)
    return value


def configure(room: Room, actor: Actor, changes: dict[str, Any], now: int) -> Settings:
    """Take checked changes over and write them down."""
    before = {name: getattr(room.settings, name) for name in changes}
    news = {name: value for name, value in changes.items() if value != before[name]}
    if news:
        room.settings = replace(room.settings, **news)
        old = {name: before[name] for name in news}
        audit = Audit(now, actor.person, actor.surface, room.place, "settings.changed", old, news)
        room.changes.settings = True
        room.changes.audits.append(audit)
        room.changes.events.append(SettingsChanged(room=room.id))
    return room.settings
