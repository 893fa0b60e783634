"""Tips, and those who can be tipped."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import Surface
from core.records.rows import Audit
from core.records.tips import Payee, Tip, TipState
from core.tips import refund_of
from core.types import PersonId
from db.contacts import same_human
from db.engine import Database
from db.models import accounts, audit, payees, tips
from db.outbox import put_effects
from db.personal import OPERATOR
from db.statements import insert_or_ignore

NEVER_PAID = (TipState.OPEN.value, TipState.EXPIRED.value)
SHOWN = 10


class SqlTips:
    """`core.ports.tips.TipBook` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def payee(self, person: PersonId, *, livemode: bool) -> Payee | None:
        """Somebody's account (see the port)."""
        found = select(payees).where(payees.c.person.in_(same_human(person)), payees.c.livemode == livemode)
        async with self._database.read() as connection:
            row = (await connection.execute(found.order_by(payees.c.gone, payees.c.created_at))).mappings().first()
        return _payee(row) if row else None

    async def put_payee(self, payee: Payee) -> Payee:
        """Keep one, or find the one that there is."""
        mine = (payees.c.person == payee.person) & (payees.c.livemode == payee.livemode)
        async with self._database.write() as connection:
            await connection.execute(update(payees).where(mine, payees.c.gone).values(asdict(payee)))
            await connection.execute(insert_or_ignore(payees, self._database.dialect), asdict(payee))
            return _payee((await connection.execute(select(payees).where(mine))).mappings().one())

    async def start(self, tip: Tip) -> Tip:
        """Keep an open tip, or find the one that there is."""
        async with self._database.write() as connection:
            await connection.execute(insert_or_ignore(tips, self._database.dialect), asdict(tip))
            return tip_of((await connection.execute(select(tips).where(tips.c.id == tip.id))).mappings().one())

    async def offer(self, tip: str, session: str) -> None:
        """Where it is paid."""
        async with self._database.write() as connection:
            await connection.execute(update(tips).where(tips.c.id == tip).values(session=session))

    async def given(self, giver: PersonId, after: int) -> Sequence[Tip]:
        """What somebody gave since then."""
        return await self._all(tips.c.giver.in_(same_human(giver)), tips.c.created_at > after)

    async def got(self, dj: PersonId, *, livemode: bool) -> Sequence[Tip]:
        """What somebody got (see the port)."""
        return await self._all(*_paid_to(dj, livemode=livemode), limit=SHOWN)

    async def earned(self, dj: PersonId, *, livemode: bool) -> Sequence[tuple[str, int]]:
        """What of it is theirs (see the port); what is held is nobody's yet."""
        theirs = (tips.c.amount - tips.c.fee) * (tips.c.amount - tips.c.refunded) // tips.c.amount
        counts = case((tips.c.state == TipState.HELD.value, 0), else_=theirs)
        sums = select(tips.c.currency, func.sum(counts)).where(*_paid_to(dj, livemode=livemode))
        async with self._database.read() as connection:
            rows = await connection.execute(sums.group_by(tips.c.currency).order_by(tips.c.currency))
            return [(currency, int(sum_)) for currency, sum_ in rows]

    async def frozen(self, giver: PersonId) -> bool:
        """Whether a payment of theirs is disputed."""
        theirs = same_human(giver)
        bought = select(accounts.c.id).where(accounts.c.person.in_(theirs), accounts.c.frozen_at.is_not(None))
        given = select(tips.c.id).where(tips.c.giver.in_(theirs), tips.c.state == TipState.DISPUTED.value)
        async with self._database.read() as connection:
            return any([await connection.scalar(one.limit(1)) is not None for one in (bought, given)])

    async def tip(self, tip: str) -> Tip | None:
        """One by its id."""
        return next(iter(await self._all(tips.c.id == tip)), None)

    async def open(self, before: int) -> Sequence[Tip]:
        """Those that are open for long."""
        return await self._all(tips.c.state == TipState.OPEN.value, tips.c.created_at < before)

    async def close(self, tip: str, state: TipState) -> None:
        """What became of one that was open."""
        mine = (tips.c.id == tip) & (tips.c.state == TipState.OPEN.value)
        async with self._database.write() as connection:
            await connection.execute(update(tips).where(mine).values(state=state.value))

    async def pay_back(self, tip: str, now: int) -> bool:
        """The operator wants a tip paid back: a job does it. False: there is none that was paid and is not yet."""
        paid = tips.c.state.in_([TipState.PAID.value, TipState.HELD.value])
        ending = update(tips).where(tips.c.id == tip, paid).values(state=TipState.REFUNDING.value)
        async with self._database.write() as connection:
            row = (await connection.execute(ending.returning(tips))).mappings().first()
            if row is None:
                return False
            found = tip_of(row)
            await put_effects(connection, [refund_of(found, now)], now, self._database.dialect)
            after = {"tip": found.id, "amount": found.amount, "currency": found.currency}
            line = Audit(now, OPERATOR, Surface.SYSTEM.value, found.place, "tip.refunded", {}, after)
            await connection.execute(insert(audit), asdict(line))
        return True

    async def _all(self, *which: Any, limit: int | None = None) -> Sequence[Tip]:
        found = select(tips).where(*which).order_by(tips.c.created_at.desc(), tips.c.id).limit(limit)
        async with self._database.read() as connection:
            return [tip_of(row) for row in (await connection.execute(found)).mappings()]


class TipRows:
    """`core.ports.tips.TipLedger` within a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def tip_of(self, payment_intent: str, tip: str | None) -> Tip | None:
        """The tip that a payment is for (see the port)."""
        claimed = (tips.c.id == tip) & tips.c.payment_intent.is_(None)
        found = select(tips).where(or_(tips.c.payment_intent == payment_intent, claimed))
        first = found.order_by(tips.c.payment_intent.is_(None)).limit(1).with_for_update()
        row = (await self._connection.execute(first)).mappings().first()
        return tip_of(row) if row else None

    async def put_tip(self, tip: Tip) -> None:
        """How it is now; who gave it to whom may have been forgotten meanwhile, and stays so."""
        fixed = {"id", "giver", "giver_name", "dj", "dj_name"}
        values = {name: value for name, value in asdict(tip).items() if name not in fixed}
        await self._connection.execute(update(tips).where(tips.c.id == tip.id).values(values))

    async def payee_of(self, account: str) -> Payee | None:
        """Whose account that is."""
        row = (await self._connection.execute(select(payees).where(payees.c.account == account))).mappings().first()
        return _payee(row) if row else None

    async def update_payee(self, payee: Payee) -> None:
        """How it is now."""
        values = {"payable": payee.payable, "gone": payee.gone}
        await self._connection.execute(update(payees).where(payees.c.account == payee.account).values(values))


def _paid_to(dj: PersonId, *, livemode: bool) -> Sequence[Any]:
    return [tips.c.dj.in_(same_human(dj)), tips.c.state.not_in(NEVER_PAID), tips.c.livemode == livemode]


def tip_of(row: Mapping[Any, Any]) -> Tip:
    """A row of `tips`."""
    return _tips.validate_python(dict(row))


def _payee(row: Mapping[Any, Any]) -> Payee:
    return _payees.validate_python(dict(row))


_tips: TypeAdapter[Tip] = TypeAdapter(Tip)
_payees: TypeAdapter[Payee] = TypeAdapter(Payee)
