"""The shop: who may buy and change what."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import stripe

from billing.asking import asking
from billing.changes import Changes
from billing.checkout import Checkout, Look
from billing.dunning import DAY, place_gone, transferred
from billing.links import Links
from billing.offers import Offers
from billing.plans import Plans
from billing.stand import Stand, in_telegram
from core.enums import GrantSource, Surface
from core.errors import ForbiddenError
from core.ports.clock import Clock
from core.ports.notices import Outbox
from core.ports.purchases import Attempts, Purchases
from core.purchases import (
    NoSubscriptionError,
    NotForSaleError,
    NothingToTakeBackError,
    PaidAlreadyError,
    PurchasesFrozenError,
)
from core.records.grants import Subject
from core.records.notices import Contact
from core.records.payments import Subscription
from core.records.purchases import Held
from core.records.shop import Offer, Outcome, Quote, Standing
from core.types import Actor, PlaceId, RoomId

Manages = Callable[[Actor], Awaitable[bool | None]]
"""Whether somebody manages their place at this moment; None: nobody can tell."""
ELSEWHERE = frozenset({GrantSource.DISCORD, GrantSource.STARS})
"""Other sources that somebody pays again and again."""
GOING_ON = frozenset({"trialing", "active", "past_due", "incomplete"})
"""Statuses of subscriptions that are paid, or about to be."""


@dataclass(frozen=True, slots=True)
class Till:
    """What sells through Stripe."""

    client: stripe.StripeClient
    offers: Offers
    checkout: Checkout
    changes: Changes
    attempts: Attempts
    look: Look
    livemode: bool


class Shop:
    """`core.ports.shop.Shop`. Without a till nothing is bought here; other sources may sell all the same."""

    def __init__(
        self,
        till: Till | None,
        purchases: Purchases,
        plans: Plans,
        stand: Stand,
        outbox: Outbox,
        links: Links,
        clock: Clock,
        page: str,
        manages: Manages | None = None,
    ) -> None:
        self._manages = manages
        self._outbox = outbox
        self._till = till
        self._purchases = purchases
        self._plans = plans
        self._stand = stand
        self._links = links
        self._clock = clock
        self._page = page

    async def offers(self) -> Sequence[Offer]:
        """What is sold here (see the port)."""
        return await self._stand.offers()

    async def standing(self, actor: Actor) -> Standing:
        """How the place stands (see the port)."""
        return await self._stand.of(actor)

    async def buy(self, actor: Actor, price: str, language: str | None = None) -> str:
        """The address where a price is paid (see the port)."""
        till = self._open(actor)
        await self._check_right(actor, "buy")
        offer = await till.offers.of(price)
        if await self._purchases.frozen(actor.person):
            raise PurchasesFrozenError
        await self._check_unpaid(till, actor, offer.plan)
        account = await self._purchases.account(Subject(actor.place), actor.person, livemode=till.livemode)
        if language is not None:
            await self._outbox.put(Contact(actor.person, language=language))
        return await till.checkout.url(actor, account, offer)

    async def arrived(self, name: str) -> PlaceId | None:
        """Somebody came back (see the port)."""
        attempt = await self._till.attempts.by_ref(name) if self._till else None
        if self._till is None or attempt is None:
            return None
        await self._till.checkout.arrived(attempt)
        return PlaceId(attempt.subject)

    async def portal(self, actor: Actor, room: RoomId) -> str:
        """The payer's own page at Stripe (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        with asking("portal"):
            session = await till.client.v1.billing_portal.sessions.create_async(
                {"customer": held.subscription.customer, "return_url": f"{self._page}/r/{room}/premium"}
            )
        return session.url

    async def quote(self, actor: Actor, price: str) -> Quote:
        """What a change would cost (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        offer = await self._other(till, held, price)
        return await till.changes.quote(held.subscription, offer)

    async def change(self, actor: Actor, price: str, at: int | None = None) -> Outcome:
        """To another price (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        if await self._purchases.frozen(actor.person):
            raise PurchasesFrozenError
        offer = await self._other(till, held, price)
        return await self._looked(till, held, await till.changes.change(held.subscription, offer, at))

    async def cancel(self, actor: Actor) -> Outcome:
        """It ends when what is paid ends (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        return await self._looked(till, held, await till.changes.cancel(held.subscription))

    async def pause(self, actor: Actor) -> Outcome:
        """It rests from now on (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        return await self._looked(till, held, await till.changes.pause(held.subscription))

    async def resume(self, actor: Actor) -> Outcome:
        """The end of a pause (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        await self._check_alone(till, held)
        return await self._looked(till, held, await till.changes.resume(held.subscription))

    async def undo(self, actor: Actor) -> Outcome:
        """What waits is taken back (see the port)."""
        till, held = self._open(actor), await self._mine(actor)
        await self._check_alone(till, held)
        return await self._looked(till, held, await till.changes.undo(held.subscription))

    async def transfer(self, actor: Actor, subscription: str) -> Outcome:
        """The actor's subscription for another place counts here instead (see the port)."""
        till = self._open(actor)
        await self._check_right(actor, "transfer")
        theirs = await self._purchases.held_by(actor.person, livemode=till.livemode)
        held = next((it for it in theirs if it.subscription.id == subscription), None)
        if held is None:
            raise NoSubscriptionError
        if held.account.subject == actor.place:
            raise NothingToTakeBackError
        if others := await self._purchases.held_for(Subject(actor.place), livemode=till.livemode):
            raise PaidAlreadyError(self._stand.plan_of(others[0].subscription))
        await till.checkout.drop(Subject(actor.place))
        now, plan = self._clock.now(), self._stand.plan_of(held.subscription)
        payer = replace(held.account, subject=Subject(actor.place))
        told = transferred(payer, held.subscription, plan, now)
        await self._purchases.move(held.account.id, payer.subject, actor.person, told)
        return await self._looked(till, held, Outcome(plan, now))

    async def left(self, place: PlaceId) -> None:
        """We are not there any more (see the port)."""
        if self._till is None:
            return
        today = self._clock.now() // DAY * DAY
        for held in await self._purchases.held_for(Subject(place), livemode=self._till.livemode):
            it = held.subscription
            if _goes_on(it):
                await self._outbox.put(place_gone(held.account, it, self._stand.plan_of(it), left_at=today))

    def key(self, actor: Actor) -> str:
        """What lets its bearer act on the page (see the port)."""
        return self._links.make(actor)

    def bearer(self, key: str, place: PlaceId) -> Actor:
        """Whom a key was made for (see the port)."""
        return self._links.read(key, place)

    def _open(self, actor: Actor) -> Till:
        """The till, for those who may see it: in Telegram nothing is sold but for Stars. Raises NotForSaleError."""
        if self._till is None or in_telegram(actor):
            raise NotForSaleError
        return self._till

    async def _check_right(self, actor: Actor, action: str) -> None:
        """They manage the place now; whoever bears a key did when it was made. Raises ForbiddenError."""
        told = await self._manages(actor) if self._manages and actor.surface is Surface.WEB else None
        if not actor.admin or told is False:
            raise ForbiddenError(action, "admin")

    async def _check_unpaid(self, till: Till, actor: Actor, plan: str) -> None:
        """Nobody pays twice: raises PaidAlreadyError. What its payer ends may be followed by somebody else's."""
        people = await self._purchases.humans(actor.person)
        for held in await self._purchases.held_for(Subject(actor.place), livemode=till.livemode):
            it = held.subscription
            if held.account.person in people or _goes_on(it):
                raise PaidAlreadyError(self._stand.plan_of(it))
        for reason in await self._stand.reasons(actor.place):
            if reason.source in ELSEWHERE and not self._plans.above(plan, reason.plan):
                raise PaidAlreadyError(reason.plan)

    async def _check_alone(self, till: Till, held: Held) -> None:
        """What ends or rests may have been followed by somebody else's. Raises PaidAlreadyError."""
        for other in await self._purchases.held_for(held.account.subject, livemode=till.livemode):
            it = other.subscription
            if it.id != held.subscription.id and _goes_on(it):
                raise PaidAlreadyError(self._stand.plan_of(it))

    async def _mine(self, actor: Actor) -> Held:
        """What the actor pays for the place. Raises NoSubscriptionError."""
        held = await self._stand.mine(actor)
        if held is None:
            raise NoSubscriptionError
        return held

    async def _other(self, till: Till, held: Held, price: str) -> Offer:
        """Another price than the one that is paid. Raises NotForSaleError."""
        if price in held.subscription.prices:
            raise NotForSaleError
        return await till.offers.of(price)

    async def _looked(self, till: Till, held: Held, outcome: Outcome) -> Outcome:
        """What became of it is known here, too, before it is told."""
        await till.look(held.subscription.customer)
        return outcome


def _goes_on(it: Subscription) -> bool:
    """Whether it is paid again and again, or about to be."""
    return it.status in GOING_ON and it.cancel_at is None
