"""What the admins of a place may choose."""

from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast
from zoneinfo import available_timezones

from core import policy
from core.enums import Duplicates, Guests, Leavers, Mode, TurnMeasure
from core.errors import NoSuchChoiceError, NoSuchSettingError, OutOfRangeError
from core.events import SettingsChanged
from core.limits import HOUR, SECOND, VOLUME
from core.records.results import Changed
from core.records.rows import Audit
from core.room import Room
from core.types import Actor, Block, Limits, Settings

_CHOICES: dict[str, type[StrEnum]] = {
    "guests": Guests,
    "turns": TurnMeasure,
    "duplicates": Duplicates,
    "leavers": Leavers,
}
_CELL = "policy."


def checked(changes: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The changes as settings hold them; a cell of the policy's table is a tuple of roles, None the default.

    Raises NoSuchSettingError, NoSuchChoiceError, OutOfRangeError.
    """
    return {name: _checked(name, value, limits) for name, value in changes.items()}


def _checked(name: str, value: Any, limits: Limits) -> Any:
    match name:
        case _ if name in _CHOICES:
            return _chosen(name, value, _CHOICES[name])
        case _ if name.startswith(_CELL):
            return _cell(name, value)
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


C = TypeVar("C", bound=StrEnum)


def _chosen(name: str, value: Any, kind: type[C]) -> C:
    if not isinstance(value, str) or value not in list(kind):
        raise NoSuchChoiceError(name, str(value)[:100], tuple(kind))
    return kind(value)


def _cell(name: str, value: Any) -> tuple[str, ...] | None:
    """`"listener,dj"` or a list; `"default"` or None takes the change back."""
    action = name.removeprefix(_CELL)
    listed = value.replace(" ", "").split(",") if isinstance(value, str) else value
    if listed is None or listed == ["default"]:
        policy.checked_cell(action, ())
        return None
    if not isinstance(listed, (list, tuple)):
        raise NoSuchSettingError(name)
    return policy.checked_cell(action, [str(role)[:100] for role in cast("list[object]", listed)])


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
    before = {name: _value(room.settings, name) for name in changes}
    news = {name: value for name, value in changes.items() if value != before[name]}
    if news:
        plain = {name: value for name, value in news.items() if not name.startswith(_CELL)}
        change(room, replace(room.settings, **plain, policy=_policy(room.settings, news)))
        _write_down(room, actor, "settings.changed", {name: before[name] for name in news}, news, now)
    return room.settings


def _value(settings: Settings, name: str) -> Any:
    return settings.policy.get(name.removeprefix(_CELL)) if name.startswith(_CELL) else getattr(settings, name)


def _policy(settings: Settings, news: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    cells = {name.removeprefix(_CELL): roles for name, roles in news.items() if name.startswith(_CELL)}
    return {name: roles for name, roles in (settings.policy | cells).items() if roles is not None}


def change(room: Room, settings: Settings) -> None:
    """The place has these settings now."""
    room.settings = settings
    room.changes.settings = True
    room.changes.events.append(SettingsChanged(room=room.id))


def checked_mode(mode: str) -> Mode:
    """Raises NoSuchChoiceError."""
    return _chosen("mode", mode, Mode)


def set_mode(room: Room, actor: Actor, mode: Mode, now: int) -> Changed:
    """Another rule orders the queue."""
    before = room.mode
    if mode is before:
        return Changed(changed=False)
    room.mode = mode
    room.changes.header = True
    room.changes.events.append(SettingsChanged(room=room.id))
    _write_down(room, actor, "mode.changed", {"mode": before}, {"mode": mode}, now)
    return Changed(changed=True)


def set_crossfade(room: Room, actor: Actor, ms: int, now: int) -> Changed:
    """Tracks fade into each other for so long."""
    before, room.crossfade = room.crossfade, ms
    return _note_sound(room, actor, "crossfade", before, ms, now)


def set_loudness(room: Room, actor: Actor, on: bool, now: int) -> Changed:  # noqa: FBT001 -- what it is about
    """All tracks are made equally loud, or left as they are."""
    before, room.loudness = room.loudness, on
    return _note_sound(room, actor, "loudness", before, on, now)


def _note_sound(room: Room, actor: Actor, name: str, before: int, after: int, now: int) -> Changed:
    if after == before:
        return Changed(changed=False, value=int(after))
    room.changes.header = True
    room.changes.events.append(SettingsChanged(room=room.id))
    _write_down(room, actor, f"{name}.changed", {name: before}, {name: after}, now)
    return Changed(changed=True, value=int(after))


def block(room: Room, actor: Actor, line: Block, now: int) -> bool:
    """A line joins the blocklist; whether that is news."""
    if line in room.settings.blocks:
        return False
    change(room, replace(room.settings, blocks=(*room.settings.blocks, line)))
    _write_down(room, actor, "block.added", {}, {line.kind: line.value}, now)
    return True


def unblock(room: Room, actor: Actor, line: Block, now: int) -> bool:
    """A line leaves the blocklist; whether it had been there."""
    if line not in room.settings.blocks:
        return False
    change(room, replace(room.settings, blocks=tuple(it for it in room.settings.blocks if it != line)))
    _write_down(room, actor, "block.removed", {line.kind: line.value}, {}, now)
    return True


def _write_down(room: Room, actor: Actor, action: str, before: dict[str, Any], after: dict[str, Any], now: int) -> None:
    room.changes.audits.append(Audit(now, actor.person, actor.surface, room.place, action, before, after))
