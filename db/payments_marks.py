"""How what has to be looked at becomes dirty, as part of whatever transaction."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, case, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.records.payments import Target, TargetKind
from db.models import sync_targets
from db.statements import database_now


def in_order(targets: Collection[Target]) -> Sequence[Target]:
    """Everybody locks targets in one order."""
    return sorted(targets, key=lambda it: (it.kind.value, it.key))


async def mark(connection: AsyncConnection, target: Target, dialect: str) -> int:
    """A target is dirtier than before, as part of a transaction; how dirty."""
    return (await mark_all(connection, [target], dialect))[target]


async def mark_all(connection: AsyncConnection, targets: Collection[Target], dialect: str) -> Mapping[Target, int]:
    """The same for several. What was given up gets another chance; what has to wait, because Stripe asked for it or
    it failed, waits on.
    """
    if not targets:
        return {}
    now = await connection.scalar(select(database_now())) or 0
    common = {"dirty_seq": 1, "synced_seq": 0, "dirty_at": now, "attempts": 0, "next_attempt_at": now}
    rows = [{"kind": it.kind.value, "key": it.key, **common} for it in in_order({*targets})]
    marked = await connection.execute(_raise(dialect), rows)
    return {Target(TargetKind(row.kind), row.key): row.dirty_seq for row in marked}


@cache
def _raise(dialect: str) -> Executable:
    insert: Any = postgresql.insert(sync_targets) if dialect == "postgresql" else sqlite.insert(sync_targets)
    table, new = sync_targets.c, insert.excluded
    dead, clean = table.dead_at.is_not(None), table.dirty_seq <= table.synced_seq
    values = {
        "dirty_seq": table.dirty_seq + 1,
        "dirty_at": case((clean, new.dirty_at), else_=table.dirty_at),
        "dead_at": None,
        "attempts": case((dead, 0), else_=table.attempts),
        "next_attempt_at": case((dead | clean, new.next_attempt_at), else_=table.next_attempt_at),
    }
    return insert.on_conflict_do_update(index_elements=[table.kind, table.key], set_=values).returning(
        table.kind, table.key, table.dirty_seq
    )
