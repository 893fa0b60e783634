"""What other processes wrote: which of the rooms in memory are behind."""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import text

from core.types import RoomId
from db.engine import Database

_BEHIND = {
    "postgresql": text(
        "SELECT rooms.id FROM json_to_recordset(CAST(:seen AS json)) AS seen(id text, version bigint, settings bigint)"
        " JOIN rooms ON rooms.id = seen.id JOIN places ON places.id = rooms.place"
        " WHERE rooms.version <> seen.version OR places.version <> seen.settings"
    ),
    "sqlite": text(
        "SELECT rooms.id FROM json_each(:seen) AS seen"
        " JOIN rooms ON rooms.id = json_extract(seen.value, '$.id') JOIN places ON places.id = rooms.place"
        " WHERE rooms.version <> json_extract(seen.value, '$.version')"
        " OR places.version <> json_extract(seen.value, '$.settings')"
    ),
}
"""One statement however many rooms there are, and only those that changed come back: it runs every second."""


async def behind(database: Database, seen: Mapping[RoomId, tuple[int, int]]) -> Collection[RoomId]:
    """The rooms whose version, or whose place's settings, are not those `seen`. Raises StoreUnavailableError."""
    rows = json.dumps([{"id": room, "version": ours, "settings": of} for room, (ours, of) in seen.items()])
    async with database.read() as connection:
        return [RoomId(room) for room in await connection.scalars(_BEHIND[database.dialect], {"seen": rows})]
