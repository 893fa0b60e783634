"""What is looked through to find what nobody told."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from core.enums import GrantSource
from core.records.payments import Backlog, InboxStatus, Subscription, Target, TargetKind
from db.engine import Database
from db.models import accounts, attempts, disputes, grants, inbox, refunds, subscriptions, sync_targets
from db.payments_ledger import subscription_of
from db.statements import database_now

_TROUBLED = ("past_due", "incomplete", "paused", "unpaid")
_AHEAD = 86_400_000
"""How much earlier trials are looked at: their end is told three days ahead."""
_UNSEEN: dict[str, Any] = dict.fromkeys(("failed_at", "grace_until", "pause_until", "revoked_for"))
_KEPT = (InboxStatus.PENDING, InboxStatus.DEAD)


class SqlBooks:
    """`core.ports.payments.Books` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: int, soon: int, *, livemode: bool) -> Collection[str]:
        """Customers who have to be looked at (see the port)."""
        ending = select(grants.c.ref).where(
            grants.c.source == GrantSource.STRIPE.value,
            grants.c.revoked_at.is_(None),
            grants.c.valid_until.between(now, soon),
        )
        trying = (subscriptions.c.status == "trialing") & (subscriptions.c.trial_end <= soon + _AHEAD)
        theirs = or_(subscriptions.c.id.in_(ending), subscriptions.c.status.in_(_TROUBLED), trying)
        over = (attempts.c.state == "open") & (attempts.c.expires_at <= now)
        ours = select(accounts.c.customer).where(accounts.c.customer.is_not(None), accounts.c.livemode == livemode)
        paying = ours.join(subscriptions, subscriptions.c.customer == accounts.c.customer).where(theirs)
        buying = ours.join(attempts, attempts.c.account == accounts.c.id).where(over)
        async with self._database.read() as connection:
            found = (*await connection.scalars(paying), *await connection.scalars(buying))
            return {it for it in found if it}

    async def subscriptions(self) -> Mapping[str, Subscription]:
        """Every subscription as it was fetched."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(subscriptions))).mappings()
            return {row["id"]: replace(subscription_of({**row}), **_UNSEEN) for row in rows}

    async def moved(self) -> Mapping[str, str]:
        """The status of every refund and dispute."""
        async with self._database.read() as connection:
            back = await connection.execute(select(refunds.c.id, refunds.c.status))
            taken = await connection.execute(select(disputes.c.id, disputes.c.status))
            return {row.id: row.status for row in (*back, *taken)}

    async def customers(self, *, livemode: bool) -> Collection[str]:
        """Every customer that is somebody's."""
        known = select(accounts.c.customer).where(accounts.c.customer.is_not(None), accounts.c.livemode == livemode)
        async with self._database.read() as connection:
            return {it for it in await connection.scalars(known) if it}

    async def targets(self, kind: TargetKind) -> Collection[Target]:
        """All of a kind that were ever looked at."""
        async with self._database.read() as connection:
            keys = await connection.scalars(select(sync_targets.c.key).where(sync_targets.c.kind == kind.value))
            return [Target(kind, key) for key in keys]

    async def backlog(self) -> Backlog:
        """What waits."""
        targets = sync_targets.c
        dirty = (targets.dirty_seq > targets.synced_seq) & targets.dead_at.is_(None)
        async with self._database.read() as connection:
            oldest = await connection.scalar(select(database_now() - func.min(targets.dirty_at)).where(dirty))
            latest = await connection.scalar(select(func.max(inbox.c.received_at)))
            return Backlog(
                oldest,
                latest,
                await connection.scalar(_count(sync_targets.c.key, dirty)) or 0,
                await connection.scalar(_count(sync_targets.c.key, targets.dead_at.is_not(None))) or 0,
                await connection.scalar(_count(inbox.c.event, inbox.c.status == InboxStatus.ORPHAN.value)) or 0,
            )

    async def prune(self, before: int) -> int:
        """Remove events that are done with (see the port), and the words of those that are kept for their ids."""
        over = inbox.c.status.not_in([status.value for status in _KEPT])
        async with self._database.write() as connection:
            old = inbox.c.received_at < before
            gone = (await connection.execute(delete(inbox).where(old, over))).rowcount
            await connection.execute(update(inbox).where(old, inbox.c.raw != "").values(raw=""))
            return gone


def _count(column: object, which: ColumnElement[bool]):  # noqa: ANN202 -- SQLAlchemy's type of it has no short name
    return select(func.count(column)).where(which)  # pyright: ignore[reportArgumentType] - a column
