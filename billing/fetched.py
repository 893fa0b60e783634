"""Stripe's objects as our rows. Every field path is the one of the pinned API version."""

from collections.abc import Sequence

import stripe

from core.records.payments import Charge, Dispute, Invoice, Refund, Subscription


def subscription(it: stripe.Subscription) -> Subscription:
    """Periods are those of the items, which may differ."""
    items = it["items"].data  # as an attribute it would be a method of dicts in older versions
    pending = it.pending_update.subscription_items if it.pending_update else None
    return Subscription(
        id=it.id,
        customer=id_of(it.customer) or "",
        status=it.status,
        prices=tuple(item.price.id for item in items),
        starts_at=it.start_date * 1000,
        period_start=min((item.current_period_start for item in items), default=it.start_date) * 1000,
        period_end=max((item.current_period_end for item in items), default=it.start_date) * 1000,
        trial_end=_ms(it.trial_end),
        cancel_at=_cancel_at(it, items),
        ended_at=_ms(it.ended_at),
        pause_behavior=it.pause_collection.behavior if it.pause_collection else None,
        pending_prices=tuple(item.price.id for item in pending or ()),
        schedule=id_of(it.schedule),
        latest_invoice=id_of(it.latest_invoice),
        cancel_reason=it.cancellation_details.reason if it.cancellation_details else None,
    )


def invoice(it: stripe.Invoice) -> Invoice:
    """What it is for is in its parent, until when in its lines."""
    details = it.parent.subscription_details if it.parent else None
    return Invoice(
        id=it.id,
        customer=id_of(it.customer) or "",
        subscription=id_of(details.subscription) if details else None,
        status=it.status or "draft",
        amount_paid=it.amount_paid,
        amount_due=it.amount_due,
        currency=it.currency,
        attempts=it.attempt_count,
        period_end=max((line.period.end for line in it.lines.data), default=it.period_end) * 1000,
        created=it.created * 1000,
    )


def charge(it: stripe.Charge, bill: Invoice | None) -> Charge:
    """A payment, and the invoice that it paid."""
    return Charge(
        id=it.id,
        customer=id_of(it.customer),
        payment_intent=id_of(it.payment_intent),
        invoice=bill.id if bill else None,
        subscription=bill.subscription if bill else None,
        amount=it.amount,
        refunded=it.amount_refunded,
        currency=it.currency,
        period_end=bill.period_end if bill else None,
    )


def refund(it: stripe.Refund, of: str) -> Refund:
    """Money that goes back."""
    return Refund(it.id, of, it.amount, it.currency, it.status or "pending", it.created * 1000)


def dispute(it: stripe.Dispute, of: str) -> Dispute:
    """The money is withdrawn while its movements do not come to nothing."""
    withdrawn = sum(move.amount for move in it.balance_transactions) < 0
    return Dispute(it.id, of, it.amount, it.currency, it.status, it.reason, withdrawn, it.created * 1000)


def account_in(metadata: stripe.StripeObject | None) -> str | None:
    """The account that metadata name."""
    return str(metadata["account"]) if metadata and "account" in metadata else None


def id_of(thing: object) -> str | None:
    """An id that may stand there as the object itself."""
    found = thing if isinstance(thing, str) else getattr(thing, "id", None)
    return found if isinstance(found, str) else None


def _cancel_at(it: stripe.Subscription, items: Sequence[stripe.SubscriptionItem]) -> int | None:
    if it.cancel_at is None and it.cancel_at_period_end:
        return max((item.current_period_end for item in items), default=it.start_date) * 1000
    return _ms(it.cancel_at)


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
