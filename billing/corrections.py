"""What we change at Stripe because of what we saw there: jobs of the outbox, each done once however often it is tried.

`register` them with `billing.notices.Jobs` under CANCEL and DOUBLE.
"""

import stripe
import structlog

from core.ports.notices import UndeliverableError
from core.records.notices import Job, Letter

CANCEL = "stripe.cancel"
"""End `subscription` at once, for `reason`: its money went back."""
DOUBLE = "stripe.double"
"""End `subscription` at once and pay it back: its subject has another one, `kept`."""

log = structlog.get_logger()


def job(name: str, subscription: str, **data: str) -> Job:
    """The effect of one of them."""
    return Job(f"{name}:{subscription}", name, {"subscription": subscription, **data})


class Corrections:
    """The handlers. Raise stripe.StripeError: to be tried again."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def cancel(self, letter: Letter) -> None:
        """End a subscription at once; one that has ended is fine."""
        await self._end(_subscription(letter), letter.key)

    async def double(self, letter: Letter) -> None:
        """End a subscription at once and pay all of it back."""
        key = _subscription(letter)
        await self._end(key, letter.key)
        bills = await self._client.v1.invoices.list_async({"subscription": key, "status": "paid", "limit": 100})
        async for bill in bills.auto_paging_iter():
            if bill.amount_paid > 0:
                await self._pay_back(bill.id, letter.key)

    async def _end(self, subscription: str, key: str) -> None:
        try:
            it = await self._client.v1.subscriptions.retrieve_async(subscription)
            if it.status not in {"canceled", "incomplete_expired"}:
                await self._client.v1.subscriptions.cancel_async(
                    subscription, {"invoice_now": False, "prorate": False}, {"idempotency_key": key}
                )
                log.warning("subscription ended", subscription=subscription, because=key)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise

    async def _pay_back(self, bill: str, key: str) -> None:
        """Every payment of an invoice, as far as it was not paid back before."""
        payments = await self._client.v1.invoice_payments.list_async({"invoice": bill, "status": "paid", "limit": 100})
        async for paid in payments.auto_paging_iter():
            intent = paid.payment.payment_intent
            if intent is None:
                raise UndeliverableError(f"{bill} was not paid by a payment intent")
            try:
                await self._client.v1.refunds.create_async(
                    {"payment_intent": intent if isinstance(intent, str) else intent.id, "reason": "duplicate"},
                    {"idempotency_key": f"{key}:{paid.id}"},
                )
            except stripe.InvalidRequestError as error:
                if error.code != "charge_already_refunded":
                    raise


def _subscription(letter: Letter) -> str:
    found = letter.data.get("subscription")
    if not isinstance(found, str):
        raise UndeliverableError("it names no subscription")
    return found
