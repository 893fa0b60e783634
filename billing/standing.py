"""Which plan follows from how a subscription stands at Stripe: pure functions of what was fetched, and of the clock."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from billing.dunning import grace_end
from core.records.payments import Charge, Dispute, Paid, Subscription

SLACK = 86_400_000
"""ms that a plan outlives its period: renewals are paid an hour after it ends, and webhooks may be late."""
PAYING = frozenset({"trialing", "active"})
GRACE = "past_due"
NOT_PAYING = frozenset({"incomplete", "incomplete_expired", "unpaid", "paused"})
ENDED = "canceled"
NEVER_AGAIN = frozenset({ENDED, "incomplete_expired"})
"""Statuses that a subscription does not leave."""
FOR_NOTHING = frozenset({"void", "mark_uncollectible"})
"""Pauses in which nothing will be paid afterwards (`pause_collection.behavior`)."""
SETTLED = frozenset({"won", "warning_closed", "prevented"})
"""Disputes after which the money is ours."""
MONEY_BACK = frozenset({"refund", "dispute"})
"""Why we end a subscription whose plan comes back if the money does."""
TWICE = "double"
"""Why we end one that was bought too much."""

PlanOf = Callable[[str], str | None]
"""The plan that a price buys; None: no price of ours."""
Above = Callable[[str, str], bool]
"""Whether one plan is higher than another."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a subscription gives: `plan` until `until`; without a plan nothing from `until` on; with `kept` whatever it
    gave before, and no more. `alert`: what an operator should look at.
    """

    plan: str | None = None
    until: int = 0
    kept: bool = False
    alert: str = ""


def remembered(before: Subscription | None, it: Subscription, now: int, grace_days: int) -> Subscription:
    """What only several looks show: since when it is not paid, and from which end of a period it rests."""
    revoked_for = before.revoked_for if before else None
    pause_until = None
    if it.pause_behavior in FOR_NOTHING:
        known = before.pause_until if before else None
        pause_until = it.period_end if known is None else known
    failed_at, grace_until = (before.failed_at, before.grace_until) if before else (None, None)
    if it.status in PAYING:
        failed_at = grace_until = None
    elif it.status == GRACE and failed_at is None:
        failed_at, grace_until = now, grace_end(now, grace_days)
    return replace(it, revoked_for=revoked_for, pause_until=pause_until, failed_at=failed_at, grace_until=grace_until)


def access(it: Subscription, plan_of: PlanOf, above: Above, taken_back: str | None, now: int) -> Access:
    """The table of statuses. `taken_back`: `refund` or `dispute` when what was paid for it went back."""
    if taken_back:
        return Access(until=now)
    if it.status in NOT_PAYING:
        return Access(until=now)
    if it.status == ENDED and it.revoked_for not in MONEY_BACK:
        return Access(until=now if it.ended_at is None else min(it.ended_at, now))
    if it.status not in {*PAYING, GRACE, ENDED}:
        return Access(kept=True, alert="status")
    plan, alert = _plan(it.prices, plan_of, above)
    if plan is None:
        return Access(kept=True, alert=alert)
    return Access(plan, _end(it), alert=alert)


def _end(it: Subscription) -> int:
    """Until when a plan is had."""
    if it.status == GRACE:
        return it.grace_until or it.period_end
    if it.status == ENDED:  # we ended it because the money went back, and then it came again after all
        return it.period_end
    return it.period_end + SLACK if it.pause_until is None else min(it.pause_until, it.period_end + SLACK)


def plan_of_all(prices: Sequence[str], plan_of: PlanOf, above: Above) -> str | None:
    """The highest plan that some prices buy; None: none of ours."""
    return _plan(prices, plan_of, above)[0]


def _plan(prices: Sequence[str], plan_of: PlanOf, above: Above) -> tuple[str | None, str]:
    highest: str | None = None
    alert = "" if prices else "price"
    for price in prices:
        plan = plan_of(price)
        if plan is None:
            alert = "price"
        elif highest is None or above(plan, highest):
            highest = plan
    return highest, alert


def taken_back(it: Subscription, paid: Paid) -> str | None:
    """Why what was paid for the current period is not ours, if it is not: `dispute`, `refund`."""
    theirs = [charge for charge in paid.charges if charge.subscription == it.id]
    if any(is_lost(dispute) for dispute in paid.disputes if dispute.charge in {charge.id for charge in theirs}):
        return "dispute"
    return "refund" if _is_refunded(it, paid, theirs) else None


def is_lost(it: Dispute) -> bool:
    """The money is gone, for good or for now."""
    return it.status == "lost" or (it.withdrawn and it.status not in SETTLED)


def is_frozen(disputes: Collection[Dispute]) -> bool:
    """Whether their payer may buy nothing new."""
    return any(it.status not in SETTLED for it in disputes)


def _is_refunded(it: Subscription, paid: Paid, charges: Sequence[Charge]) -> bool:
    """All that was paid for the current period went back; a part of it takes nothing away."""
    current = [charge for charge in charges if (charge.period_end or 0) >= it.period_end]
    back = sum(charge.refunded for charge in current)
    invoiced = sum(
        bill.amount_paid for bill in paid.invoices if bill.subscription == it.id and bill.period_end >= it.period_end
    )
    return back > 0 and back >= max(invoiced, sum(charge.amount for charge in current))


def extra(paid: Paid, plan_of: PlanOf, above: Above) -> tuple[Subscription | None, Sequence[Subscription]]:
    """Of several subscriptions for one subject, the one that is kept, and those that were bought too much.

    The highest plan is kept, of equal ones the oldest. What its payer has canceled may be followed by another one, and
    for what is overdue no paid one is ended.
    """
    going = [
        it
        for it in (*paid.subscriptions, *paid.others)
        if it.status in PAYING and it.cancel_at is None and not it.revoked_for
        and plan_of_all(it.prices, plan_of, above)
    ]  # fmt: skip
    kept: Subscription | None = None
    for it in sorted(going, key=lambda one: (one.starts_at, one.id)):
        plan = plan_of_all(it.prices, plan_of, above)
        best = plan_of_all(kept.prices, plan_of, above) if kept else None
        if best is None or (plan and above(plan, best)):
            kept = it
    return kept, [it for it in going if it is not kept]
