"""What became of a payment that was refunded or disputed, and for what it was made."""

import stripe
import structlog

from billing import fetched
from billing.events import TIP
from billing.metrics import ALERTS
from core.ports.payments import Ledger, Settle
from core.records.payments import Claim, Invoice, Target, TargetKind

log = structlog.get_logger()


class Charges:
    """Looks at charges. What follows for a plan is worked out with all else that is known of the customer."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def look(self, claim: Claim) -> Settle:
        """Fetch, outside any transaction; what comes back writes it. Raises stripe.StripeError."""
        try:
            it = await self._client.v1.charges.retrieve_async(claim.target.key)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            return _nothing
        intent = fetched.id_of(it.payment_intent)
        spent = fetched.charge(it, await self._bill(intent) if intent else None)
        back = await self._client.v1.refunds.list_async({"charge": it.id, "limit": 100})
        disputes = await self._client.v1.disputes.list_async({"charge": it.id, "limit": 100})
        refunds = [fetched.refund(one, it.id) async for one in back.auto_paging_iter()]
        rows = [*refunds, *[fetched.dispute(one, it.id) async for one in disputes.auto_paging_iter()]]
        for failed in (one for one in refunds if one.status == "failed"):
            ALERTS.labels("refund_failed").inc()
            log.error("refund failed", refund=failed.id, charge=it.id, amount=failed.amount, currency=failed.currency)

        async def settle(ledger: Ledger) -> bool:
            await ledger.put(spent, *rows)
            if intent is not None and it.metadata and "kind" in it.metadata and it.metadata["kind"] == TIP:
                await ledger.mark(Target(TargetKind.PAYMENT_INTENT, intent))
            if spent.customer is None:
                return spent.invoice is None
            await ledger.mark(Target(TargetKind.CUSTOMER, spent.customer))
            return await ledger.account(spent.customer) is not None

        return settle

    async def _bill(self, intent: str) -> Invoice | None:
        """The invoice that a payment intent paid; None: it was for no invoice."""
        paid = await self._client.v1.invoice_payments.list_async(
            {"payment": {"type": "payment_intent", "payment_intent": intent}, "limit": 1}
        )
        bill = fetched.id_of(paid.data[0].invoice) if paid.data else None
        return fetched.invoice(await self._client.v1.invoices.retrieve_async(bill)) if bill else None


async def _nothing(_: Ledger) -> bool:
    return True
