"""What a payer is told: pure functions of how a subscription stood and stands, and of what became of their money.

Whoever writes down the new state puts these effects into the outbox in the same transaction. Keys name the effect, not
the event: whatever is heard twice, late or in disorder is told once.
"""

from collections.abc import Iterator, Sequence

from core.records.notices import Data, Effect, Notice, NoticeKind, Withdrawal
from core.records.payments import Account, Charge, Dispute, Invoice, Refund, Subscription
from core.types import PlaceId

DAY = 86_400_000
REMINDERS = (0, 3, 6)
"""Days after the first failed payment on which the payer is told."""
AHEAD = 3 * DAY
"""How long before its end a trial's end is told."""
NEWS = 30 * DAY
"""What happened longer ago is told no more: a state that is read for the first time is not always new. An invoice may
be paid weeks after it was made.
"""
LIVE = frozenset({"trialing", "active", "past_due"})
SILENT = frozenset({"incomplete", "incomplete_expired"})
"""Never paid for: whoever did not finish buying is told nothing."""
_BY_ADMINS = {NoticeKind.PAYMENT_FAILED, NoticeKind.ENDED, NoticeKind.PAUSED}
"""What the admins of a place may know of its plan, beside who pays."""
_OVER = {"refund": "refunded", "dispute": "disputed"}


def grace_end(failed_at: int, days: int) -> int:
    """Until when a plan stays though it could not be paid: counted from the first failure, whatever follows."""
    return failed_at + days * DAY


def effects(
    payer: Account, before: Subscription | None, after: Subscription, plan: str, now: int, *, url: str | None = None
) -> Sequence[Effect]:
    """What is to be told now or later, and what no longer, as a subscription stands `after` another look.

    `url`: where its open invoice can be paid.
    """
    if after.status in SILENT:
        return ()
    told = [
        *(_dunning(payer, after, plan, url) if _is_owed(after) else [Withdrawal(f"dunning:{after.id}")]),
        *_trial(payer, after, plan, now),
        *(_end(payer, after, plan, now) if after.status not in {*LIVE, "paused"} else ()),
    ]
    known = before is not None and before.status not in SILENT
    return [*_current(told, now), *(_turns(payer, before, after, plan, now) if known and before else ())]


def _is_owed(it: Subscription) -> bool:
    return it.status == "past_due" and it.failed_at is not None and it.grace_until is not None


def _dunning(payer: Account, it: Subscription, plan: str, url: str | None) -> Iterator[Effect]:
    """Reminders by the calendar, and the end."""
    failed, until = it.failed_at or 0, it.grace_until or 0
    data = {"plan": plan, "until": until, **({"url": url} if url else {})}
    for day in REMINDERS:
        due = failed + day * DAY
        if day == 0 or due < until:
            yield _notice(payer, f"{_episode(it)}:{day}", NoticeKind.PAYMENT_FAILED, data | {"day": day}, due=due)
    yield _notice(payer, f"{_episode(it)}:end", NoticeKind.ENDED, {"plan": plan, "reason": "unpaid"}, due=until)


def _current(told: Sequence[Effect], now: int) -> list[Effect]:
    """Of the reminders whose day is over, only the latest: who hears of it late is not told the same thing thrice."""
    over = [
        it
        for it in told
        if isinstance(it, Notice) and it.kind is NoticeKind.PAYMENT_FAILED and it.due is not None and it.due <= now
    ]
    return [it for it in told if it not in over[:-1]]


def _trial(payer: Account, it: Subscription, plan: str, now: int) -> Iterator[Effect]:
    key, end = f"trial:{it.id}", it.trial_end
    yield Withdrawal(key)
    if it.status == "trialing" and end is not None and end > now and it.cancel_at is None:
        data = {"plan": plan, "until": end}
        yield _notice(payer, f"{key}:{end}", NoticeKind.TRIAL_ENDING, data, due=end - AHEAD)


