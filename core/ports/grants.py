"""What grants come to for each place."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.records.grants import Span
from core.types import PlaceId


class Entitlements(Protocol):
    """The plans of every place that was ever granted one."""

    async def news(self, since: int) -> tuple[int, Mapping[PlaceId, Sequence[Span]]]:
        """The newest version that there is, and the places whose entitlement changed after version `since`.

        Raises StoreUnavailableError.
        """
        ...
