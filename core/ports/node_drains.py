"""Which nodes an operator wants to have to themselves."""

from collections.abc import Collection
from typing import Protocol


class NodeDrains(Protocol):
    """Names of nodes that rooms are to leave. Everything raises StoreUnavailableError."""

    async def all(self) -> Collection[str]:
        """Those that are drained."""
        ...

    async def put(self, node: str) -> bool:
        """Rooms leave it, and none come to it; whether that is news."""
        ...

    async def remove(self, node: str) -> bool:
        """Rooms may come to it again; whether that is news."""
        ...
