"""Tips to DJs: paid through Checkout straight to them, less a fee. Never does one touch a queue, a vote or a plan."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import stripe
import structlog

from billing import fetched
from billing.asking import asking
from billing.connect import APP, Connect
from billing.events import TIP
from billing.metrics import ALERTS
from core.errors import ChorusError, ForbiddenError
from core.events import TipGiven
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.notices import UndeliverableError
from core.ports.payments import Ledger, Settle
from core.ports.rooms import Rooms
from core.ports.tips import TipBook
from core.purchases import PurchasesFrozenError
from core.records.notices import Data, Effect, Job, Letter, Notice, NoticeKind
from core.records.payments import Claim, Target, TargetKind
from core.records.tips import Payee, Payment, Statement, Tip, TipState
from core.tips import HOUR, LIFE, PER_HOUR, CannotBeTippedError, TooManyTipsError, check, refund_of, settled
from core.types import Actor, PersonId, RoomId

THANKS = "tip.thanks"
"""Tell `room` that `giver` gave `dj` a tip of `amount` in `currency`."""
SWEEP = 600.0
"""Seconds between two looks for tips of which nothing was heard."""
TRIES = 3
SHOWN = 10

Mark = Callable[[Target], Awaitable[None]]
"""Has something looked at soon."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """How tips are given here. `fee` in percent; `page` is where payers come back to."""

    currency: str
    fee: int
    livemode: bool
    page: str


class Tips:
    """`core.ports.tips.Tips`, the look at a payment, and the jobs that follow."""

    def __init__(
        self,
        client: stripe.StripeClient,
        connect: Connect,
        book: TipBook,
        rooms: Rooms,
        clock: Clock,
        terms: Terms,
        mark: Mark,
    ) -> None:
        self._client = client
        self._connect = connect
        self._book = book
        self._rooms = rooms
        self._clock = clock
        self._terms = terms
        self._mark = mark

    @property
    def currency(self) -> str:
        """In which tips are given."""
        return self._terms.currency

    # ---- what people do

    async def give(self, room: RoomId, actor: Actor, dj: PersonId, amount: int) -> str:
        """The address where a tip is paid (see the port)."""
        fee = check(amount, self._terms.currency, self._terms.fee)
        payee = await self._payee(room, actor, dj)
        if await self._book.frozen(actor.person):
            raise PurchasesFrozenError
        known = await self._book.given(actor.person, 0)
        same = [it for it in known if (it.room, it.dj, it.amount) == (room, payee.person, amount)]
        waiting = [it for it in same if self._waits(it)]
        if not waiting and len([it for it in known if it.created_at > self._clock.now() - HOUR]) >= PER_HOUR:
            raise TooManyTipsError
        with asking("tip"):
            if not await self._connect.payable(payee.account):
                await self._mark(Target(TargetKind.CONNECT_ACCOUNT, payee.account))
                raise CannotBeTippedError
            for number in range(len(same) - len(waiting), len(same) + TRIES):
                tip = await self._book.start(self._tip(room, actor, payee, amount, fee, number))
                if self._waits(tip) and (url := await self._session(tip)):
                    return url
        raise TooManyTipsError

    async def onboard(self, room: RoomId, actor: Actor) -> str:
        """Where a DJ tells Stripe where to pay (see the port)."""
        if not (actor.dj or actor.admin or actor.operator):
            raise ForbiddenError("tips", "dj")
        payee = await self._book.payee(actor.person, livemode=self._terms.livemode)
        with asking("payee"):
            if payee is None or payee.gone:
                account = await self._connect.open(actor.person, [payee.account] if payee else [])
                now = self._clock.now()
                wanted = Payee(
                    actor.person, self._terms.livemode, account, actor.name, payable=False, gone=False, created_at=now
                )
                payee = await self._book.put_payee(wanted)
            return await self._connect.link(payee.account, f"{self._terms.page}/r/{room}")

    async def statement(self, actor: Actor) -> Statement:
        """What the actor got."""
        payee = await self._book.payee(actor.person, livemode=self._terms.livemode)
        got = await self._book.got(actor.person, livemode=self._terms.livemode)
        sums: dict[str, int] = {}
        for tip in got:
            sums[tip.currency] = sums.get(tip.currency, 0) + kept(tip)
        ready = payee is not None and payee.payable and not payee.gone
        return Statement(ready, payee is not None and not payee.gone, sorted(sums.items()), got[:SHOWN])

    async def _payee(self, room: RoomId, actor: Actor, dj: PersonId) -> Payee:
        """Who is tipped. Raises CannotBeTippedError."""
        same = (await self._rooms.read(room)).same
        payee = await self._book.payee(dj, livemode=self._terms.livemode)
        heads = {same.get(it, it) for it in (dj, payee.person if payee else dj)}
        if payee is None or payee.gone or same.get(actor.person, actor.person) in heads:
            raise CannotBeTippedError
        return payee

    def _waits(self, tip: Tip) -> bool:
        return tip.state is TipState.OPEN and self._clock.now() < tip.created_at + LIFE

    def _tip(self, room: RoomId, actor: Actor, payee: Payee, amount: int, fee: int, number: int) -> Tip:
        """However often a button is pressed, it is the same one until that was paid or ran out."""
        facts = "|".join(map(str, (room, actor.person, payee.person, amount, self._terms, number)))
        return Tip(
            id=blake2b(facts.encode(), digest_size=16).hexdigest(), room=room, place=actor.place,
            giver=actor.person, giver_name=actor.name, dj=payee.person, dj_name=payee.name, account=payee.account,
            livemode=self._terms.livemode, amount=amount, fee=fee, currency=self._terms.currency,
            created_at=self._clock.now(),
        )  # fmt: skip

    async def _session(self, tip: Tip) -> str | None:
        """The address of a tip's Checkout session; None: it was paid, or has run out."""
        if tip.session is not None:
            known = await self._client.v1.checkout.sessions.retrieve_async(tip.session)
            return known.url if known.status == "open" else None
        facts = {"app": APP, "kind": TIP, "tip": tip.id}
        to: stripe.params.checkout.SessionCreateParamsPaymentIntentData = {
            "transfer_data": {"destination": tip.account},
            "metadata": facts,
        }
        if tip.fee:
            to["application_fee_amount"] = tip.fee
        page = f"{self._terms.page}/r/{tip.room}"
        made = await self._client.v1.checkout.sessions.create_async(
            {
                "mode": "payment",
                "client_reference_id": tip.id,
                "metadata": facts,
                "payment_intent_data": to,
                "line_items": [
                    {
                        "price_data": {
                            "currency": tip.currency,
                            "unit_amount": tip.amount,
                            "product_data": {"name": f"Tip: {tip.dj_name}"[:100]},
                        },
                        "quantity": 1,
                    }
                ],
                "expires_at": (tip.created_at + LIFE) // 1000,
                "success_url": page,
                "cancel_url": page,
            },
            {"idempotency_key": f"tip:{tip.id}"},
        )
        await self._book.offer(tip.id, made.id)
        return made.url

    # ---- what Stripe says

    async def look(self, claim: Claim) -> Settle:
        """Learn how a payment stands; what comes back writes it. Raises stripe.StripeError, StoreUnavailableError."""
        try:
            it = await self._client.v1.payment_intents.retrieve_async(claim.target.key, {"expand": ["latest_charge"]})
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            return _nobodys
        claimed = await self._claimed(it.id)
        payment = await self._payment(it)

        async def settle(ledger: Ledger) -> bool:
            tip = await ledger.tips.tip_of(payment.id, claimed)
            if tip is None:
                return False
            after = settled(tip, payment, self._clock.now())
            await ledger.tips.put_tip(after)
            await ledger.effects(*follows(tip, after))
            _alert(tip, after)
            return True

        return settle

    async def _claimed(self, intent: str) -> str | None:
        """The tip for which a payment was made: its session says so, which nobody can edit afterwards."""
        sessions = await self._client.v1.checkout.sessions.list_async({"payment_intent": intent, "limit": 1})
        return sessions.data[0].client_reference_id if sessions.data else None

    async def _payment(self, it: stripe.PaymentIntent) -> Payment:
        charge = it.latest_charge if isinstance(it.latest_charge, stripe.Charge) else None
        destination = fetched.id_of(it.transfer_data.destination) if it.transfer_data else None
        return Payment(
            id=it.id,
            status=it.status,
            amount=it.amount_received,
            currency=it.currency,
            livemode=it.livemode,
            destination=destination,
            fee=it.application_fee_amount or 0,
            refunded=charge.amount_refunded if charge else 0,
            disputed=bool(charge and charge.disputed),
            payable=bool(destination and await self._connect.payable(destination)),
        )

    # ---- jobs

    async def refund(self, letter: Letter) -> None:
        """Pay a tip back: what the DJ got returns, and the fee too. Raises stripe.StripeError: to be tried again."""
        tip = await self._book.tip(str(letter.data.get("tip")))
        if tip is None or tip.payment_intent is None:
            raise UndeliverableError("no such tip was paid")
        try:
            await self._client.v1.refunds.create_async(
                {
                    "payment_intent": tip.payment_intent,
                    "reverse_transfer": True,
                    "refund_application_fee": bool(tip.fee),
                },
                {"idempotency_key": letter.key},
            )
        except stripe.InvalidRequestError as error:
            if error.code != "charge_already_refunded":
                raise
        await self._mark(Target(TargetKind.PAYMENT_INTENT, tip.payment_intent))

    async def run(self) -> None:
        """Look after tips of which nothing was heard, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP)
            try:
                await self.sweep()
            except (stripe.StripeError, ChorusError) as error:
                log.warning("tips not swept", error=type(error).__name__)

    async def sweep(self) -> None:
        """Those that could be paid no longer have run out, or were paid without our hearing of it."""
        for tip in await self._book.open(self._clock.now() - LIFE):
            session = await self._client.v1.checkout.sessions.retrieve_async(tip.session) if tip.session else None
            intent = fetched.id_of(session.payment_intent) if session and session.status == "complete" else None
            if intent is not None:
                await self._mark(Target(TargetKind.PAYMENT_INTENT, intent))
            elif session is None or session.status == "expired":
                await self._book.close(tip.id, TipState.EXPIRED)


class Thanks:
    """Has a tip said in its room."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def say(self, letter: Letter) -> None:
        """Tell those who show the room."""
        told = letter.data
        self._bus.publish(
            TipGiven(
                room=RoomId(told["room"]), giver=told["giver"], dj=told["dj"], amount=told["amount"],
                currency=told["currency"],
            )
        )  # fmt: skip


