"""What we change at Stripe because of what we saw there: jobs of the outbox, each done once however often it is tried.

`register` them with `billing.notices.Jobs` under CANCEL and DOUBLE.
"""

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import stripe
import structlog

from billing.standing import NEVER_AGAIN, PAYING
from core.ports.notices import UndeliverableError
from core.records.notices import Job, Letter
from core.records.payments import Subscription

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams

CANCEL = "stripe.cancel"
"""End `subscription` at once, for `reason`: its money went back."""
DOUBLE = "stripe.double"
"""End `subscription` at once and pay back what was paid for the time from `since` (UTC ms) on: its subject has another
one, `kept`, since then.
"""

log = structlog.get_logger()


def cancel(subscription: str, reason: str) -> Job:
    """The effect CANCEL."""
    return Job(f"{CANCEL}:{subscription}", CANCEL, {"subscription": subscription, "reason": reason})


def double(subscription: str, kept: Subscription, now: int) -> Job:
    """The effect DOUBLE, as found now; it may be found again later, when this one came to nothing."""
    data = {"subscription": subscription, "kept": kept.id, "since": kept.starts_at}
    return Job(f"{DOUBLE}:{subscription}:{now}", DOUBLE, data)


class Corrections:
    """The handlers. Raise stripe.StripeError: to be tried again."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def cancel(self, letter: Letter) -> None:
        """End a subscription at once; one that has ended is fine."""
        await self._end(await self._fetch(_subscription(letter)), letter.key)

    async def double(self, letter: Letter) -> None:
        """End a subscription at once and pay it back, unless the other one is about to end, or did, meanwhile."""
        it = await self._fetch(_subscription(letter))
        if it.status not in NEVER_AGAIN and not await self._goes_on(str(letter.data["kept"])):
            log.warning("subscription kept after all", subscription=it.id, because=letter.key)
            return
        await self._end(it, letter.key)
        bills = await self._client.v1.invoices.list_async({"subscription": it.id, "status": "paid", "limit": 100})
        async for bill in bills.auto_paging_iter():
            if bill.amount_paid > 0 and (share := _since(bill, int(letter.data["since"]))):
                await self._pay_back(bill.id, letter.key, share)

    async def _goes_on(self, subscription: str) -> bool:
        it = await self._fetch(subscription)
        return it.status in PAYING and it.cancel_at is None and not it.cancel_at_period_end

    async def _fetch(self, subscription: str) -> stripe.Subscription:
        """Also one that has ended; that it is not there says only that this is another account's key."""
        return await self._client.v1.subscriptions.retrieve_async(subscription)

    async def _end(self, it: stripe.Subscription, key: str) -> None:
        if it.status in NEVER_AGAIN:
            return
        try:
            await self._client.v1.subscriptions.cancel_async(
                it.id, {"invoice_now": False, "prorate": False}, {"idempotency_key": key}
            )
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":  # it ended at this moment
                raise
        log.warning("subscription ended", subscription=it.id, because=key)

    async def _pay_back(self, bill: str, key: str, share: Fraction) -> None:
        """That share of every payment of an invoice; of a whole one what was not paid back before."""
        payments = await self._client.v1.invoice_payments.list_async({"invoice": bill, "status": "paid", "limit": 100})
        async for paid in payments.auto_paging_iter():
            intent = paid.payment.payment_intent
            if intent is None:
                raise UndeliverableError(f"{bill} was not paid by a payment intent")
            params: RefundCreateParams = {
                "payment_intent": intent if isinstance(intent, str) else intent.id,
                "reason": "duplicate",
            }
            if share < 1:
                params["amount"] = ceil((paid.amount_paid or 0) * share)
            try:
                await self._client.v1.refunds.create_async(params, {"idempotency_key": f"{key}:{paid.id}"})
            except stripe.InvalidRequestError as error:
                if error.code != "charge_already_refunded":
                    raise


def _since(bill: stripe.Invoice, since: int) -> Fraction:
    """Which share of the time that an invoice paid for is after a moment (UTC ms)."""
    begun = min((line.period.start for line in bill.lines.data), default=bill.period_start)
    ends = max((line.period.end for line in bill.lines.data), default=bill.period_end)
    if ends <= begun:
        return Fraction(ends * 1000 > since)
    return Fraction(max(0, ends - max(begun, since // 1000)), ends - begun)


def _subscription(letter: Letter) -> str:
    found = letter.data.get("subscription")
    if not isinstance(found, str):
        raise UndeliverableError("it names no subscription")
    return found
