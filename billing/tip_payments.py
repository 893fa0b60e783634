"""What becomes of tips: how their payments stand, what follows, what is paid back."""

import asyncio
from collections.abc import Sequence

import stripe
import structlog

from billing import fetched
from billing.connect import Connect
from billing.metrics import ALERTS
from billing.standing import SETTLED
from billing.tips import Mark
from core.errors import ChorusError
from core.events import TipGiven
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.notices import UndeliverableError
from core.ports.payments import Ledger, Settle
from core.ports.tips import TipBook
from core.records.notices import Data, Effect, Job, Letter, Notice, NoticeKind
from core.records.payments import Claim, Target, TargetKind
from core.records.tips import Payment, Tip, TipState
from core.tips import LIFE, refund_of, settled
from core.types import PersonId, RoomId

THANKS = "tip.thanks"
"""The job that tells `room` that `giver` gave `dj` a tip of `amount` in `currency`."""
SWEEP = 600.0
"""Seconds between two looks for tips of which nothing was heard."""

log = structlog.get_logger()


class TipPayments:
    """The look at a payment, and the jobs that follow. `mark` has something looked at soon."""

    def __init__(self, client: stripe.StripeClient, connect: Connect, book: TipBook, clock: Clock, mark: Mark) -> None:
        self._client = client
        self._connect = connect
        self._book = book
        self._clock = clock
        self._mark = mark

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
            disputed=bool(charge and charge.disputed) and await self._wanted_back(it.id),
            payable=bool(destination and await self._connect.payable(destination)),
        )

    async def _wanted_back(self, intent: str) -> bool:
        """Whether a bank wants it, or got it; that it did once, a charge never forgets."""
        disputes = await self._client.v1.disputes.list_async({"payment_intent": intent, "limit": 100})
        return any([it.status not in SETTLED async for it in disputes.auto_paging_iter()])

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
            session = await self._session(tip)
            intent = fetched.id_of(session.payment_intent) if session and session.status == "complete" else None
            if intent is not None:
                await self._mark(Target(TargetKind.PAYMENT_INTENT, intent))
            elif session is None or session.status == "expired":
                await self._book.close(tip.id, TipState.EXPIRED)

    async def _session(self, tip: Tip) -> stripe.checkout.Session | None:
        """Where it was to be paid; None: nowhere, or by a key of the other mode (test or live)."""
        if tip.session is None:
            return None
        try:
            return await self._client.v1.checkout.sessions.retrieve_async(tip.session)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            return None


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
