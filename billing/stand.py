"""How a place stands: its plan and why, what is paid, what could be bought."""

from collections.abc import Callable, Sequence

from billing.changes import Changes
from billing.offers import Offers
from billing.plans import Plans
from core.enums import Surface
from core.ports.clock import Clock
from core.ports.purchases import Attempts, Purchases
from core.ports.shop import Meters
from core.purchases import PaymentsUnavailableError
from core.records.grants import Grant, Subject
from core.records.payments import Subscription
from core.records.purchases import Held
from core.records.shop import Offer, Reason, Standing, Trouble
from core.records.shop import Subscription as Shown
from core.types import Actor, Limits, PlaceId


class Stand:
    """Reads alone. Without `offers` and `changes` nothing is sold through Stripe."""

    def __init__(
        self,
        plans: Plans,
        limits: Callable[[PlaceId], Limits],
        purchases: Purchases,
        attempts: Attempts,
        clock: Clock,
        *,
        livemode: bool,
        offers: Offers | None = None,
        changes: Changes | None = None,
        meters: Meters | None = None,
        trial_days: int = 0,
    ) -> None:
        self._plans = plans
        self._limits = limits
        self._purchases = purchases
        self._attempts = attempts
        self._clock = clock
        self._livemode = livemode
        self._offers = offers
        self._changes = changes
        self._meters = meters
        self._trial_days = trial_days

    async def of(self, actor: Actor) -> Standing:
        """How the actor's place stands (see the port `Shop`)."""
        held = await self._best(actor)
        return Standing(
            place=actor.place,
            limits=self._limits(actor.place),
            reasons=await self.reasons(actor.place),
            subscription=await self._shown(held, actor) if held else None,
            offers=() if in_telegram(actor) else await self.offers(),
            trial_days=await self._trial(actor),
            elsewhere=await self._elsewhere(actor),
            used=await self._meters.used(actor.place) if self._meters else (),
            skus=self._skus(actor.place),
        )

    def _skus(self, place: PlaceId) -> Sequence[tuple[str, int]]:
        """What Discord sells above the plan that a place has."""
        now = self._limits(place).plan
        sold = [(sale.plan, sale.sku) for sale in self._plans.sales.values() if sale.sku is not None]
        return [(plan, sku) for plan, sku in sold if self._plans.above(plan, now)]

    async def offers(self) -> Sequence[Offer]:
        """The prices that are known."""
        try:
            return await self._offers.all() if self._offers else ()
        except PaymentsUnavailableError:
            return ()

    async def reasons(self, place: PlaceId) -> Sequence[Reason]:
        """Why the place has a plan now, the highest first."""
        now = self._clock.now()
        found = [it for it in await self._purchases.grants(Subject(place)) if _counts(it, now)]
        rank = {name: number for number, name in enumerate(self._plans.names)}
        found.sort(key=lambda it: rank.get(it.plan, -1), reverse=True)
        return [Reason(it.source, it.plan, it.valid_until, own=it.subject == place) for it in found]

    async def mine(self, actor: Actor) -> Held | None:
        """What the actor pays for the place."""
        people = await self._purchases.humans(actor.person)
        held = await self._purchases.held_for(Subject(actor.place), livemode=self._livemode)
        return self._highest([it for it in held if it.account.person in people])

    def plan_of(self, held: Subscription) -> str:
        """The plan that a subscription pays for."""
        plans = [plan for price in held.prices if (plan := self._plans.priced(price)) is not None]
        rank = list(self._plans.names)
        return max(plans, key=rank.index, default="")

    async def _best(self, actor: Actor) -> Held | None:
        """The actor's own subscription before that of others."""
        own = await self.mine(actor)
        return own or self._highest(await self._purchases.held_for(Subject(actor.place), livemode=self._livemode))

    def _highest(self, held: Sequence[Held]) -> Held | None:
        rank = list(self._plans.names)
        plans = {it.subscription.id: self.plan_of(it.subscription) for it in held}
        known = [it for it in held if plans[it.subscription.id]]
        return max(known, key=lambda it: rank.index(plans[it.subscription.id]), default=None)

    async def _shown(self, held: Held, actor: Actor) -> Shown:
        it = held.subscription
        following = await self._next(it)
        people = await self._purchases.humans(actor.person)
        return Shown(
            id=it.id,
            plan=self.plan_of(it),
            price=it.prices[0],
            until=it.period_end,
            mine=held.account.person in people,
            ends_at=it.cancel_at,
            trial_until=it.trial_end if it.status == "trialing" else None,
            paused=it.status == "paused" or it.pause_behavior is not None,
            next_plan=self._plans.priced(following) if following else None,
            next_price=following,
            pending_plan=next((plan for price in it.pending_prices if (plan := self._plans.priced(price))), None),
            trouble=self._trouble(it),
            grace_until=it.grace_until,
        )

    def _trouble(self, it: Subscription) -> Trouble | None:
        """What is wrong with its payments; after its grace what is owed is unpaid, whatever Stripe goes on to try."""
        graced = it.grace_until is None or self._clock.now() < it.grace_until
        if it.status == Trouble.PAST_DUE and not graced:
            return Trouble.UNPAID
        return Trouble(it.status) if it.status in list(Trouble) else None

    async def _next(self, held: Subscription) -> str | None:
        """The price that follows; not known while Stripe is away."""
        if held.schedule is None or self._changes is None:
            return None
        try:
            return await self._changes.next_price(held)
        except PaymentsUnavailableError:
            return None

    async def _trial(self, actor: Actor) -> int:
        may = self._trial_days and await self._attempts.may_try(Subject(actor.place), actor.person)
        return self._trial_days if may else 0

    async def _elsewhere(self, actor: Actor) -> Sequence[tuple[str, PlaceId, str]]:
        held = await self._purchases.held_by(actor.person, livemode=self._livemode)
        others = [it for it in held if it.account.subject != actor.place]
        return [(it.subscription.id, PlaceId(it.account.subject), self.plan_of(it.subscription)) for it in others]


def _counts(grant: Grant, now: int) -> bool:
    ends = [end for end in (grant.valid_until, grant.revoked_at) if end is not None]
    return grant.starts_at <= now < min(ends, default=now + 1)


def in_telegram(actor: Actor) -> bool:
    """Whether this is Telegram, by the place or by where they speak from: there only Stars buy."""
    return actor.surface is Surface.TELEGRAM or actor.place.startswith(f"{Surface.TELEGRAM}:")
