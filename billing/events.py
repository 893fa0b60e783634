"""What an event is about. Of its payload only ids are used: which of two states came later, it does not say."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from core.records.payments import Delivery, Target, TargetKind

CUSTOMERS = frozenset({
    "checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded", "checkout.session.completed",
    "checkout.session.expired", "customer.deleted", "customer.discount.created", "customer.discount.deleted",
    "customer.discount.updated", "customer.subscription.created", "customer.subscription.deleted",
    "customer.subscription.paused", "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired", "customer.subscription.resumed",
    "customer.subscription.trial_will_end", "customer.subscription.updated", "customer.updated",
    "invoice.finalization_failed", "invoice.marked_uncollectible", "invoice.overpaid", "invoice.paid",
    "invoice.payment_action_required", "invoice.payment_failed", "invoice.voided",
    "payment_method.automatically_updated", "payment_method.detached", "subscription_schedule.aborted",
    "subscription_schedule.canceled", "subscription_schedule.completed", "subscription_schedule.created",
    "subscription_schedule.expiring", "subscription_schedule.released", "subscription_schedule.updated",
})  # fmt: skip
"""How it stands with a customer has to be looked at."""
CHARGES = frozenset({
    "charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.refunded", "radar.early_fraud_warning.created",
    "refund.created", "refund.failed", "refund.updated",
})  # fmt: skip
PAYMENTS = frozenset({
    "payment_intent.canceled", "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.succeeded",
})  # fmt: skip
"""Of tips: those of subscriptions are told by their invoices."""
TIP = "tip"
"""What tips carry as `metadata.kind`, on payment intent and Checkout session alike."""
ACCOUNTS = frozenset({
    "account.application.deauthorized", "account.external_account.created", "account.external_account.deleted",
    "account.external_account.updated", "account.updated", "payout.failed",
})  # fmt: skip
"""Of connected accounts, which have an endpoint of their own."""
OURS = CUSTOMERS | CHARGES | PAYMENTS
"""What the endpoint of the platform's own account has to send."""

_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")


class NoEventError(Exception):
    """The body is no event of Stripe's v1 API."""


def read_event(body: bytes, *, livemode: bool, connected: bool) -> Delivery:
    """The event in a body that is known to be Stripe's. Raises NoEventError.

    `connected`: it came to the endpoint of connected accounts. What is of no concern has a reason and no target.
    """
    try:
        event: Any = json.loads(body)
        raw = body.decode()
    except (ValueError, RecursionError):
        raise NoEventError("json") from None
    if not isinstance(event, dict):
        raise NoEventError("kind")
    try:
        return _delivery(cast("dict[str, Any]", event), raw, livemode=livemode, connected=connected)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise NoEventError("fields") from None


def _delivery(event: Mapping[str, Any], raw: str, *, livemode: bool, connected: bool) -> Delivery:
    if event["object"] != "event":
        raise NoEventError("kind")
    key, kind, spoken_of = _id(event["id"]), event["type"], event["data"]["object"]
    created = int(event["created"])
    if key is None or not _is_name(kind) or not isinstance(spoken_of, dict) or not 0 <= created < 2**40:
        raise NoEventError("fields")
    thing, account = cast("dict[str, Any]", spoken_of), _id(event.get("account"))
    customer = _id(thing.get("id")) if thing.get("object") == "customer" else _id(thing.get("customer"))
    reason = _foreign(event, account, livemode=livemode, connected=connected)
    target = None if reason else _target(kind, thing, customer, account)
    return Delivery(
        event=key,
        type=kind,
        livemode=event.get("livemode") is True,
        created=created * 1000,
        raw=raw,
        api_version=event["api_version"] if _is_name(event.get("api_version")) else None,
        account=account,
        customer=customer,
        object=_id(thing.get("id")),
        target=target,
        reason=reason or ("" if target else "type"),
    )


def _foreign(event: Mapping[str, Any], account: str | None, *, livemode: bool, connected: bool) -> str:
    """Why an event is not meant for this endpoint, if it is not."""
    if event.get("livemode") is not livemode:
        return "livemode"
    return "account" if (account is not None) != connected else ""


def _target(kind: str, thing: Mapping[str, Any], customer: str | None, account: str | None) -> Target | None:
    if account is not None:
        return Target(TargetKind.CONNECT_ACCOUNT, account) if kind in ACCOUNTS else None
    if kind in CUSTOMERS:
        return _of(TargetKind.CUSTOMER, customer) or _tip(thing, "payment_intent")
    if kind in CHARGES:
        charge = thing.get("id") if thing.get("object") == "charge" else thing.get("charge")
        return _of(TargetKind.CHARGE, _id(charge))
    return _tip(thing, "id") if kind in PAYMENTS else None


def _tip(thing: Mapping[str, Any], field: str) -> Target | None:
    """A payment that says it is a tip (whether it is one, our own row of it says)."""
    metadata: Any = thing.get("metadata")
    told = cast("dict[str, Any]", metadata).get("kind") if isinstance(metadata, dict) else None
    return _of(TargetKind.PAYMENT_INTENT, _id(thing.get(field))) if told == TIP else None


def _of(kind: TargetKind, key: str | None) -> Target | None:
    return Target(kind, key) if key else None


def _id(value: object) -> str | None:
    """An id of Stripe's; objects may stand in full where their id is expected."""
    if isinstance(value, dict):
        value = cast("dict[str, object]", value).get("id")
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
