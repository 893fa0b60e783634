"""Events of payment services, kept before anything is done about them."""

import asyncio
from collections.abc import Collection, Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import StoreUnavailableError
from core.ports.clock import Clock
from core.records.payments import Delivery, InboxStatus, Target, TargetKind
from db.engine import Database
from db.models import inbox, sync_targets
from db.payments_marks import mark_all
from db.statements import among, insert_or_ignore

TOGETHER = 64
"""How many deliveries share a transaction at most."""


class SqlInbox:
    """`core.ports.payments.Deliveries` on a database. Those that come at once are kept by one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[Delivery, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def receive(self, delivery: Delivery) -> bool:
        """Keep it (see the port)."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="inbox")
        return await answer

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                new = await self._keep([delivery for delivery, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting
                _fail([answer for _, answer in batch], error)
            else:
                _tell(batch, new)

    async def _keep(self, deliveries: Sequence[Delivery]) -> set[str]:
        """Keep those that are new; their ids."""
        first = {it.event: it for it in reversed(deliveries)}
        dialect = self._database.dialect
        async with self._database.write() as connection:
            known = select(inbox.c.event).where(among(inbox.c.event, list(first), dialect))
            for event in await connection.scalars(known):
                del first[event]
            if first:
                await self._insert(connection, first.values())
        return set(first)

    async def _insert(self, connection: AsyncConnection, deliveries: Collection[Delivery]) -> None:
        dialect = self._database.dialect
        seqs = await mark_all(connection, {it.target for it in deliveries if it.target}, dialect)
        now = self._clock.now()
        rows = [_row(it, seqs[it.target] if it.target else None, now) for it in deliveries]
        await connection.execute(insert_or_ignore(inbox, dialect), rows)

    async def replay(self, event: str | None = None) -> int:
        """Have dead events (or one, whatever became of it) and what was given up looked at again; how many."""
        dialect = self._database.dialect
        chosen = inbox.c.event == event if event else inbox.c.status == InboxStatus.DEAD.value
        async with self._database.write() as connection:
            rows = (await connection.execute(select(inbox).where(chosen, inbox.c.kind.is_not(None)))).all()
            targets = {Target(TargetKind(row.kind), row.key) for row in rows if row.kind and row.key}
            dead = select(sync_targets.c.kind, sync_targets.c.key).where(sync_targets.c.dead_at.is_not(None))
            if event is None:
                targets |= {Target(TargetKind(row.kind), row.key) for row in await connection.execute(dead)}
            for target, seq in (await mark_all(connection, targets, dialect)).items():
                theirs = chosen & (inbox.c.kind == target.kind.value) & (inbox.c.key == target.key)
                again = {"status": InboxStatus.PENDING.value, "seq": seq, "reason": ""}
                await connection.execute(update(inbox).where(theirs).values(again))
        return max(len(rows), len(targets))


def _row(delivery: Delivery, seq: int | None, now: int) -> dict[str, object]:
    target = delivery.target
    return {
        "event": delivery.event, "type": delivery.type, "api_version": delivery.api_version,
        "livemode": delivery.livemode, "account": delivery.account, "customer": delivery.customer,
        "object": delivery.object, "created": delivery.created, "raw": delivery.raw, "received_at": now,
        "status": (InboxStatus.PENDING if target else InboxStatus.IGNORED).value, "reason": delivery.reason,
        "kind": target.kind.value if target else None, "key": target.key if target else None, "seq": seq,
    }  # fmt: skip


def _tell(batch: Sequence[tuple[Delivery, asyncio.Future[bool]]], new: set[str]) -> None:
    """The first who brought an event brought it; others came after."""
    for delivery, answer in batch:
        if not answer.done():
            answer.set_result(delivery.event in new)
        new.discard(delivery.event)


def _fail(answers: Sequence[asyncio.Future[bool]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(StoreUnavailableError(str(error) or type(error).__name__))
