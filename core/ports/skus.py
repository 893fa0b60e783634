"""Plans that guilds buy from Discord."""

from collections.abc import Sequence
from typing import Protocol

from core.records.grants import Grant
from core.records.skus import SkuEntitlement, SkuGrant
from core.types import PlaceId


class SkuSource(Protocol):
    """Discord. All raises SourceAwayError."""

    async def listed(self, guild: int | None) -> Sequence[SkuEntitlement]:
        """Every entitlement that has not ended, of one guild or of all."""
        ...

    async def one(self, entitlement: int) -> SkuEntitlement | None:
        """One, whether it has ended or not; None if there is no such."""
        ...


class SkuBook(Protocol):
    """The grants that follow. All raises StoreUnavailableError."""

    async def held(self, guild: int | None) -> Sequence[Grant]:
        """Every grant that Discord is the source of, of one guild or of all, by its ref."""
        ...

    async def settle(self, guild: int | None, before: Sequence[Grant], wanted: Sequence[SkuGrant]) -> bool:
        """Write what differs, unless the grants are not as they were `before` any more: then False."""
        ...


class Skus(Protocol):
    """What a surface on Discord does about them."""

    async def sync(self, source: SkuSource, guild: int | None = None) -> None:
        """Make the grants what Discord's list says, of one guild or of all.

        Raises SourceAwayError, StoreUnavailableError.
        """
        ...

    def upgrades(self, place: PlaceId) -> Sequence[tuple[str, int]]:
        """What is sold above the plan that a place has: plans and their SKUs, the lowest first."""
        ...


class SourceAwayError(Exception):
    """Discord cannot be asked now; nothing was changed."""
