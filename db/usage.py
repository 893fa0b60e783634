"""What places use: each use once, and the sums of periods."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, and_, bindparam, delete, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import EndReason, Meter
from core.ports.usage import PeriodOf
from core.records.rows import Play
from core.records.usage import Count, Use
from core.types import HOUSE, PlaceId
from db.engine import Database
from db.models import usage, uses
from db.statements import insert_or_ignore

TOGETHER = 1_000
"""Uses that are counted or forgotten at a time."""

Sum = tuple[str, str, int]
"""Place, meter, and when the period began."""


class _NotLeftError(Exception):
    """It would be more than the limit."""


class SqlUsage:
    """`core.ports.usage.Ledger` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Semaphore(database.writers)  # a burst must not take all connections from the rest

    async def spend(self, use: Use, *, since: int, limit: int | None) -> bool:
        """Count it, unless that were too much (see the port)."""
        async with self._turn:
            if (known := await self._known(use, since, limit)) is not None:
                return known
            try:
                async with self._database.write() as connection:
                    await self._spend(connection, use, since, limit)
            except _NotLeftError:
                return False
        return True

    async def _known(self, use: Use, since: int, limit: int | None) -> bool | None:
        """What is clear before anything is written: it was counted, or there is no room for it."""
        sum_of = select(usage.c.used).where(*_is((use.place, use.meter.value, since)))
        async with self._database.read() as connection:
            if await connection.scalar(select(uses.c.at).where(*_is_use(use))) is not None:
                return True
            used = await connection.scalar(sum_of) or 0
        return False if limit is not None and used + use.amount > limit else None

    async def _spend(self, connection: AsyncConnection, use: Use, since: int, limit: int | None) -> None:
        dialect = self._database.dialect
        added = await connection.execute(insert_or_ignore(uses, dialect), _row(use) | {"since": since})
        if added.rowcount != 1:
            return
        key = use.place, use.meter.value, since
        await connection.execute(insert_or_ignore(usage, dialect), _sum(key, 0))
        room = [usage.c.used <= limit - use.amount] if limit is not None else []
        counted = update(usage).where(*_is(key), *room).values(used=usage.c.used + use.amount)
        if (await connection.execute(counted)).rowcount != 1:
            raise _NotLeftError

    async def note(self, used: Sequence[Use]) -> None:
        """Keep what was used anyway."""
        if used:
            async with self._database.write() as connection:
                rows = [_row(use) for use in used]
                await connection.execute(insert_or_ignore(uses, self._database.dialect), rows)

    async def fold(self, period_of: PeriodOf) -> int:
        """Count what was noted."""
        waiting = select(uses).where(uses.c.since.is_(None)).limit(TOGETHER)
        async with self._database.read() as connection:
            if (await connection.execute(waiting.limit(1))).first() is None:
                return 0
        async with self._database.write() as connection:
            rows = (await connection.execute(waiting.with_for_update(skip_locked=True))).all()
            counted = [(row, period_of(PlaceId(row.place), row.at)) for row in rows]
            if counted:
                await self._count(connection, counted)
        return len(counted)

    async def _count(self, connection: AsyncConnection, counted: Sequence[tuple[Any, int]]) -> None:
        marks = [
            {"the_place": row.place, "the_meter": row.meter, "the_key": row.key, "since": since}
            for row, since in counted
        ]
        await connection.execute(_mark(), marks)
        sums: Counter[Sum] = Counter()
        for row, since in counted:
            sums[row.place, row.meter, since] += row.amount
        rows = [_sum(key, amount) for key, amount in sorted(sums.items())]  # everybody locks sums in one order
        await connection.execute(_add(self._database.dialect), rows)

    async def used(self, place: PlaceId, since: int) -> Mapping[Meter, int]:
        """What a place used in a period."""
        asked = select(usage.c.meter, usage.c.used).where(usage.c.place == place, usage.c.since == since)
        async with self._database.read() as connection:
            return {Meter(row.meter): row.used for row in await connection.execute(asked)}

    async def most(self, least: Mapping[Meter, int], after: int) -> Sequence[Count]:
        """Who used at least so much."""
        much = [and_(usage.c.meter == meter.value, usage.c.used >= amount) for meter, amount in least.items()]
        if not much:
            return []
        async with self._database.read() as connection:
            return [_count(row) for row in await connection.execute(select(usage).where(or_(*much), _since(after)))]

    async def all(self, after: int) -> Sequence[Count]:
        """What everybody used, in periods that began after a time (UTC ms)."""
        asked = select(usage).where(_since(after)).order_by(*usage.primary_key)
        async with self._database.read() as connection:
            return [_count(row) for row in await connection.execute(asked)]

    async def prune(self, before: int) -> int:
        """Forget uses by their key."""
        key = tuple_(*uses.primary_key)
        old = select(*uses.primary_key).where(uses.c.since.is_not(None), uses.c.at < before).limit(TOGETHER)
        gone = 0
        while True:
            async with self._database.write() as connection:
                count = (await connection.execute(delete(uses).where(key.in_(old)))).rowcount
            gone += count
            if count < TOGETHER:
                return gone


def use_of_play(play: Play) -> dict[str, Any] | None:
    """What a play uses; nothing when nobody asked for it or nothing was heard, or of it as a whole is counted."""
    if play.reason is EndReason.SONG or play.person == HOUSE or not play.heard:
        return None
    key = f"{play.room}:{play.entry}:{play.ended_at}"
    return _row(Use(play.place, Meter.PLAYS, key, 1, play.ended_at))


async def move_usage(connection: AsyncConnection, old: PlaceId, new: PlaceId, dialect: str) -> None:
    """A place has another id: what it used is its own."""
    twice = select(uses.c.meter, uses.c.key).where(uses.c.place == new)
    await connection.execute(delete(uses).where(uses.c.place == old, tuple_(uses.c.meter, uses.c.key).in_(twice)))
    await connection.execute(update(uses).where(uses.c.place == old).values(place=new))
    rows = (await connection.execute(select(usage).where(usage.c.place == old).order_by(*usage.primary_key))).all()
    if rows:
        await connection.execute(_add(dialect), [_sum((new, row.meter, row.since), row.used) for row in rows])
        await connection.execute(delete(usage).where(usage.c.place == old))


@cache
def _add(dialect: str) -> Executable:
    insert = postgresql.insert(usage) if dialect == "postgresql" else sqlite.insert(usage)
    values = {"used": usage.c.used + insert.excluded.used}
    return insert.on_conflict_do_update(index_elements=list(usage.primary_key), set_=values)


@cache
def _mark() -> Executable:
    mine = [uses.c[name] == bindparam(f"the_{name}") for name in ("place", "meter", "key")]
    return update(uses).where(*mine).values(since=bindparam("since"))


def _row(use: Use) -> dict[str, Any]:
    return {
        "place": use.place, "meter": use.meter.value, "key": use.key, "amount": use.amount, "at": use.at, "since": None
    }  # fmt: skip


def _sum(key: Sum, used: int) -> dict[str, Any]:
    return {"place": key[0], "meter": key[1], "since": key[2], "used": used}


def _is(key: Sum) -> Collection[Any]:
    return [usage.c.place == key[0], usage.c.meter == key[1], usage.c.since == key[2]]


def _is_use(use: Use) -> Collection[Any]:
    return [uses.c.place == use.place, uses.c.meter == use.meter.value, uses.c.key == use.key]


def _since(after: int) -> Any:
    return usage.c.since > after


def _count(row: Any) -> Count:
    return Count(PlaceId(row.place), Meter(row.meter), row.since, row.used)
