"""Our sessions with the nodes, and those of instances whose place we took: rows, with a copy that needs no waiting."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from audio.node import NodeAddress
from core.errors import StoreUnavailableError
from core.ports.node_sessions import NodeSession, NodeSessions

log = structlog.get_logger()


class SessionBook:
    """Session ids by node. A store that is away only costs resuming."""

    def __init__(self, rows: NodeSessions) -> None:
        self._rows = rows
        self._ids: dict[tuple[str, str], str] = {}
        self._writes: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read what there is: ours, else what we inherit."""
        for row in await self._all() or ():
            if row.heir and (row.node, row.uri) not in self._ids:
                self._ids[row.node, row.uri] = row.session
                if row.instance != self._rows.instance:
                    self.remove(row)

    async def others(self) -> list[NodeSession]:
        """The sessions of other instances."""
        return [row for row in await self._all() or () if row.instance != self._rows.instance]

    async def taken(self, address: NodeAddress) -> bool:
        """Whether another instance has taken over our session with this node."""
        rows = await self._all()
        key = (self._rows.instance, address.name, address.uri)
        return rows is not None and not any((row.instance, row.node, row.uri) == key for row in rows)

    async def _all(self) -> Sequence[NodeSession] | None:
        try:
            return await self._rows.all()
        except StoreUnavailableError as error:
            log.warning("sessions with nodes not readable", error=type(error).__name__)
            return None

    def get(self, address: NodeAddress) -> str | None:
        """The session to resume with the node at that address."""
        return self._ids.get((address.name, address.uri))

    def put(self, address: NodeAddress, session: str) -> None:
        """We have this one."""
        self._ids[address.name, address.uri] = session
        self._write(self._rows.put(address.name, address.uri, session))

    def choose(self, address: NodeAddress, session: str | None) -> None:
        """Resume this one next time, or none."""
        self._ids.pop((address.name, address.uri), None)
        if session is not None:
            self._ids[address.name, address.uri] = session

    def remove(self, row: NodeSession) -> None:
        """The session of an instance that is gone has ended."""
        self._write(self._rows.remove(row.instance, row.node))

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writes)

    def _write(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_written(work))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)


async def _written(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except StoreUnavailableError as error:
        log.warning("session with a node not kept", error=type(error).__name__)
