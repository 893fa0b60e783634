"""Which Lavalink session an instance has with which node, so that it, or who takes its place, finds its players."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeSession:
    """The session of one instance with the node of a name at an address.

    `heir`: all slots that the instance held are ours now (or it is us), so its session is ours to resume.
    """

    instance: str
    node: str
    uri: str
    session: str
    heir: bool


class NodeSessions(Protocol):
    """One row for each instance and node. Everything raises StoreUnavailableError."""

    @property
    def instance(self) -> str:
        """Who we are."""
        ...

    async def all(self) -> Sequence[NodeSession]:
        """Every instance's, ours first."""
        ...

    async def put(self, node: str, uri: str, session: str) -> None:
        """Ours with that node, in place of the former one."""
        ...

    async def remove(self, instance: str, node: str) -> None:
        """That session has ended, or is somebody else's."""
        ...
