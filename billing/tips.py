"""Tips to DJs: paid through Checkout straight to them, less a fee. Never does one touch a queue, a vote or a plan."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

import stripe

from billing.asking import asking
from billing.connect import APP, Connect
from billing.events import TIP
from core.errors import ForbiddenError
from core.ports.clock import Clock
from core.ports.notices import Outbox
from core.ports.rooms import Rooms
from core.ports.tips import TipBook
from core.purchases import PurchasesFrozenError
from core.records.notices import Contact
from core.records.payments import Target, TargetKind
from core.records.tips import Payee, Statement, Tip, TipState
from core.tips import HOUR, LIFE, PER_HOUR, CannotBeTippedError, TooManyTipsError, check
from core.types import Actor, PersonId, RoomId

TRIES = 3

Mark = Callable[[Target], Awaitable[None]]
"""Has something looked at soon."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How tips are given here. `fee` in percent; `page` is where payers come back to."""

    currency: str
    fee: int
    livemode: bool
    page: str


class Tips:
    """`core.ports.tips.Tips`: tips begun. What becomes of them is `billing.tip_payments`' to say."""

    def __init__(
        self,
        client: stripe.StripeClient,
        connect: Connect,
        book: TipBook,
        rooms: Rooms,
        clock: Clock,
        terms: Terms,
        mark: Mark,
        outbox: Outbox,
    ) -> None:
        self._client = client
        self._connect = connect
        self._book = book
        self._rooms = rooms
        self._clock = clock
        self._terms = terms
        self._mark = mark
        self._outbox = outbox

    @property
    def currency(self) -> str:
        """In which tips are given."""
        return self._terms.currency

    async def give(self, room: RoomId, actor: Actor, dj: PersonId, amount: int, language: str | None = None) -> str:
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
        await self._know(actor, language)
        with asking("tip"):
            if not await self._connect.payable(payee.account):
                await self._mark(Target(TargetKind.CONNECT_ACCOUNT, payee.account))
                raise CannotBeTippedError
            for number in range(len(same) - len(waiting), len(same) + TRIES):
                tip = await self._book.start(self._tip(room, actor, payee, amount, fee, number))
                if self._waits(tip) and (url := await self._session(tip)):
                    return url
        raise TooManyTipsError

    async def onboard(self, room: RoomId, actor: Actor, language: str | None = None) -> str:
        """Where a DJ tells Stripe where to pay (see the port)."""
        if not (actor.dj or actor.admin or actor.operator):
            raise ForbiddenError("tips", "dj")
        await self._know(actor, language)
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
        sums = await self._book.earned(actor.person, livemode=self._terms.livemode)
        ready = payee is not None and payee.payable and not payee.gone
        return Statement(ready, payee is not None and not payee.gone, sums, got)

    async def _payee(self, room: RoomId, actor: Actor, dj: PersonId) -> Payee:
        """Who is tipped. Raises CannotBeTippedError."""
        same = (await self._rooms.read(room)).same
        payee = await self._book.payee(dj, livemode=self._terms.livemode)
        heads = {same.get(it, it) for it in (dj, payee.person if payee else dj)}
        if payee is None or payee.gone or same.get(actor.person, actor.person) in heads:
            raise CannotBeTippedError
        return payee

    async def _know(self, actor: Actor, language: str | None) -> None:
        """In which language somebody is told what became of it."""
        if language is not None:
            await self._outbox.put(Contact(actor.person, language=language))

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
        try:
            made = await self._made(tip)
        except stripe.InvalidRequestError as error:
            if error.param != "expires_at":
                raise
            await self._book.close(tip.id, TipState.EXPIRED)  # Stripe never heard of it, and it is too old by now
            return None
        await self._book.offer(tip.id, made.id)
        return made.url

    async def _made(self, tip: Tip) -> stripe.checkout.Session:
        """The session of a tip, the same one however often it is asked for. Raises stripe.StripeError."""
        facts = {"app": APP, "kind": TIP, "tip": tip.id}
        to: stripe.params.checkout.SessionCreateParamsPaymentIntentData = {
            "transfer_data": {"destination": tip.account},
            "metadata": facts,
        }
        if tip.fee:
            to["application_fee_amount"] = tip.fee
        page = f"{self._terms.page}/r/{tip.room}"
        return await self._client.v1.checkout.sessions.create_async(
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
