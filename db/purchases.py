"""Who pays for what: accounts, and the subscriptions that live on."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import GrantSource, Surface
from core.ports.clock import Clock
from core.records.grants import Grant, Subject
from core.records.notices import Effect
from core.records.payments import Account, Subscription
from core.records.purchases import Held
from core.records.rows import Audit
from core.types import PersonId, PlaceId
from db.contacts import same_human
from db.engine import Database
from db.entitlements import covered, grants_for, hold_grants, rebuild
from db.models import accounts, attempts, audit, grants, subscriptions, trials
from db.outbox import put_effects
from db.payments_accounts import ENDED, look_again
from db.statements import insert_or_ignore

_account: TypeAdapter[Account] = TypeAdapter(Account)
_subscription: TypeAdapter[Subscription] = TypeAdapter(Subscription)
_LIVING = subscriptions.c.status.not_in(ENDED)


class SqlPurchases:
    """`core.ports.purchases.Purchases` on a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def account(self, subject: Subject, person: PersonId, *, livemode: bool) -> Account:
        """Somebody who pays for a subject (see the port)."""
        key = {"subject": subject, "person": person, "livemode": livemode}
        async with self._database.write() as connection:
            await connection.execute(
                insert_or_ignore(accounts, self._database.dialect), key | {"created_at": self._clock.now()}
            )
            found = await _accounts(connection, *(accounts.c[name] == value for name, value in key.items()))
            return found[0]

    async def bind(self, account: int, customer: str) -> None:
        """It is this customer (see the port); what was heard of them before is looked at now."""
        unbound = update(accounts).where(accounts.c.id == account, accounts.c.customer.is_(None))
        async with self._database.write() as connection:
            if (await connection.execute(unbound.values(customer=customer))).rowcount:
                await look_again(connection, customer, self._database.dialect)

    async def unbind(self, account: int, customer: str) -> None:
        """That customer is no more (see the port)."""
        bound = update(accounts).where(accounts.c.id == account, accounts.c.customer == customer)
        async with self._database.write() as connection:
            await connection.execute(bound.values(customer=None))

    async def account_of(self, customer: str) -> Account | None:
        """Whose customer that is."""
        async with self._database.read() as connection:
            return next(iter(await _accounts(connection, accounts.c.customer == customer)), None)

    async def frozen(self, person: PersonId) -> bool:
        """Whether a payment is disputed (see the port)."""
        theirs = accounts.c.person.in_(same_human(person))
        async with self._database.read() as connection:
            return bool(await _accounts(connection, theirs, accounts.c.frozen_at.is_not(None)))

    async def humans(self, person: PersonId) -> Collection[PersonId]:
        """Whoever is the same human."""
        async with self._database.read() as connection:
            return {person, *map(PersonId, await connection.scalars(same_human(person)))}

    async def held_for(self, subject: Subject, *, livemode: bool) -> Sequence[Held]:
        """The subscriptions for a subject (see the port)."""
        return await self._held(_LIVING, accounts.c.subject == subject, accounts.c.livemode == livemode)

    async def held_by(self, person: PersonId, *, livemode: bool) -> Sequence[Held]:
        """Those that a person pays for (see the port)."""
        theirs = accounts.c.person.in_(same_human(person))
        return await self._held(_LIVING, theirs, accounts.c.livemode == livemode)

    async def grants(self, subject: Subject) -> Sequence[Grant]:
        """All that counts for a place."""
        async with self._database.read() as connection:
            return await grants_for(connection, PlaceId(subject), self._database.dialect)

    async def move(self, account: int, subject: Subject, actor: PersonId, effect: Effect) -> Account:
        """An account pays for another subject (see the port)."""
        dialect = self._database.dialect
        async with self._database.write() as connection:
            await hold_grants(connection, dialect)
            (mine,) = await _accounts(connection, accounts.c.id == account)
            there = (accounts.c.subject == subject) & (accounts.c.person == mine.person)
            for other in await _accounts(connection, there, accounts.c.livemode == mine.livemode):
                await _rename(connection, other.id, Subject(f"moving:{other.id}"))
                await _rename(connection, mine.id, subject)
                await _rename(connection, other.id, mine.subject)
                await self._grants_follow(connection, other.id, mine.subject)
            await _rename(connection, mine.id, subject)
            await self._grants_follow(connection, mine.id, subject)
            await rebuild(connection, await covered(connection, [mine.subject, subject], dialect), dialect)
            await self._note(connection, mine, subject, actor)
            await put_effects(connection, [effect], self._clock.now(), dialect)
            return (await _accounts(connection, accounts.c.id == account))[0]

    async def _grants_follow(self, connection: AsyncConnection, account: int, subject: Subject) -> None:
        bought = select(subscriptions.c.id).join(accounts, accounts.c.customer == subscriptions.c.customer)
        theirs = (grants.c.source == GrantSource.STRIPE.value) & grants.c.ref.in_(
            bought.where(accounts.c.id == account)
        )
        await connection.execute(update(grants).where(theirs).values(subject=subject))

    async def _note(self, connection: AsyncConnection, was: Account, subject: Subject, actor: PersonId) -> None:
        """A line in the audit of each of the two."""
        before, after = {"subject": was.subject}, {"subject": subject}
        for place in (was.subject, subject):
            row = Audit(
                self._clock.now(), actor, Surface.SYSTEM.value, PlaceId(place), "plan.transferred", before, after
            )
            await connection.execute(insert(audit), asdict(row))

    async def _held(self, *wanted: ColumnElement[bool]) -> Sequence[Held]:
        mark = select(subscriptions, *(column.label(f"account_{column.name}") for column in accounts.c))
        joined = mark.join(accounts, accounts.c.customer == subscriptions.c.customer).where(*wanted)
        async with self._database.read() as connection:
            rows = (await connection.execute(joined.order_by(subscriptions.c.starts_at, subscriptions.c.id))).mappings()
            return [held_of({**row}) for row in rows]


