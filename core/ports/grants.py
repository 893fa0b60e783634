"""What grants come to for each place."""

from collections.abc import Callable, Sequence
from typing import Protocol

from core.records.grants import Entitlement


class Entitlements(Protocol):
    """The plans of every place that was ever granted one."""

    async def news(self, since: int) -> Sequence[Entitlement]:
        """The entitlements that changed after version `since`, in the order of versions.

        Raises StoreUnavailableError.
        """
        ...


class Tidings(Protocol):
    """How processes tell each other of entitlements; what gets lost on the way is found in the store."""

    def tell(self, news: Sequence[Entitlement]) -> None:
        """These were committed. Never blocks."""
        ...

    async def follow(self, heard: Callable[[Sequence[Entitlement]], None]) -> None:
        """Call `heard` with what others tell, until cancelled; with nothing when only the store knows."""
        ...
