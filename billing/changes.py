"""What the payer of a subscription may do with it. Its state is fetched before anything is asked for."""

import contextlib

import stripe
from stripe.params import SubscriptionScheduleUpdateParams, SubscriptionScheduleUpdateParamsPhase

from billing.asking import asking
from billing.plans import Plans
from core.ports.clock import Clock
from core.purchases import (
    EndsAlreadyError,
    NotForSaleError,
    NothingToTakeBackError,
    OldQuoteError,
    PayFirstError,
)
from core.records.payments import Subscription
from core.records.shop import Move, Offer, Outcome, Quote

SETTLED = ("active", "trialing")
TROUBLED = ("past_due", "unpaid", "incomplete")
QUOTED = 1800
"""Seconds that a quote holds."""
SKEW = 60
"""Seconds that the clock of the process that quoted may be ahead."""


class Changes:
    """Everything raises PaymentsUnavailableError, what is paid PaymentRefusedError."""

    def __init__(self, client: stripe.StripeClient, plans: Plans, clock: Clock) -> None:
        self._client = client
        self._plans = plans
        self._clock = clock

    async def quote(self, held: Subscription, offer: Offer) -> Quote:
        """What a change to an offer would cost now (see the port `Shop`)."""
        now = await self._changeable(held, offer)
        at = self._present(now)
        if self._move(now, offer) is Move.DOWN:
            return Quote(offer, Move.DOWN, 0, at, period_end(now))
        with asking("preview"):
            preview = await self._client.v1.invoices.create_preview_async(
                {
                    "subscription": now.id,
                    "subscription_details": {
                        "items": [{"id": _item(now).id, "price": offer.price}],
                        "proration_behavior": "always_invoice",
                        "proration_date": at,
                    },
                }
            )
        return Quote(offer, Move.UP, preview.amount_due, at, at * 1000)

    async def change(self, held: Subscription, offer: Offer, at: int | None) -> Outcome:
        """To a higher plan at once, to a lower one later (see the port `Shop`)."""
        now = await self._changeable(held, offer)
        if self._move(now, offer) is Move.DOWN:
            return await self._later(now, offer)
        return await self._at_once(now, offer, self._quoted(now, at))

    def _quoted(self, now: stripe.Subscription, at: int | None) -> int:
        """As of when the difference is worked out. A moment of one's own choice, near the end of the period, would
        make it nothing. Raises OldQuoteError.
        """
        present = self._present(now)
        if at is None:
            return present
        if not max(present - QUOTED, _item(now).current_period_start) <= at <= present + SKEW:
            raise OldQuoteError
        return at

    async def _at_once(self, now: stripe.Subscription, offer: Offer, at: int) -> Outcome:
        """It takes effect only when the difference is paid; until then Stripe keeps it as a pending update."""
        with asking("upgrade"):
            done = await self._client.v1.subscriptions.update_async(
                now.id,
                {
                    "items": [{"id": _item(now).id, "price": offer.price}],
                    "proration_behavior": "always_invoice",
                    "proration_date": at,
                    "payment_behavior": "pending_if_incomplete",
                    "expand": ["latest_invoice"],
                },
                {"idempotency_key": f"change:{now.id}:{offer.price}:{at}"},
            )
        waits = done.pending_update is not None
        return Outcome(offer.plan, at * 1000, done=not waits, pay_at=_pay_at(done) if waits else None)

    def _present(self, now: stripe.Subscription) -> int:
        """Never before the period began, which it did by Stripe's clock."""
        return max(self._clock.now() // 1000, _item(now).current_period_start)

    async def _later(self, now: stripe.Subscription, offer: Offer) -> Outcome:
        """A schedule: what is paid goes on to its end, then comes the other price, then the schedule lets go."""
        schedules = self._client.v1.subscription_schedules
        with asking("downgrade"):
            schedule = await schedules.create_async({"from_subscription": now.id})
            first = schedule.phases[0]
            params: SubscriptionScheduleUpdateParams = {
                "end_behavior": "release",
                "proration_behavior": "none",
                "phases": _phases(now, offer, first),
            }
            try:
                await schedules.update_async(schedule.id, params)
            except stripe.StripeError:
                with contextlib.suppress(stripe.StripeError):  # one that changes nothing would forbid every change
                    await schedules.release_async(schedule.id)
                raise
        return Outcome(offer.plan, first.end_date * 1000)

    async def cancel(self, held: Subscription) -> Outcome:
        """It ends when what is paid ends; a change that waits is dropped."""
        now = await self._fetch(held)
        if now.status in {"canceled", "incomplete_expired"}:
            raise EndsAlreadyError
        with asking("cancellation"):
            if now.schedule is not None:
                await self._client.v1.subscription_schedules.release_async(_id(now.schedule))
            if now.status in SETTLED:
                await self._client.v1.subscriptions.update_async(now.id, {"cancel_at_period_end": True})
                return Outcome(self._plan(now), period_end(now))
            await self._client.v1.subscriptions.cancel_async(now.id)  # nothing is paid that could go on
        return Outcome(self._plan(now), self._clock.now())

    async def undo(self, held: Subscription) -> Outcome:
        """A cancellation or a change for later is taken back."""
        now = await self._fetch(held)
        waits = await self._waits(now)
        with asking("undo"):
            if waits and now.schedule is not None:
                await self._client.v1.subscription_schedules.release_async(_id(now.schedule))
            elif now.status in SETTLED and now.cancel_at_period_end:
                await self._client.v1.subscriptions.update_async(now.id, {"cancel_at_period_end": False})
            elif now.status in SETTLED and now.cancel_at is not None:  # so Stripe's own page ends flexible ones
                await self._client.v1.subscriptions.update_async(now.id, {"cancel_at": ""})
            else:
                raise NothingToTakeBackError
        return Outcome(self._plan(now), self._clock.now())

    async def pause(self, held: Subscription) -> Outcome:
        """It rests from now on (see the port `Shop`)."""
        now = await self._changeable(held)
        with asking("pause"):
            await self._client.v1.subscriptions.pause_async(now.id, {"type": "subscription"})
        return Outcome(self._plan(now), self._clock.now())

    async def resume(self, held: Subscription) -> Outcome:
        """The end of a pause: a new period begins, once it is paid."""
        now = await self._fetch(held)
        begins = self._clock.now()
        with asking("resumption"):
            if now.status == "paused":
                now = await self._client.v1.subscriptions.resume_async(
                    now.id,
                    {
                        "billing_cycle_anchor": {"type": "now"},
                        "payment_behavior": "resume_on_payment_success",
                        "expand": ["latest_invoice"],
                    },
                )
            elif now.pause_collection is not None:
                now = await self._client.v1.subscriptions.update_async(now.id, {"pause_collection": ""})
            else:
                raise NothingToTakeBackError
        waits = now.status == "paused"
        return Outcome(self._plan(now), begins, done=not waits, pay_at=_pay_at(now) if waits else None)

    async def next_price(self, held: Subscription) -> str | None:
        """The price that follows by the schedule, if one does."""
        if held.schedule is None:
            return None
        with asking("schedule"):
            schedule = await self._client.v1.subscription_schedules.retrieve_async(held.schedule)
        later = [phase for phase in schedule.phases if phase.start_date * 1000 >= held.period_end]
        return _id(later[0].items[0].price) if later else None

    async def _changeable(self, held: Subscription, offer: Offer | None = None) -> stripe.Subscription:
        """Its state, if it can be changed. Raises PayFirstError, EndsAlreadyError, NotForSaleError."""
        now = await self._fetch(held)
        if now.status in TROUBLED or now.pending_update is not None:
            raise PayFirstError
        ending = now.cancel_at_period_end or now.cancel_at is not None
        if now.status not in SETTLED or ending or now.pause_collection is not None or await self._waits(now):
            raise EndsAlreadyError
        if offer is not None and (now.currency != offer.currency or len(now["items"].data) != 1):
            raise NotForSaleError  # a subscription keeps its currency; one of several things was made by hand
        return now

    async def _waits(self, now: stripe.Subscription) -> bool:
        """Whether a schedule is still to change it. One that did holds on for as long as its last phase, or was left by
        us half made: it is let go.
        """
        if now.schedule is None:
            return False
        schedules = self._client.v1.subscription_schedules
        with asking("schedule"):
            schedule = await schedules.retrieve_async(_id(now.schedule))
            later = [phase for phase in schedule.phases if phase.start_date * 1000 > self._clock.now()]
            if later or schedule.end_behavior != "release":
                return True
            if schedule.status == "active":
                await schedules.release_async(schedule.id)
        return False

    async def _fetch(self, held: Subscription) -> stripe.Subscription:
        with asking("subscription"):
            return await self._client.v1.subscriptions.retrieve_async(held.id)

    def _move(self, now: stripe.Subscription, offer: Offer) -> Move:
        """While nothing is paid yet any change is made at once."""
        higher = self._plans.above(offer.plan, self._plan(now))
        return Move.UP if higher or now.status == "trialing" else Move.DOWN

    def _plan(self, now: stripe.Subscription) -> str:
        return self._plans.priced(_item(now).price.id) or ""


def period_end(now: stripe.Subscription) -> int:
    """Until when it is paid, in ms: the latest of its items'."""
    return max(item.current_period_end for item in now["items"].data) * 1000


def _item(now: stripe.Subscription) -> stripe.SubscriptionItem:
    """Ours have one each; an update without its id would add a second."""
    items: list[stripe.SubscriptionItem] = now["items"].data
    if not items:
        raise EndsAlreadyError
    return items[0]


def _phases(
    now: stripe.Subscription, offer: Offer, first: stripe.SubscriptionSchedule.Phase
) -> list[SubscriptionScheduleUpdateParamsPhase]:
    """What is paid, as it is; then the offer. Phases have no discounts but those that they name."""
    paid: SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": _item(now).price.id, "quantity": 1}],
        "start_date": first.start_date,
        "end_date": first.end_date,
    }
    later: SubscriptionScheduleUpdateParamsPhase = {
        "items": [{"price": offer.price, "quantity": 1}],
        "duration": {"interval": offer.interval, "interval_count": offer.count},
        "proration_behavior": "none",
    }
    if now.discounts:
        paid["discounts"] = later["discounts"] = [{"discount": _id(it)} for it in now.discounts]
    return [paid, later]


def _pay_at(now: stripe.Subscription) -> str | None:
    """The address of the invoice that waits."""
    invoice = now.latest_invoice
    return invoice.hosted_invoice_url if isinstance(invoice, stripe.Invoice) else None


def _id(thing: str | stripe.StripeObject) -> str:
    return thing if isinstance(thing, str) else str(thing["id"])