def held_of(row: dict[str, Any]) -> Held:
    """A row of `subscriptions` with its account's columns as `account_…`."""
    account = {name.removeprefix("account_"): it for name, it in row.items() if name.startswith("account_")}
    mirrored = {name: it for name, it in row.items() if not name.startswith("account_")}
    mirrored["pending_prices"] = mirrored["pending_prices"] or ()
    return Held(_account.validate_python(account), _subscription.validate_python(mirrored))


async def _accounts(connection: AsyncConnection, *wanted: ColumnElement[bool]) -> Sequence[Account]:
    rows = (await connection.execute(select(accounts).where(*wanted).order_by(accounts.c.id))).mappings()
    return [_account.validate_python({**row}) for row in rows]


async def _rename(connection: AsyncConnection, account: int, subject: Subject) -> None:
    await connection.execute(update(accounts).where(accounts.c.id == account).values(subject=subject))


async def move_purchases(connection: AsyncConnection, old: PlaceId, new: PlaceId) -> None:
    """A place has another id: who pays for it, is about to or had a trial for it does so for the new one."""
    for table, same in ((accounts, (accounts.c.person, accounts.c.livemode)), (trials, ())):
        there = table.alias()
        taken = select(there.c.subject).where(there.c.subject == new, *(there.c[it.name] == it for it in same))
        await connection.execute(update(table).where(table.c.subject == old, ~taken.exists()).values(subject=new))
    busy = select(attempts.c.id).where(attempts.c.subject == new, attempts.c.state == "open")
    if (await connection.execute(busy)).first() is not None:
        waiting = update(attempts).where(attempts.c.subject == old, attempts.c.state == "open")
        await connection.execute(waiting.values(state="expired"))
    await connection.execute(update(attempts).where(attempts.c.subject == old).values(subject=new))
