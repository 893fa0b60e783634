"""Who pays for what, as it is stored: rows of the shop. Times in UTC ms."""

from dataclasses import dataclass

from core.records.grants import Subject
from core.records.payments import Account, Subscription
from core.types import PersonId


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody about to pay; at most one is open for a subject. `ref`: the Checkout session, once that is known."""

    id: str
    subject: Subject
    person: PersonId
    account: int
    plan: str
    price: str
    trial_days: int
    created_at: int
    expires_at: int
    ref: str | None = None
    state: str = "open"


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription by its latest look, and whose it is."""

    account: Account
    subscription: Subscription
