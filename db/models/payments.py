"""Who pays, what payment services told, and how it stands there by the latest look.

Amounts are in the currency's smallest unit. Ids that begin with `cus_`, `sub_` … are Stripe's.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Named,
    Table,
    Text,
    TypedColumns,
    text,
)

from db.models.base import Serial, metadata


class AccountColumns(TypedColumns):
    """Somebody who pays for a subject, and their customer at Stripe, which alone says whom a payment is for.

    `frozen_at`: a payment of theirs is disputed, so they buy nothing new. People who were forgotten may be several.
    """

    id: Named[int] = Column(Serial, primary_key=True)
    subject: Named[str] = Column(Text)
    person: Named[str] = Column(Text, index=True)
    livemode: Named[bool] = Column(Boolean)
    customer: Named[str | None] = Column(Text, unique=True)
    created_at: Named[int] = Column(BigInteger)
    frozen_at: Named[int | None] = Column(BigInteger)


class InboxColumns(TypedColumns):
    """An event that Stripe sent, as it came. `seq` is how dirty it made its target; `status`: pending, done, ignored
    (of no concern to us), orphan (its customer is nobody's), dead (given up).
    """

    event: Named[str] = Column(Text, primary_key=True)
    type: Named[str] = Column(Text)
    api_version: Named[str | None] = Column(Text)
    livemode: Named[bool] = Column(Boolean)
    account: Named[str | None] = Column(Text)
    customer: Named[str | None] = Column(Text)
    object: Named[str | None] = Column(Text)
    created: Named[int] = Column(BigInteger)
    raw: Named[str] = Column(Text)
    received_at: Named[int] = Column(BigInteger)
    status: Named[str] = Column(Text)
    kind: Named[str | None] = Column(Text)
    key: Named[str | None] = Column(Text)
    seq: Named[int | None] = Column(BigInteger)
    reason: Named[str] = Column(Text, server_default="")


class SyncTargetColumns(TypedColumns):
    """Something whose state has to be looked at as long as `dirty_seq` is above `synced_seq`.

    `lease_until` and `next_attempt_at` are by the database's clock (UTC ms); `dead_at`: given up until replayed.
    """

    kind: Named[str] = Column(Text, primary_key=True)
    key: Named[str] = Column(Text, primary_key=True)
    dirty_seq: Named[int] = Column(BigInteger)
    synced_seq: Named[int] = Column(BigInteger)
    dirty_at: Named[int] = Column(BigInteger)
    synced_at: Named[int | None] = Column(BigInteger)
    lease_until: Named[int | None] = Column(BigInteger)
    lease_token: Named[str | None] = Column(Text)
    attempts: Named[int] = Column(Integer)
    next_attempt_at: Named[int] = Column(BigInteger)
    last_error: Named[str] = Column(Text, server_default="")
    dead_at: Named[int | None] = Column(BigInteger)


class SubscriptionColumns(TypedColumns):
    """A subscription as fetched. `prices` of its items; `period_end` is the latest of theirs; `grace_until` is fixed by
    the first failed payment, `pause_until` by the first look at a pause that voids what would be paid.

    `revoked_for`: `refund` or `dispute`, once that took the plan away; it stays, because the subscription is canceled.
    """

    id: Named[str] = Column(Text, primary_key=True)
    customer: Named[str] = Column(Text, index=True)
    status: Named[str] = Column(Text)
    prices: Named[Any] = Column(JSON)
    starts_at: Named[int] = Column(BigInteger)
    period_start: Named[int] = Column(BigInteger)
    period_end: Named[int] = Column(BigInteger)
    trial_end: Named[int | None] = Column(BigInteger)
    cancel_at: Named[int | None] = Column(BigInteger)
    ended_at: Named[int | None] = Column(BigInteger)
    pause_behavior: Named[str | None] = Column(Text)
    pause_until: Named[int | None] = Column(BigInteger)
    pending_prices: Named[Any] = Column(JSON)
    schedule: Named[str | None] = Column(Text)
    latest_invoice: Named[str | None] = Column(Text)
    cancel_reason: Named[str | None] = Column(Text)
    failed_at: Named[int | None] = Column(BigInteger)
    grace_until: Named[int | None] = Column(BigInteger, index=True)
    revoked_for: Named[str | None] = Column(Text)
    synced_at: Named[int] = Column(BigInteger)


class InvoiceColumns(TypedColumns):
    """An invoice of a subscription as fetched; `period_end` is the latest of its lines'."""

    id: Named[str] = Column(Text, primary_key=True)
    customer: Named[str] = Column(Text, index=True)
    subscription: Named[str | None] = Column(Text, index=True)
    status: Named[str] = Column(Text)
    amount_paid: Named[int] = Column(BigInteger)
    amount_due: Named[int] = Column(BigInteger)
    currency: Named[str] = Column(Text)
    attempts: Named[int] = Column(Integer)
    period_end: Named[int] = Column(BigInteger)
    created: Named[int] = Column(BigInteger)


class ChargeColumns(TypedColumns):
    """A payment that was refunded or disputed, and the subscription and period that it was for, if any."""

    id: Named[str] = Column(Text, primary_key=True)
    customer: Named[str | None] = Column(Text, index=True)
    payment_intent: Named[str | None] = Column(Text, index=True)
    invoice: Named[str | None] = Column(Text)
    subscription: Named[str | None] = Column(Text, index=True)
    amount: Named[int] = Column(BigInteger)
    refunded: Named[int] = Column(BigInteger)
    currency: Named[str] = Column(Text)
    period_end: Named[int | None] = Column(BigInteger)


class RefundColumns(TypedColumns):
    """Money that goes back."""

    id: Named[str] = Column(Text, primary_key=True)
    charge: Named[str] = Column(Text, index=True)
    amount: Named[int] = Column(BigInteger)
    currency: Named[str] = Column(Text)
    status: Named[str] = Column(Text)
    created: Named[int] = Column(BigInteger)


class DisputeColumns(TypedColumns):
    """A payment that the payer's bank takes back, or looks into; `withdrawn`: the money is gone for now."""

    id: Named[str] = Column(Text, primary_key=True)
    charge: Named[str] = Column(Text, index=True)
    amount: Named[int] = Column(BigInteger)
    currency: Named[str] = Column(Text)
    status: Named[str] = Column(Text)
    reason: Named[str] = Column(Text)
    withdrawn: Named[bool] = Column(Boolean)
    created: Named[int] = Column(BigInteger)


class AttemptColumns(TypedColumns):
    """Somebody about to pay. `state`: open (at most one for a subject), done, expired, failed; `ref` is the source's
    name for it (a Checkout session). The link itself is a secret and is kept nowhere.
    """

    id: Named[str] = Column(Text, primary_key=True)
    source: Named[str] = Column(Text)
    subject: Named[str] = Column(Text, index=True)
    person: Named[str] = Column(Text)
    account: Named[int | None] = Column(BigInteger)
    plan: Named[str] = Column(Text)
    price: Named[str | None] = Column(Text)
    trial_days: Named[int] = Column(Integer)
    ref: Named[str | None] = Column(Text, unique=True)
    state: Named[str] = Column(Text)
    created_at: Named[int] = Column(BigInteger)
    expires_at: Named[int] = Column(BigInteger)


class TrialColumns(TypedColumns):
    """Who had a trial: a place, and the person who would have paid; once each, whatever becomes of the place."""

    subject: Named[str] = Column(Text, primary_key=True)
    at: Named[int] = Column(BigInteger)
    ref: Named[str] = Column(Text)


accounts = Table(
    "accounts",
    metadata,
    AccountColumns,
    Index(
        "uq_accounts_subject_person_livemode",
        "subject",
        "person",
        "livemode",
        unique=True,
        postgresql_where=text("person <> 'anonymous'"),
        sqlite_where=text("person <> 'anonymous'"),
    ),
)
inbox = Table(
    "inbox",
    metadata,
    InboxColumns,
    Index("ix_inbox_kind_key_seq", "kind", "key", "seq"),
    Index("ix_inbox_status_received_at", "status", "received_at"),
)
sync_targets = Table("sync_targets", metadata, SyncTargetColumns)
Index(
    "ix_sync_targets_dirty",
    sync_targets.c.next_attempt_at,
    postgresql_where=text("dirty_seq > synced_seq AND dead_at IS NULL"),
    sqlite_where=text("dirty_seq > synced_seq AND dead_at IS NULL"),
)
subscriptions = Table("subscriptions", metadata, SubscriptionColumns)
invoices = Table("invoices", metadata, InvoiceColumns)
charges = Table("charges", metadata, ChargeColumns)
refunds = Table("refunds", metadata, RefundColumns)
disputes = Table("disputes", metadata, DisputeColumns)
attempts = Table(
    "attempts",
    metadata,
    AttemptColumns,
    Index(
        "uq_attempts_open",
        "subject",
        unique=True,
        postgresql_where=text("state = 'open' AND subject <> 'anonymous'"),
        sqlite_where=text("state = 'open' AND subject <> 'anonymous'"),
    ),
)
trials = Table("trials", metadata, TrialColumns)
