"""All finished plays: read one after the other, and forgotten when a plan keeps them no longer."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.limits import best
from core.types import Limits, PlaceId, RoomId
from db.engine import Database
from db.models import links, plays, rooms
from db.statements import among

DAY = 86_400_000
TOGETHER = 1_000
"""Rows that are read or deleted at a time."""

LimitsOf = Callable[[PlaceId], Limits]
"""What a place's plan allows; `history_days` says how long plays are kept."""


class PlayLog:
    """The `plays` of every room. Everything raises StoreUnavailableError."""

    columns: Sequence[str] = [column.name for column in plays.c]

    def __init__(self, database: Database, *, together: int = TOGETHER) -> None:
        self._database = database
        self._together = together

    async def rows(self, room: RoomId | None = None) -> AsyncGenerator[dict[str, Any]]:
        """Those that there are now, oldest first, of one room or of all; a few at a time are in memory."""
        chosen = select(plays) if room is None else select(plays).where(plays.c.room == room)
        async with self._database.read() as connection:
            newest = await connection.scalar(select(func.max(plays.c.id))) or 0
        last = -1
        while last < newest:
            page = chosen.where(plays.c.id > last, plays.c.id <= newest).order_by(plays.c.id).limit(self._together)
            async with self._database.read() as connection:
                found = (await connection.execute(page)).mappings().all()
            for row in found:
                yield dict(row)
            last = found[-1]["id"] if found else newest

    async def prune(self, limits: LimitsOf, now: int, *, spared: int = 0) -> int:
        """Delete the plays that ended longer ago than the best plan of their room's places keeps them, but none from
        before `spared` (UTC ms); how many.
        """
        plans = {room: best([limits(place) for place in places]) for room, places in (await self._places()).items()}
        kept = {room: plan.history_days for room, plan in plans.items()}
        bounds = {room: now - days * DAY for room, days in kept.items() if days is not None}
        due = {room: before for room, before in bounds.items() if before > spared}
        return sum([await self._prune(room, spared, before) for room, before in due.items()])

    async def _places(self) -> dict[RoomId, list[PlaceId]]:
        """The places that share each room."""
        sharing = select(rooms.c.id, rooms.c.place).union_all(select(links.c.room, links.c.place))
        found: defaultdict[RoomId, list[PlaceId]] = defaultdict(list)
        async with self._database.read() as connection:
            for room, place in await connection.execute(sharing):
                found[RoomId(room)].append(PlaceId(place))
        return found

    async def _prune(self, room: RoomId, since: int, before: int) -> int:
        gone = 0
        while True:
            async with self._database.write() as connection:
                count = await self._prune_some(connection, room, since, before)
            gone += count
            if count < self._together:
                return gone

    async def _prune_some(self, connection: AsyncConnection, room: RoomId, since: int, before: int) -> int:
        """Look at the oldest rows alone: what comes after one that is kept ended later."""
        of_it = (plays.c.room == room) & (plays.c.ended_at >= since)
        oldest = select(plays.c.id, plays.c.ended_at).where(of_it).order_by(plays.c.id)
        rows = (await connection.execute(oldest.limit(self._together))).all()
        old = [row.id for row in rows if row.ended_at < before]
        if old:
            await connection.execute(delete(plays).where(among(plays.c.id, old, self._database.dialect)))
        return len(old)
