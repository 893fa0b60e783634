"""Every number that bounds a room, in one place. Times in ms."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from core.enums import Filters
from core.room import Room
from core.types import Limits

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

TURN_WINDOW = 6 * HOUR
"""How long a turn is remembered."""
FAIR_START = 30 * SECOND
"""A track that was ended before it was heard this long cost no turn."""
VOTE_GRACE = 10 * MINUTE
"""How long the votes of somebody who left still count."""
CHAT_WINDOW = 10 * MINUTE
"""How long somebody in a chat belongs to the electorate after acting."""
STREAM_AGE = 10 * SECOND
"""How long a stream must have lived before its listener decides."""
STREAM_GRACE = 15 * SECOND
"""How long a dropped stream may take to come back."""
GUESTS_PER_ADDRESS = 3
POLL_LIFE = 2 * MINUTE
DRIFT = 500
"""How far a node's position may be off before the clock is corrected."""
VOLUME = (0, 200)
"""What people may set, in percent."""
CROSSFADE = 12 * SECOND
"""The longest crossfade that people may set."""
STREAM_BITRATE = 128_000
"""Bit/s for a room that is heard in no voice channel."""
UNDO_TIME = 30 * SECOND
"""How long the last destructive action can be undone."""
AHEAD = 7 * 24 * HOUR
"""How far in the future an entry may be scheduled."""
PINNED = 50
"""How far down a DJ can put an entry where votes or turns decide the order: whatever is before it is pinned too."""
LEAVER_TIME = VOTE_GRACE
"""How long the entries of somebody who left wait before they are removed (`Leavers.REMOVE`)."""
PAGE = 100
"""How many rows of a list are read at once at most."""
BLOCKS = 500
"""How many lines a blocklist may have."""
LIST_BYTES = 1 << 20
LIST_LINES = 5_000
"""How large a list may be that somebody imports."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What a room takes: waiting entries of one person and of all, and the length of a track."""

    person: int
    queue: int
    length: int


def caps(room: Room) -> Caps:
    """The plan's limits, tightened by the place's settings."""
    chosen, plan = room.settings, room.limits
    return Caps(
        person=_tighter(chosen.max_entries_per_person, plan.entries_per_person),
        queue=_tighter(chosen.max_queue, plan.queue),
        length=_tighter(chosen.max_length, plan.length),
    )


def best(plans: Sequence[Limits]) -> Limits:
    """Field by field the best of the plans of places that share a room (at least one)."""
    first, *others = plans
    if not others:
        return first
    leading = max(plans, key=lambda plan: (plan.rank, plan.queue, plan.entries_per_person, plan.length))
    bounds = {name: [getattr(plan, name) for plan in plans] for name in _BOUNDS}
    return replace(leading, **{name: _best(values) for name, values in bounds.items()})


_BOUNDS = tuple(field.name for field in fields(Limits) if field.name != "plan")
"""What more of is better; None is without end."""


def _best(bounds: Sequence[float | Filters | None]) -> float | Filters | None:
    known = [bound for bound in bounds if bound is not None]
    return max(known, key=_worth) if len(known) == len(bounds) else None


def _worth(bound: float | Filters) -> float:
    return [*Filters].index(bound) if isinstance(bound, Filters) else bound


def _tighter(chosen: int | None, plan: int) -> int:
    return plan if chosen is None else min(chosen, plan)
