"""Where an entry stands."""

from dataclasses import dataclass
from enum import IntEnum

from core.types import EntryId

Key = tuple[int, int, EntryId]
"""What the mode goes by, the seat, the id: the order within a lane, or within a round of it."""


class Lane(IntEnum):
    """The queue's parts, the first one plays first; a scheduled entry is never next."""

    LOCKED = 0
    FORCED = 1
    FORCED_PARKED = 2
    WAITING = 3
    PARKED = 4
    SCHEDULED = 5


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an entry stands: its lane, its round (0 where there are none), and which turn of its person it is (from
    0), those that were taken not included.
    """

    lane: Lane
    round: int
    turn: int
    key: Key
