"""What places use of what is counted."""

from dataclasses import dataclass

from core.enums import Meter
from core.types import PlaceId


@dataclass(frozen=True, slots=True)
class Use:
    """So much was used at a time (UTC ms). `key` names it: a use of the same place, meter and key is the same one."""

    place: PlaceId
    meter: Meter
    key: str
    amount: int
    at: int


@dataclass(frozen=True, slots=True)
class Count:
    """What a place used of a meter in the period that began at `since` (UTC ms)."""

    place: PlaceId
    meter: Meter
    since: int
    used: int
