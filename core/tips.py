"""The rules of tips: what may be given, and what became of one. They never touch a queue or a vote."""

from dataclasses import dataclass, replace

from core.errors import ChorusError
from core.money import digits
from core.records.notices import Job
from core.records.tips import Payment, Tip, TipState

LEAST, MOST = 100, 50_000
"""In the smallest units of a currency; where that is the whole one, the same numbers."""
REFUND = "tip.refund"
"""The job that pays `tip` back, what the DJ got and the fee included."""
HOUR = 3_600_000
PER_HOUR = 10
"""Tips that one person may begin in an hour."""
LIFE = 35 * 60_000
"""ms for which a tip can be paid: Stripe takes no less than 30 minutes by its own clock."""
_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
TOGETHER = frozenset({"US", "GB", "CA", "CH", *_EEA.split()})
"""Countries among which money may be passed on (docs.stripe.com/connect/cross-border-payouts)."""


@dataclass
class BadTipError(ChorusError):
    """`least` to `most` of the smallest units of `currency` can be given."""

    least: int
    most: int
    currency: str


class CannotBeTippedError(ChorusError):
    """This person has not said where to pay, cannot be paid just now, or is the giver."""


class TooManyTipsError(ChorusError):
    """Enough for this hour."""


def refund_of(tip: Tip, at: int | None = None) -> Job:
    """What pays a tip back, once; a refund that failed at the bank is tried again by another one, of another time."""
    key = f"tip:{tip.id}:refund"
    return Job(key if at is None else f"{key}:{at}", REFUND, {"tip": tip.id})


def check(amount: object, currency: str, fee_percent: int) -> int:
    """The fee of a tip. Raises BadTipError for what is no whole number in the bounds, or would be all fee."""
    if type(amount) is not int or not LEAST <= amount <= MOST:
        raise BadTipError(LEAST, MOST, currency)
    fee = amount * fee_percent // 100
    if fee >= amount:
        raise BadTipError(LEAST, MOST, currency)
    return fee


def units(whole: int, currency: str) -> int:
    """A whole number of euros, dollars or yen in smallest units: only some currencies have smaller ones."""
    return whole * 10 ** digits(currency)


def sendable(home: str, country: str) -> bool:
    """Whether money can be passed on from one country to another."""
    return home == country or {home, country} <= TOGETHER


def settled(tip: Tip, payment: Payment, now: int) -> Tip:
    """The tip as its payment stands; what was fetched decides, however often and in whatever order it is looked at."""
    tip = replace(tip, payment_intent=payment.id, refunded=min(payment.refunded, tip.amount))
    if payment.status != "succeeded":
        return tip
    tip = replace(tip, paid_at=tip.paid_at or now)
    if wrong := _mismatch(tip, payment):
        return replace(tip, state=TipState.HELD, reason=wrong)
    if tip.refunded == tip.amount:
        return replace(tip, state=TipState.REFUNDED)
    if payment.disputed:
        return replace(tip, state=TipState.DISPUTED)
    fresh = tip.state in {TipState.OPEN, TipState.EXPIRED}
    if tip.state is TipState.REFUNDING or (fresh and not payment.payable):
        return replace(tip, state=TipState.REFUNDING)
    return replace(tip, state=TipState.PAID)


def _mismatch(tip: Tip, payment: Payment) -> str:
    """What was paid otherwise than agreed, if anything."""
    agreed = {
        "amount": (tip.amount, payment.amount),
        "currency": (tip.currency, payment.currency),
        "destination": (tip.account, payment.destination),
        "fee": (tip.fee, payment.fee),
        "livemode": (tip.livemode, payment.livemode),
    }
    return next((name for name, (one, other) in agreed.items() if one != other), "")