def kept(tip: Tip) -> int:
    """What a DJ has of a tip, in smallest units: refunds take back their share of it."""
    if tip.state is TipState.HELD:
        return 0
    return (tip.amount - tip.fee) * (tip.amount - tip.refunded) // tip.amount


def follows(before: Tip, after: Tip) -> Sequence[Effect]:
    """What has to be done because a tip changed; each has a key of its own, so none happens twice."""
    if before.state is after.state:
        return ()
    money = {"amount": after.amount, "currency": after.currency}
    match after.state:
        case TipState.PAID if before.state in {TipState.OPEN, TipState.EXPIRED, TipState.HELD}:
            thanks = {"room": after.room, "giver": after.giver_name, "dj": after.dj_name, **money}
            return (
                _notice(
                    after,
                    "paid",
                    NoticeKind.TIP_PAID,
                    after.giver,
                    {**money, "person": after.dj, "name": after.dj_name},
                ),
                _notice(
                    after,
                    "received",
                    NoticeKind.TIP_RECEIVED,
                    after.dj,
                    {**money, "person": after.giver, "name": after.giver_name},
                ),
                Job(f"tip:{after.id}:thanks", THANKS, thanks),
            )
        case TipState.REFUNDING:
            return (refund_of(after),)
        case TipState.REFUNDED:
            return tuple(
                _notice(after, f"refunded:{whom}", NoticeKind.TIP_REFUNDED, person, money)
                for whom, person in (("giver", after.giver), ("dj", after.dj))
            )
        case _:
            return ()


def _notice(tip: Tip, what: str, kind: NoticeKind, person: PersonId, data: Data) -> Notice:
    return Notice(f"tip:{tip.id}:{what}", kind, person, tip.place, data)


def _alert(before: Tip, after: Tip) -> None:
    """What the operator has to look at: of destination charges, refunds and disputes are theirs."""
    if before.state is not after.state and after.state in {TipState.HELD, TipState.DISPUTED}:
        ALERTS.labels(f"tip_{after.state}").inc()
        log.error("tip needs a look", tip=after.id, state=after.state, wrong=after.reason, payment=after.payment_intent)


async def _nobodys(_: Ledger) -> bool:
    return False
