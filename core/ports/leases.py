"""Who acts: effects have one owner per slot."""

from collections.abc import Collection, Iterable
from typing import Protocol


class Leases(Protocol):
    """Slots that this instance owns. A slot is a Discord shard, or a bucket of rooms without a guild."""

    async def take(self, slots: Iterable[str]) -> Collection[str]:
        """Ask for slots that are free, expired or ours already; those that are ours now. Raises StoreUnavailableError.

        Each grant raises the slot's epoch.
        """
        ...

    async def former(self) -> Collection[str]:
        """Slots that this instance held when its last process ended without giving them back."""
        ...

    async def renew(self) -> Collection[str]:
        """Prolong every slot that is held; the slots that were lost. Raises StoreUnavailableError."""
        ...

    async def release(self) -> None:
        """Give every slot back, so that another instance need not wait. Raises StoreUnavailableError."""
        ...

    def holds(self, slot: str) -> bool:
        """Whether effects may be done: granted, and renewed recently enough that nobody else can have it."""
        ...

    def epoch(self, slot: str) -> int:
        """The epoch of the latest grant; 0 without one."""
        ...
