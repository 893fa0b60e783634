"""Sessions with nodes, as a store keeps them for all instances."""

from dataclasses import dataclass, field

from core.errors import StoreUnavailableError
from core.ports.node_sessions import NodeSession


@dataclass
class Rows:
    """`sessions`: instance and node → address and id; `heirs`: instance → who took its place; `away`: no store."""

    sessions: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict[tuple[str, str], tuple[str, str]])
    heirs: dict[str, str] = field(default_factory=dict[str, str])
    away: bool = False


class FakeNodeSessions:
    """What one instance sees of them."""

    def __init__(self, rows: Rows, instance: str = "one") -> None:
        self.instance = instance
        self._rows = rows

    async def all(self) -> list[NodeSession]:
        self._check()
        rows = [
            NodeSession(instance, node, *row, heir=self.instance in {instance, self._rows.heirs.get(instance)})
            for (instance, node), row in self._rows.sessions.items()
        ]
        return sorted(rows, key=lambda row: row.instance != self.instance)

    async def put(self, node: str, uri: str, session: str) -> None:
        self._check()
        self._rows.sessions[self.instance, node] = uri, session

    async def remove(self, instance: str, node: str) -> None:
        self._check()
        self._rows.sessions.pop((instance, node), None)

    def _check(self) -> None:
        if self._rows.away:
            raise StoreUnavailableError
