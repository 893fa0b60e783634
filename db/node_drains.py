"""Nodes that are drained."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select

from db.engine import Database
from db.models import node_drains as _drains
from db.statements import database_now


class SqlNodeDrains:
    """`core.ports.node_drains.NodeDrains` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Collection[str]:
        """Their names (see the port)."""
        async with self._database.read() as connection:
            return frozenset(await connection.scalars(select(_drains.c.node)))

    async def put(self, node: str) -> bool:
        """One more (see the port)."""
        async with self._database.write() as connection:
            if await connection.scalar(select(_drains.c.node).where(_drains.c.node == node)) is not None:
                return False
            await connection.execute(insert(_drains).values(node=node, at=database_now()))
            return True

    async def remove(self, node: str) -> bool:
        """One less (see the port)."""
        async with self._database.write() as connection:
            return (await connection.execute(delete(_drains).where(_drains.c.node == node))).rowcount > 0