def _end(payer: Account, it: Subscription, plan: str, now: int) -> Iterator[Effect]:
    """It is over. When dunning told that already, it was under the same key."""
    at = now if it.ended_at is None else it.ended_at
    if now - at <= NEWS:
        unpaid = it.failed_at is not None or it.status == "unpaid"
        reason = _OVER.get(it.revoked_for or "", "unpaid" if unpaid else "cancelled")
        yield _notice(payer, f"{_episode(it)}:end", NoticeKind.ENDED, {"plan": plan, "reason": reason})


def _turns(payer: Account, before: Subscription, after: Subscription, plan: str, now: int) -> Iterator[Effect]:
    """What only the two states together show; the transaction that stores the new one makes it happen once."""
    stood, stands = (it.pause_behavior is not None or it.status == "paused" for it in (before, after))
    if after.status in {*LIVE, "paused"} and stood != stands:
        kind = NoticeKind.PAUSED if stands else NoticeKind.RESUMED
        yield _notice(payer, f"{kind.value}:{after.id}:{now}", kind, {"plan": plan})
    if before.status in LIVE and after.status in LIVE and set(before.prices) != set(after.prices):
        yield _notice(payer, f"changed:{after.id}:{now}", NoticeKind.CHANGED, {"plan": plan, "since": now})


def _episode(it: Subscription) -> str:
    """One run of failed payments, however many invoices it takes; else the last invoice."""
    return f"dunning:{it.id}:{it.failed_at or it.latest_invoice}"


def _notice(payer: Account, key: str, kind: NoticeKind, data: Data, *, due: int | None = None) -> Notice:
    return Notice(key, kind, payer.person, _place(payer), data, due, admins=kind in _BY_ADMINS)


def _place(payer: Account) -> PlaceId | None:
    return None if payer.subject.startswith(("person:", "organisation:")) else PlaceId(payer.subject)


def paid(payer: Account, it: Invoice, plan: str, now: int) -> Sequence[Effect]:
    """A receipt; none for nothing (a trial, a full discount)."""
    if it.status != "paid" or it.amount_paid <= 0 or now - it.created > NEWS:
        return ()
    data = {"plan": plan, "amount": it.amount_paid, "currency": it.currency, "until": it.period_end}
    return [_notice(payer, f"paid:{it.id}", NoticeKind.PAID, data)]


def refunded(payer: Account, it: Refund, now: int) -> Sequence[Effect]:
    """Money went back: one notice per refund, whichever events tell of it."""
    if it.status != "succeeded" or now - it.created > NEWS:
        return ()
    return [_notice(payer, f"refunded:{it.id}", NoticeKind.REFUNDED, {"amount": it.amount, "currency": it.currency})]


def disputed(payer: Account, it: Dispute, now: int) -> Sequence[Effect]:
    """The payer's bank wants money back."""
    if now - it.created > NEWS:
        return ()
    return [_notice(payer, f"disputed:{it.id}", NoticeKind.DISPUTED, {"amount": it.amount, "currency": it.currency})]


def doubly_paid(payer: Account, extra: Subscription, plan: str, back: Charge | Refund) -> Notice:
    """A second subscription for one place was cancelled and paid back."""
    data = {"plan": plan, "amount": back.amount, "currency": back.currency}
    return _notice(payer, f"double:{extra.id}", NoticeKind.DOUBLE_REFUNDED, data)


def transferred(payer: Account, it: Subscription, plan: str, now: int) -> Notice:
    """The plan counts for another place, which the payer's account names by now."""
    return _notice(payer, f"transferred:{it.id}:{now}", NoticeKind.TRANSFERRED, {"plan": plan})


def place_gone(payer: Account, it: Subscription, plan: str, *, left_at: int) -> Notice:
    """The bot left the place that is paid for; `left_at` (UTC ms) tells one leaving from the next."""
    return _notice(payer, f"gone:{it.id}:{left_at}", NoticeKind.PLACE_GONE, {"plan": plan})
