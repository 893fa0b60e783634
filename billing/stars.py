"""Telegram Stars as a source of grants: 30 days at a time, each payment a grant of its own.

An invoice link may be forwarded and paid by anybody (core.telegram.org/bots/payments-stars), so what it says is
bound to one attempt of one person for one chat, looked at before Telegram takes the Stars, and granted when it has.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from billing.plans import Plans
from core.enums import GrantSource
from core.errors import ForbiddenError
from core.ports.clock import Clock
from core.ports.stars import NoSuchChargeError, StarBook, StarTill, TillAwayError
from core.purchases import NotForSaleError, PaidAlreadyError
from core.records.grants import Grant, Subject
from core.records.notices import Contact, Effect, Notice, NoticeKind
from core.records.shop import Standing
from core.records.stars import (
    CURRENCY,
    PERIOD,
    StarAttempt,
    StarInvoice,
    StarMove,
    StarOffer,
    StarOutcome,
    StarPayment,
    StarReceipt,
    StarState,
)
from core.stars import NotYourInvoiceError, OldInvoiceError
from core.types import Actor, PersonId, PlaceId

PREFIX = "chorus:"
"""How payloads begin: the bot may sell other things by other programs."""
DAY = 86_400_000
LIFE = 30 * 60_000
"""How long (ms) an invoice may be paid for the first time."""
SLACK = DAY
"""How much later (ms) than paid a plan ends that is to be paid again: that may be told late."""
EARLY = {StarState.CANCELED: 2 * DAY, StarState.PAID: 3_600_000 + SLACK}
"""How long (ms) before the end of its grant it may be paid again by hand: what goes on by itself is paid then, and by
hand it would be a second subscription.
"""
PAID = frozenset({GrantSource.STRIPE, GrantSource.DISCORD, GrantSource.STARS})

Tell = Callable[[Effect], Awaitable[None]]
"""Has somebody told something."""

log = structlog.get_logger()


class Stand(Protocol):
    """Tells how places stand."""

    async def of(self, actor: Actor) -> Standing:
        """How the actor's place stands."""
        ...


