"""Who pays for what, and who they are at Stripe."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.records.payments import Account, InboxStatus, Target, TargetKind
from db.models import inbox
from db.payments_marks import mark_all

_account: TypeAdapter[Account] = TypeAdapter(Account)


async def found(connection: AsyncConnection, chosen: Select[Any]) -> Account | None:
    """The account that a query of `accounts` chooses."""
    row = (await connection.execute(chosen)).mappings().first()
    return _account.validate_python(dict(row)) if row is not None else None


async def look_again(connection: AsyncConnection, customer: str, dialect: str) -> None:
    """What was heard of a customer while they were nobody's is looked at now that they are somebody's."""
    orphans = (inbox.c.customer == customer) & (inbox.c.status == InboxStatus.ORPHAN.value)
    rows = await connection.execute(select(inbox.c.kind, inbox.c.key).where(orphans).distinct())
    targets = {Target(TargetKind(row.kind), row.key) for row in rows if row.kind and row.key}
    for target, seq in (await mark_all(connection, targets, dialect)).items():
        theirs = orphans & (inbox.c.kind == target.kind.value) & (inbox.c.key == target.key)
        again = {"status": InboxStatus.PENDING.value, "seq": seq}
        await connection.execute(update(inbox).where(theirs).values(again))
