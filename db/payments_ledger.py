"""What a look at Stripe reads and writes, in one transaction with the grants and effects that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import GrantSource
from core.records.grants import Subject
from core.records.notices import Effect
from core.records.payments import Account, Charge, Dispute, Invoice, Paid, Refund, Subscription, Target
from db.grants import put_grant, revoke_grant
from db.models import accounts, attempts, charges, disputes, invoices, refunds, subscriptions
from db.outbox import put_effects
from db.payments_accounts import found
from db.payments_marks import mark
from db.statements import among, insert_or_update
from db.tips import TipRows

Row = Subscription | Invoice | Charge | Refund | Dispute
_TABLES: Mapping[type[Row], Table[Any]] = {
    Subscription: subscriptions, Invoice: invoices, Charge: charges, Refund: refunds, Dispute: disputes
}  # fmt: skip


class SqlLedger:
    """`core.ports.payments.Ledger` within a transaction, which others may use too: grants are held."""

    def __init__(self, connection: AsyncConnection, dialect: str, now: int) -> None:
        self.connection = connection
        self.dialect = dialect
        self.now = now
        self.tips = TipRows(connection)

    async def account(self, customer: str) -> Account | None:
        """Whose customer that is."""
        return await found(self.connection, select(accounts).where(accounts.c.customer == customer))

    async def paid(self, account: Account) -> Paid:
        """What is known now (see the port)."""
        customer = account.customer or ""
        spent = [Charge(**row) for row in await self._rows(charges, charges.c.customer == customer)]
        ids = [charge.id for charge in spent]
        back = await self._rows(refunds, among(refunds.c.charge, ids, self.dialect)) if ids else ()
        disputed = await self._rows(disputes, among(disputes.c.charge, ids, self.dialect)) if ids else ()
        same = (accounts.c.subject == account.subject) & (accounts.c.livemode == account.livemode)
        rivals = select(accounts.c.customer).where(same, accounts.c.customer != customer)
        return Paid(
            account,
            await self._subscriptions(subscriptions.c.customer == customer),
            [Invoice(**row) for row in await self._rows(invoices, invoices.c.customer == customer)],
            spent,
            [Refund(**row) for row in back],
            [Dispute(**row) for row in disputed],
            await self._subscriptions(subscriptions.c.customer.in_(rivals)),
        )

    async def put(self, *rows: Row) -> None:
        """Insert, or replace by id."""
        for kind, table in _TABLES.items():
            stamp = {"synced_at": self.now} if kind is Subscription else {}
            if values := [asdict(row) | stamp for row in rows if isinstance(row, kind)]:
                await self.connection.execute(insert_or_update(table, self.dialect), values)

    async def grant(
        self, ref: str, subject: Subject, plan: str, *, starts_at: int, until: int, revoked_at: int | None = None
    ) -> None:
        """The state of the grant that a subscription gives."""
        await put_grant(
            self.connection, self.dialect, GrantSource.STRIPE, ref, subject, plan,
            starts_at=starts_at, valid_until=until, revoked_at=revoked_at, now=self.now,
        )  # fmt: skip

    async def revoke(self, ref: str, at: int) -> None:
        """A subscription's grant, if there is one, counts only until then."""
        await revoke_grant(self.connection, self.dialect, GrantSource.STRIPE, ref, at=at, now=self.now)

    async def freeze(self, account: Account, at: int | None) -> None:
        """The payer buys nothing new from then on, wherever; None: does again."""
        await self.connection.execute(update(accounts).where(accounts.c.id == account.id).values(frozen_at=at))

    async def close_attempts(self, states: Sequence[tuple[str, str]]) -> None:
        """What became of checkout sessions (see the port)."""
        for session, state in states:
            opened = (attempts.c.ref == session) & (attempts.c.state == "open")
            await self.connection.execute(update(attempts).where(opened).values(state=state))

    async def effects(self, *effects: Effect) -> None:
        """What is to be done once because of it."""
        await put_effects(self.connection, effects, self.now, self.dialect)

    async def mark(self, target: Target) -> None:
        """Something else has to be looked at too."""
        await mark(self.connection, target, self.dialect)

    async def _rows(self, table: Table[Any], which: Any) -> Sequence[dict[str, Any]]:
        found = await self.connection.execute(select(table).where(which).order_by(*table.primary_key))
        return [dict(row) for row in found.mappings()]

    async def _subscriptions(self, which: Any) -> Sequence[Subscription]:
        return [subscription_of(row) for row in await self._rows(subscriptions, which)]


def subscription_of(row: Mapping[str, Any]) -> Subscription:
    """A row of `subscriptions`."""
    return _subscription.validate_python({name: value for name, value in row.items() if name != "synced_at"})


_subscription: TypeAdapter[Subscription] = TypeAdapter(Subscription)
