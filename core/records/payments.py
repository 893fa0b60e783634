"""What Stripe told and how payments stand. Times in UTC ms, amounts in the currency's smallest unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.records.grants import Subject
from core.types import PersonId


class TargetKind(StrEnum):
    """What is looked at as a whole when something is heard of it."""

    CUSTOMER = "customer"
    CHARGE = "charge"
    """A payment that was refunded or disputed."""
    PAYMENT_INTENT = "payment_intent"
    """A tip."""
    CONNECT_ACCOUNT = "connect_account"
    """Somebody who gets tips."""


class InboxStatus(StrEnum):
    """What became of an event."""

    PENDING = "pending"
    DONE = "done"
    IGNORED = "ignored"
    """Of no concern to us; `reason` says why."""
    ORPHAN = "orphan"
    """Its customer is nobody's that we know."""
    DEAD = "dead"
    """Given up; it can be replayed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something at Stripe to look at, by its id."""

    kind: TargetKind
    key: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it came, of which only ids are used. `target` None: ignored, for `reason`."""

    event: str
    type: str
    livemode: bool
    created: int
    raw: str
    api_version: str | None = None
    account: str | None = None
    customer: str | None = None
    object: str | None = None
    target: Target | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A target that is ours to look at until the lease ends; `seq` is how dirty it was then.

    `objects` are the ids that its events spoke of, and those of which the end is not known; `attempts` counts this one.
    """

    target: Target
    token: str
    seq: int
    attempts: int
    objects: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who pays for a subject."""

    id: int
    subject: Subject
    person: PersonId
    livemode: bool
    customer: str | None = None
    frozen_at: int | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as fetched; from `failed_at` on what follows from several looks (see `billing.standing`)."""

    id: str
    customer: str
    status: str
    prices: tuple[str, ...]
    starts_at: int
    period_start: int
    period_end: int
    """The latest of its items'."""
    trial_end: int | None = None
    cancel_at: int | None = None
    ended_at: int | None = None
    pause_behavior: str | None = None
    pending_prices: tuple[str, ...] = ()
    schedule: str | None = None
    latest_invoice: str | None = None
    cancel_reason: str | None = None
    failed_at: int | None = None
    """When a payment was first found to have failed."""
    grace_until: int | None = None
    pause_until: int | None = None
    """Until when it is paid though it rests."""
    revoked_for: str | None = None
    """`refund` or `dispute`, once that took the plan away."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice of a subscription as fetched; `period_end` is the latest of its lines'."""

    id: str
    customer: str
    subscription: str | None
    status: str
    amount_paid: int
    amount_due: int
    currency: str
    attempts: int
    period_end: int
    created: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment that was refunded or disputed; `refunded` is all that went back so far."""

    id: str
    customer: str | None
    payment_intent: str | None
    invoice: str | None
    subscription: str | None
    amount: int
    refunded: int
    currency: str
    period_end: int | None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that goes back."""

    id: str
    charge: str
    amount: int
    currency: str
    status: str
    created: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that the payer's bank takes back, or looks into; `withdrawn`: the money is gone for now."""

    id: str
    charge: str
    amount: int
    currency: str
    status: str
    reason: str
    withdrawn: bool
    created: int


@dataclass(frozen=True, slots=True)
class Paid:
    """All that is known of the payments of one account, and who else pays for its subject."""

    account: Account
    subscriptions: Sequence[Subscription]
    invoices: Sequence[Invoice] = ()
    charges: Sequence[Charge] = ()
    refunds: Sequence[Refund] = ()
    disputes: Sequence[Dispute] = ()
    others: Sequence[Subscription] = ()
    """Those for the same subject that other payers have."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits. `oldest` is the age in ms of what waits longest, by the database's clock; `last_event` is when (UTC
    ms) the latest event came. None: nothing waits, nothing ever came.
    """

    oldest: int | None
    last_event: int | None
    dirty: int
    dead: int
    orphans: int
