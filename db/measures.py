"""How loud tracks are: one row each, of all processes."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import select

from core.records.measures import Measure
from core.types import TrackRef
from db.engine import Database
from db.models import measures as _measures
from db.statements import insert_or_update


class SqlMeasures:
    """`core.ports.measures.Measures` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, ref: TrackRef) -> Measure | None:
        """A track's (see the port)."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(_measures).where(_measures.c.ref == ref))).mappings().first()
        return Measure(**row) if row is not None else None

    async def put(self, measure: Measure) -> None:
        """Keep it (see the port)."""
        async with self._database.write() as connection:
            await connection.execute(insert_or_update(_measures, self._database.dialect), asdict(measure))

    async def stamps(self, kind: str) -> Mapping[TrackRef, str]:
        """Of what was measured as a whole (see the port)."""
        named = _measures.c.ref.startswith(f"{kind}:", autoescape=True)
        wanted = select(_measures.c.ref, _measures.c.stamp).where(named, _measures.c.whole)
        async with self._database.read() as connection:
            return {TrackRef(row.ref): row.stamp for row in await connection.execute(wanted)}
