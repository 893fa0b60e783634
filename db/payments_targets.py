"""What has to be looked at at Stripe: how dirty it is, and who looks at it now."""

import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ports.clock import Clock
from core.ports.payments import Settle
from core.records.payments import Claim, InboxStatus, Target, TargetKind
from db.engine import Database
from db.entitlements import hold_grants
from db.models import inbox, sync_targets
from db.payments_accounts import unsettled
from db.payments_ledger import SqlLedger
from db.payments_marks import mark_all
from db.statements import database_now

LEASE = 120_000
"""For how long (ms) a target is left to whoever claimed it: longer than all requests and retries of a look."""
_OBJECTS = 50


class SqlTargets:
    """`core.ports.payments.Targets` on a database."""

    def __init__(self, database: Database, clock: Clock, *, lease: int = LEASE) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease

    async def mark(self, *targets: Target) -> None:
        """Look at these soon."""
        async with self._database.write() as connection:
            await mark_all(connection, targets, self._database.dialect)

    async def claim(self, kinds: Collection[TargetKind]) -> Claim | None:
        """The one that waits longest (see the port)."""
        table = sync_targets.c
        ready = (
            (table.dirty_seq > table.synced_seq)
            & table.dead_at.is_(None)
            & (table.next_attempt_at <= database_now())
            & or_(table.lease_until.is_(None), table.lease_until < database_now())
            & table.kind.in_([kind.value for kind in kinds])
        )
        first = select(sync_targets).where(ready).order_by(table.next_attempt_at).limit(1)
        async with self._database.write() as connection:
            row = (await connection.execute(first.with_for_update(skip_locked=True))).first()
            if row is None:
                return None
            target, token = Target(TargetKind(row.kind), row.key), secrets.token_urlsafe(12)
            taken = {"lease_until": database_now() + self._lease, "lease_token": token, "attempts": row.attempts + 1}
            await connection.execute(update(sync_targets).where(_is(target)).values(taken))
            spoken_of = select(inbox.c.object).where(_pending(target, row.dirty_seq), inbox.c.object.is_not(None))
            objects = {it for it in await connection.scalars(spoken_of.distinct().limit(_OBJECTS)) if it}
            if target.kind is TargetKind.CUSTOMER:
                objects.update(await unsettled(connection, target.key))
            return Claim(target, token, row.dirty_seq, row.attempts + 1, sorted(objects))

    async def finish(self, claim: Claim, settle: Settle) -> bool:
        """Write what was fetched, unless the lease was lost (see the port)."""
        dialect = self._database.dialect
        values = {"synced_seq": claim.seq, "synced_at": self._clock.now(), "attempts": 0, "last_error": ""}
        async with self._database.write() as connection:
            await hold_grants(connection, dialect)
            if not await _let_go(connection, claim, values):
                return False
            known = await settle(SqlLedger(connection, dialect, self._clock.now()))
            status = InboxStatus.DONE if known else InboxStatus.ORPHAN
            covered = update(inbox).where(_pending(claim.target, claim.seq))
            await connection.execute(covered.values(status=status.value))
        return True

    async def retry(self, claim: Claim, error: str, *, after: float) -> None:
        """Try again after so many seconds."""
        due = database_now() + int(after * 1000)
        async with self._database.write() as connection:
            await _let_go(connection, claim, {"next_attempt_at": due, "last_error": error})

    async def give_up(self, claim: Claim, error: str) -> None:
        """It is dead (see the port)."""
        async with self._database.write() as connection:
            if await _let_go(connection, claim, {"dead_at": self._clock.now(), "last_error": error}):
                values = {"status": InboxStatus.DEAD.value, "reason": error}
                await connection.execute(update(inbox).where(_pending(claim.target, claim.seq)).values(values))

    async def settled(self, target: Target) -> bool:
        """Whether nothing waits for it."""
        waits = select(sync_targets.c.key).where(_is(target), sync_targets.c.dirty_seq > sync_targets.c.synced_seq)
        async with self._database.read() as connection:
            return await connection.scalar(waits) is None


async def _let_go(connection: AsyncConnection, claim: Claim, values: dict[str, Any]) -> bool:
    """End a lease with these values; whether it was still held."""
    mine = _is(claim.target) & (sync_targets.c.lease_token == claim.token)
    freed = {"lease_until": None, "lease_token": None, **values}
    return (await connection.execute(update(sync_targets).where(mine).values(freed))).rowcount == 1


def _is(target: Target):  # noqa: ANN202 -- SQLAlchemy's type of it has no short name
    return (sync_targets.c.kind == target.kind.value) & (sync_targets.c.key == target.key)


def _pending(target: Target, seq: int):  # noqa: ANN202 -- as above
    theirs = (inbox.c.kind == target.kind.value) & (inbox.c.key == target.key) & (inbox.c.seq <= seq)
    return theirs & (inbox.c.status == InboxStatus.PENDING.value)
