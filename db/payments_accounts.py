"""Who pays for what, and who they are at Stripe."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.records.payments import Account, InboxStatus, Target, TargetKind
from db.models import accounts, attempts, inbox, subscriptions
from db.payments_marks import mark_all

ENDED = ("canceled", "incomplete_expired")
"""Statuses that a subscription never leaves."""
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


async def unsettled(connection: AsyncConnection, customer: str) -> Sequence[str]:
    """A customer's subscriptions and Checkout sessions of which the end is not known yet."""
    living = select(subscriptions.c.id).where(
        subscriptions.c.customer == customer, subscriptions.c.status.not_in(ENDED)
    )
    opened = select(attempts.c.ref).join(accounts, accounts.c.id == attempts.c.account)
    opened = opened.where(accounts.c.customer == customer, attempts.c.state == "open", attempts.c.ref.is_not(None))
    return [*await connection.scalars(living), *(it for it in await connection.scalars(opened) if it)]
