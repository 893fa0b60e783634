"""Who pays for what, and who they are at Stripe."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ports.clock import Clock
from core.records.grants import Subject
from core.records.payments import Account, InboxStatus, Target, TargetKind
from core.types import PersonId
from db.engine import Database
from db.models import accounts, inbox
from db.payments_marks import in_order, mark
from db.statements import insert_or_ignore


class SqlAccounts:
    """One account for each (subject, payer, livemode), bound to one customer. All raises StoreUnavailableError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(self, subject: Subject, person: PersonId, *, livemode: bool) -> Account:
        """Somebody's account for a subject, made if there is none."""
        row = {"subject": subject, "person": person, "livemode": livemode, "created_at": self._clock.now()}
        async with self._database.write() as connection:
            await connection.execute(insert_or_ignore(accounts, self._database.dialect), row)
            return await _one(connection, _of(subject, person, livemode=livemode))

    async def bind(self, account: int, customer: str) -> Account:
        """It is that customer from now on, unless it was bound before; what was heard of them before is looked at."""
        unbound = (accounts.c.id == account) & accounts.c.customer.is_(None)
        async with self._database.write() as connection:
            await connection.execute(update(accounts).where(unbound).values(customer=customer))
            bound = await _one(connection, select(accounts).where(accounts.c.id == account))
            if bound.customer == customer:
                await self._look(connection, customer)
            return bound

    async def _look(self, connection: AsyncConnection, customer: str) -> None:
        orphans = (inbox.c.customer == customer) & (inbox.c.status == InboxStatus.ORPHAN.value)
        rows = await connection.execute(select(inbox.c.kind, inbox.c.key).where(orphans).distinct())
        for target in in_order({Target(TargetKind(row.kind), row.key) for row in rows if row.kind and row.key}):
            seq = await mark(connection, target, self._database.dialect)
            theirs = orphans & (inbox.c.kind == target.kind.value) & (inbox.c.key == target.key)
            again = {"status": InboxStatus.PENDING.value, "seq": seq}
            await connection.execute(update(inbox).where(theirs).values(again))

    async def of(self, subject: Subject, person: PersonId, *, livemode: bool) -> Account | None:
        """Somebody's account for a subject."""
        async with self._database.read() as connection:
            return await found(connection, _of(subject, person, livemode=livemode))

    async def known(self, account: int) -> Account | None:
        """By its number."""
        async with self._database.read() as connection:
            return await found(connection, select(accounts).where(accounts.c.id == account))


async def found(connection: AsyncConnection, chosen: Select[Any]) -> Account | None:
    """The account that a query chooses."""
    row = (await connection.execute(chosen)).mappings().first()
    return account_of(dict(row)) if row is not None else None


def account_of(row: Mapping[str, Any]) -> Account:
    """A row of `accounts`."""
    return Account(
        row["id"], Subject(row["subject"]), PersonId(row["person"]), row["livemode"], row["customer"], row["frozen_at"]
    )


async def _one(connection: AsyncConnection, chosen: Select[Any]) -> Account:
    return account_of(dict((await connection.execute(chosen)).mappings().one()))


def _of(subject: Subject, person: PersonId, *, livemode: bool) -> Select[Any]:
    theirs = (accounts.c.subject == subject) & (accounts.c.person == person)
    return select(accounts).where(theirs, accounts.c.livemode == livemode)
