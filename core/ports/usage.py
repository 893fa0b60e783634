"""Counting what places use, and stopping where their plan says so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from core.enums import Meter
from core.records.usage import Count, Use
from core.room import Room
from core.types import PlaceId

PeriodOf = Callable[[PlaceId, int], int]
"""When the period of a place began that a time lies in (UTC ms)."""


class Quotas(Protocol):
    """What a room's plan lets its place use in a period."""

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        """There is so much left as far as is known here, by seconds late. Raises UsedUpError."""
        ...

    async def spend(self, room: Room, meter: Meter, amount: int, key: str) -> None:
        """Use so much, exactly: of any number at once only those pass that there is room for; under the same `key`
        it is used once. Raises UsedUpError, StoreUnavailableError.
        """
        ...


class Ledger(Protocol):
    """Uses by their key, and their sums. Everything raises StoreUnavailableError."""

    async def spend(self, use: Use, *, since: int, limit: int | None) -> bool:
        """Count it in the period that began at `since`, unless that were more than `limit`; whether it counts now.

        What was counted before counts.
        """
        ...

    async def note(self, used: Sequence[Use]) -> None:
        """Keep what was used anyway; `fold` counts it. Those that are known are left out."""
        ...

    async def fold(self, period_of: PeriodOf) -> int:
        """Count what was noted, by anybody; how many uses that were."""
        ...

    async def used(self, place: PlaceId, since: int) -> Mapping[Meter, int]:
        """What a place used in the period that began at `since`."""
        ...

    async def most(self, least: Mapping[Meter, int], after: int) -> Sequence[Count]:
        """Who used at least so much of any meter, in periods that began after a time (UTC ms)."""
        ...

    async def prune(self, before: int) -> int:
        """Forget by their key the uses before a time (UTC ms), not their sums; how many."""
        ...


class Nothing:
    """Quotas where nothing is counted."""

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        """There is."""

    async def spend(self, room: Room, meter: Meter, amount: int, key: str) -> None:
        """It may."""
