"""How a room sounds: its filter, its crossfade, its loudness, and what the plan lets be heard of them.

What is over a plan's limits is kept and not heard: with a better plan it is there again.
"""

from typing import Any

from core import filters
from core.enums import Filters
from core.errors import NotInPlanError, OutOfRangeError
from core.limits import CROSSFADE, STREAM_BITRATE
from core.room import Room
from core.types import Filter, Limits


def heard_filter(room: Room) -> Filter | None:
    """The filter that is to be heard."""
    return room.filter if room.filter is not None and allows(room.limits, room.filter) else None


def heard_filters(room: Room) -> dict[str, Any]:
    """The same in Lavalink's JSON."""
    filter_ = heard_filter(room)
    return filters.wire(filter_) if filter_ is not None else {}


def heard_crossfade(room: Room) -> int:
    """How long tracks fade into each other, in ms."""
    return min(room.crossfade, room.limits.crossfade)


def heard_loudness(room: Room) -> bool:
    """Whether tracks are made equally loud."""
    return room.loudness and room.limits.loudness


def rate(room: Room) -> float:
    """Ms of a track that are heard in one ms."""
    return filters.rate(heard_filters(room))


def bitrate(room: Room, channel: int | None) -> int:
    """Bit/s: the plan's, as far as the voice channel takes them (`channel`; None without one)."""
    return min(room.limits.bitrate, STREAM_BITRATE if channel is None else channel)


def allows(limits: Limits, filter_: Filter) -> bool:
    """Whether a plan has a filter."""
    match limits.filters:
        case Filters.ALL:
            return True
        case Filters.PRESETS:
            return filter_.name in filters.PRESETS
        case Filters.BASIC:
            return filter_.name == filters.BASIC


def check_filter(room: Room, text: str) -> Filter | None:
    """Raises BadFilterError, OutOfRangeError, NotInPlanError."""
    wanted = filters.parse(text)
    if wanted is not None and not allows(room.limits, wanted):
        raise NotInPlanError("filter")
    return wanted


def check_crossfade(room: Room, ms: int) -> int:
    """Raises OutOfRangeError, NotInPlanError."""
    if not 0 <= ms <= CROSSFADE:
        raise OutOfRangeError("crossfade", ms, 0, CROSSFADE)
    if ms > room.limits.crossfade:
        raise NotInPlanError("crossfade")
    return ms


def check_loudness(room: Room, on: bool) -> bool:  # noqa: FBT001 -- what it is about
    """Raises NotInPlanError."""
    if on and not room.limits.loudness:
        raise NotInPlanError("loudness")
    return on
