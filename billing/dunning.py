"""What a payer is told: pure functions of how a subscription stood and stands, and of what became of their money.

Whoever writes down the new state puts these effects into the outbox in the same transaction. Keys name the effect, not
the event: whatever is heard twice, late or in disorder is told once.
"""

from collections.abc import Iterable, Iterator, Sequence

from core.records.notices import Data, Effect, Notice, NoticeKind, Withdrawal
from core.records.payments import Account, Dispute, Invoice, Refund, Subscription
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
OWED, UNPAID = "past_due", "unpaid"
LIVE = frozenset({"trialing", "active", OWED})
RESTING = frozenset({"paused"})
OVER = frozenset({"canceled", UNPAID})
SILENT = frozenset({"incomplete", "incomplete_expired"})
"""Never paid for: whoever did not finish buying is told nothing."""
_BY_ADMINS = {NoticeKind.PAYMENT_FAILED, NoticeKind.ENDED, NoticeKind.PAUSED}
"""What the admins of a place may know of its plan, beside who pays."""
_MONEY_BACK = {"refund": "refunded", "dispute": "disputed"}


def grace_end(failed_at: int, days: int) -> int:
    """Until when a plan stays though it could not be paid: counted from the first failure, whatever follows."""
    return failed_at + days * DAY


def effects(
    payer: Account, before: Subscription | None, after: Subscription, plan: str, now: int, *, url: str | None = None
) -> Sequence[Effect]:
    """What is to be told, and what no longer, as a subscription stands `after` another look.

    Nothing is written down for later days: what is told is what the latest look has shown, also when we slept through
    some of them. `url`: where its open invoice can be paid. Of a status that nobody knows nothing is said.
    """
    if after.status not in {*LIVE, *RESTING, *OVER}:
        return ()
    known = before is not None and before.status not in SILENT
    return [
        *_true(f"dunning:{after.id}", _payments(payer, before, after, plan, now, url), now),
        *_true(f"trial:{after.id}", _trial(payer, after, plan, now), now),
        *(_turns(payer, before, after, plan, now) if known and before else ()),
    ]


def _true(key: str, notices: Iterable[Notice], now: int) -> Iterator[Effect]:
    """These are true now, and nothing else that waits under their key; what was so for long already is no news."""
    told = list(notices)
    yield Withdrawal(key, but=tuple(it.key for it in told))
    yield from (it for it in told if it.due is None or now - it.due <= NEWS)


def _payments(
    payer: Account, before: Subscription | None, it: Subscription, plan: str, now: int, url: str | None
) -> Iterator[Notice]:
    """That money is missing, as of the latest day for reminders; that it is over."""
    if it.status == OWED and it.failed_at is not None and it.grace_until is not None:
        data = {"plan": plan, "until": it.grace_until, **({"url": url} if url else {})}
        if now < it.grace_until or it.grace_until == it.failed_at:
            day = _reminder(it.failed_at, it.grace_until, now)
            due = it.failed_at + day * DAY
            yield _notice(payer, f"{_episode(it)}:{day}", NoticeKind.PAYMENT_FAILED, data | {"day": day}, due=due)
    if (ended := _ended_at(before, it, now)) is not None:
        data = {"plan": plan, "reason": _reason(it)}
        yield _notice(payer, f"{_episode(it)}:end", NoticeKind.ENDED, data, due=ended)


def _reminder(failed: int, until: int, now: int) -> int:
    """The latest day for a reminder: who hears of it late is not told the same thing thrice."""
    return max(day for day in REMINDERS if day == 0 or failed + day * DAY <= now < until)


def _ended_at(before: Subscription | None, it: Subscription, now: int) -> int | None:
    """Since when it gives nothing any more: the end of its grace or its own, 0 if that is not known; None: it does."""
    over = it.status in OVER
    ends = [end for end in (it.grace_until, it.ended_at) if end is not None and end <= now]
    if not over and not (it.status == OWED and ends):
        return None
    if ends:
        return min(ends)
    return now if before is None or before.status not in OVER else 0


def _reason(it: Subscription) -> str:
    unpaid = it.failed_at is not None or it.status == UNPAID
    return _MONEY_BACK.get(it.revoked_for or "", "unpaid" if unpaid else "cancelled")


def _trial(payer: Account, it: Subscription, plan: str, now: int) -> Iterator[Notice]:
    end = it.trial_end
    if it.status == "trialing" and end is not None and end - AHEAD <= now < end and it.cancel_at is None:
        data = {"plan": plan, "until": end}
        yield _notice(payer, f"trial:{it.id}:{end}", NoticeKind.TRIAL_ENDING, data, due=end - AHEAD)


def _turns(payer: Account, before: Subscription, after: Subscription, plan: str, now: int) -> Iterator[Effect]:
    """What only the two states together show; the transaction that stores the new one makes it happen once."""
    stood, stands = (it.pause_behavior is not None or it.status in RESTING for it in (before, after))
    if after.status in {*LIVE, *RESTING} and stood != stands:
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


def doubly_paid(payer: Account, extra: Subscription, plan: str, back: Refund) -> Notice:
    """A second subscription for one place was cancelled and paid back."""
    data = {"plan": plan, "amount": back.amount, "currency": back.currency}
    return _notice(payer, f"double:{extra.id}", NoticeKind.DOUBLE_REFUNDED, data, due=back.created)


def transferred(payer: Account, it: Subscription, plan: str, now: int) -> Notice:
    """The plan counts for another place, which the payer's account names by now."""
    return _notice(payer, f"transferred:{it.id}:{now}", NoticeKind.TRANSFERRED, {"plan": plan})


def place_gone(payer: Account, it: Subscription, plan: str, *, left_at: int) -> Notice:
    """The bot left the place that is paid for; `left_at` (UTC ms) tells one leaving from the next."""
    return _notice(payer, f"gone:{it.id}:{left_at}", NoticeKind.PLACE_GONE, {"plan": plan})