class StarShop:
    """`core.ports.stars.Stars`."""

    def __init__(self, book: StarBook, plans: Plans, stand: Stand, clock: Clock, tell: Tell) -> None:
        self._book = book
        self._plans = plans
        self._stand = stand
        self._clock = clock
        self._tell = tell
        self._read = 0

    @property
    def sold(self) -> Sequence[StarOffer]:
        """What is sold here (see the port)."""
        return [StarOffer(it.plan, it.stars) for it in self._plans.sales.values() if it.stars is not None]

    async def standing(self, actor: Actor) -> Standing:
        """How the chat stands."""
        return await self._stand.of(actor)

    async def offers(self, actor: Actor) -> Sequence[StarOffer]:
        """What the chat could buy now (see the port)."""
        if await self._paid(Subject(actor.place)):
            return ()
        now = (await self._stand.of(actor)).plan
        return [it for it in self.sold if self._plans.above(it.plan, now)]

    async def invoice(self, actor: Actor, plan: str, language: str | None = None) -> StarInvoice:
        """What an administrator of the chat is to pay (see the port). On Telegram those are its DJs."""
        if not (actor.dj or actor.admin):
            raise ForbiddenError("buy", "admin")
        sale = self._plans.sales.get(plan)
        if sale is None or sale.stars is None:
            raise NotForSaleError
        if paid := await self._paid(Subject(actor.place)):
            raise PaidAlreadyError(paid[0].plan)
        if not self._plans.above(plan, (await self._stand.of(actor)).plan):
            raise NotForSaleError
        now, subject = self._clock.now(), Subject(actor.place)
        number = secrets.token_urlsafe(18)
        attempt = StarAttempt(number, subject, actor.person, plan, sale.stars, now, now + LIFE)
        kept = await self._book.begin(attempt)
        if language is not None:
            await self._tell(Contact(actor.person, language=language))
        return StarInvoice(f"{PREFIX}{kept.id}", kept.plan, kept.stars)

    async def check(self, payload: str, person: PersonId, currency: str, stars: int) -> StarAttempt:
        """Whether this may be paid now by that person (see the port)."""
        attempt = await self._attempt(payload)
        if attempt is None or currency != CURRENCY or stars != attempt.stars:
            raise OldInvoiceError
        if person != attempt.person:
            raise NotYourInvoiceError
        now = self._clock.now()
        if attempt.state is StarState.INVOICED and now >= attempt.expires_at:
            raise OldInvoiceError
        for grant in await self._paid(attempt.subject):
            own = grant.ref == attempt.charge and grant.source is GrantSource.STARS
            if not own or _end(grant) - now > EARLY[attempt.state]:
                raise PaidAlreadyError(grant.plan)
        return attempt

    async def paid(self, payment: StarPayment) -> StarReceipt:
        """30 days were paid (see the port)."""
        attempt = await self._attempt(payment.payload)
        if attempt is None:
            log.error("stars.orphan", charge=payment.charge, stars=payment.stars)
            return StarReceipt(StarOutcome.ORPHAN)
        until = payment.until if payment.until is not None else payment.paid_at + PERIOD
        outcome, before = await self._book.pay(
            attempt.id, payment.charge, starts_at=payment.paid_at, until=until + SLACK
        )
        log.info("stars.paid", charge=payment.charge, subject=attempt.subject, outcome=outcome.value)
        renewed = before is not StarState.INVOICED
        return StarReceipt(outcome, attempt.plan, attempt.subject, until, renewed=renewed)

    async def refunded(self, charge: str) -> bool:
        """A payment went back (see the port)."""
        news = await self._book.revoke(charge)
        log.info("stars.refunded", charge=charge, news=news)
        return news

    async def renewing(self, payload: str, *, on: bool) -> StarReceipt | None:
        """It is paid again in time, or is not any more: then the plan ends to the minute (see the port)."""
        attempt = await self._attempt(payload)
        if attempt is None:
            return None
        state = StarState.PAID if on else StarState.CANCELED
        end = await self._book.renewing(attempt.id, state, longer=SLACK if on else -SLACK)
        return None if end is None else StarReceipt(StarOutcome.KNOWN, attempt.plan, attempt.subject, end)

    async def left(self, place: PlaceId) -> None:
        """We are not there any more (see the port)."""
        today = self._clock.now() // DAY * DAY
        paid = {it.ref for it in await self._paid(Subject(place)) if it.source is GrantSource.STARS}
        for it in await self._book.renewed(Subject(place)):
            if it.charge in paid:
                data = {"plan": it.plan, "currency": CURRENCY.lower()}
                key = f"gone:{it.id}:{today}"
                await self._tell(Notice(key, NoticeKind.PLACE_GONE, it.person, place, data))

    async def payments(self, person: PersonId) -> Sequence[StarAttempt]:
        """What somebody paid, the latest first."""
        return await self._book.of(person)

    async def reconcile(self, till: StarTill) -> int:
        """Catch up with Telegram's list (see the port). It only grows, so what was read is not read again."""
        read, moves = self._read, list[StarMove]()
        while page := await till.moves(read):
            moves += [move for move in page if move is not None]
            read += len(page)
        back = {move.charge for move in moves if move.back}
        found = [await self._caught_up(till, it) for it in moves if it.back or it.charge not in back]
        news = found.count(True)
        if None not in found:
            self._read = read
        if news:
            log.warning("stars.caught_up", payments=news)
        return news

    async def _caught_up(self, till: StarTill, move: StarMove) -> bool | None:
        """Whether a line of the list was news; None: it has to be looked at again, and keeps no other waiting."""
        if move.back:
            return await self.refunded(move.charge)
        receipt = await self.paid(StarPayment(move.charge, move.payload, move.stars, move.at))
        if receipt.outcome is StarOutcome.NEW:
            await self._thank(move, receipt)
        if receipt.outcome is not StarOutcome.DOUBLE:
            return receipt.outcome is StarOutcome.NEW
        try:
            await till.refund(move.user, move.charge)
        except (TillAwayError, NoSuchChargeError) as error:
            log.error("stars.not_given_back", charge=move.charge, error=repr(error))  # noqa: TRY400 - Telegram's words
            return None
        return True

    async def _thank(self, move: StarMove, receipt: StarReceipt) -> None:
        """Tell a payer whose payment no update told of, while it is news."""
        attempt = await self._attempt(move.payload)
        if attempt is not None and receipt.until > self._clock.now():
            data = {"plan": attempt.plan, "amount": move.stars, "currency": CURRENCY.lower(), "until": receipt.until}
            place = PlaceId(attempt.subject)
            await self._tell(Notice(f"paid:{move.charge}", NoticeKind.PAID, attempt.person, place, data))

    async def _attempt(self, payload: str) -> StarAttempt | None:
        known = payload.startswith(PREFIX)
        return await self._book.attempt(payload.removeprefix(PREFIX)) if known else None

    async def _paid(self, subject: Subject) -> Sequence[Grant]:
        """What somebody pays for the chat at the moment."""
        now = self._clock.now()
        grants = await self._book.grants(subject)
        return [it for it in grants if it.source in PAID and it.starts_at <= now < _end(it)]


def _end(grant: Grant) -> int:
    ends = [end for end in (grant.valid_until, grant.revoked_at) if end is not None]
    return min(ends, default=1 << 62)
