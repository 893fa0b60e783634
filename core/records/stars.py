"""Plans for Telegram Stars. Times in UTC ms."""

from dataclasses import dataclass
from enum import StrEnum

from core.records.grants import Subject
from core.types import PersonId

CURRENCY = "XTR"
PERIOD = 30 * 86_400_000
"""What a subscription pays for: Telegram has no other length."""


@dataclass(frozen=True, slots=True)
class StarOffer:
    """A plan, and what 30 days of it cost."""

    plan: str
    stars: int


@dataclass(frozen=True, slots=True)
class StarInvoice:
    """What somebody is to pay; `payload` comes back with everything that Telegram tells of it."""

    payload: str
    plan: str
    stars: int


class StarState(StrEnum):
    """How an attempt to pay stands."""

    INVOICED = "invoiced"
    PAID = "done"
    """It is paid again every 30 days."""
    CANCELED = "canceled"
    """It was paid, and will not be again."""


@dataclass(frozen=True, slots=True)
class StarAttempt:
    """Somebody about to pay for a chat, or who did; `charge` is the latest payment."""

    id: str
    subject: Subject
    person: PersonId
    plan: str
    stars: int
    created_at: int
    expires_at: int
    state: StarState = StarState.INVOICED
    charge: str | None = None


@dataclass(frozen=True, slots=True)
class StarPayment:
    """30 days were paid; `until` is when they end, where Telegram tells."""

    charge: str
    payload: str
    stars: int
    paid_at: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class StarMove:
    """A line of Telegram's list: Stars that came in, or went back. `user` is Telegram's id of the payer."""

    charge: str
    payload: str
    stars: int
    at: int
    user: int
    back: bool = False


class StarOutcome(StrEnum):
    """What became of a payment."""

    NEW = "new"
    KNOWN = "known"
    """It was heard of before."""
    DOUBLE = "double"
    """Somebody else was quicker: it has to go back."""
    ORPHAN = "orphan"
    """Nobody asked for that invoice, as far as is known."""


@dataclass(frozen=True, slots=True)
class StarReceipt:
    """What became of a payment; the plan counts until `until`."""

    outcome: StarOutcome
    plan: str = ""
    subject: Subject | None = None
    until: int = 0
    renewed: bool = False
