"""Lavalink sessions by instance and node."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, select

from core.ports.node_sessions import NodeSession
from db.engine import Database
from db.models import node_sessions as _sessions
from db.models import slots as _slots
from db.statements import database_now, insert_or_update

KEPT = 86_400_000
"""ms after which a session that nobody inherited is forgotten; nodes end theirs after two minutes."""


class SqlNodeSessions:
    """`core.ports.node_sessions.NodeSessions` on a database."""

    def __init__(self, database: Database, instance: str) -> None:
        self._database = database
        self.instance = instance

    async def all(self) -> Sequence[NodeSession]:
        """Every instance's (see the port)."""
        mine = _sessions.c.instance == self.instance
        still = exists().where(_slots.c.owner == _sessions.c.instance)
        passed_on = _slots.c.former == _sessions.c.instance
        ours = exists().where(passed_on, _slots.c.owner == self.instance)
        others = exists().where(passed_on, _slots.c.owner != self.instance)
        columns = (_sessions.c.instance, _sessions.c.node, _sessions.c.uri, _sessions.c.session)
        heir = (mine | (~still & ours & ~others)).label("heir")
        async with self._database.read() as connection:
            rows = await connection.execute(select(*columns, heir).order_by(~mine, *columns))
            return [NodeSession(*row) for row in rows]

    async def put(self, node: str, uri: str, session: str) -> None:
        """Ours with that node (see the port)."""
        async with self._database.write() as connection:
            now = await connection.scalar(select(database_now()))
            await connection.execute(delete(_sessions).where(_sessions.c.at < (now or 0) - KEPT))
            row = {"instance": self.instance, "node": node, "uri": uri, "session": session, "at": now}
            await connection.execute(insert_or_update(_sessions, self._database.dialect), row)

    async def remove(self, instance: str, node: str) -> None:
        """Forget one (see the port)."""
        gone = (_sessions.c.instance == instance) & (_sessions.c.node == node)
        async with self._database.write() as connection:
            await connection.execute(delete(_sessions).where(gone))
