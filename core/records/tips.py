"""Tips to DJs. Amounts in the currency's smallest unit, times in UTC ms."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.types import PersonId, PlaceId, RoomId


class TipState(StrEnum):
    """What became of a tip."""

    OPEN = "open"
    """Not paid yet."""
    EXPIRED = "expired"
    PAID = "paid"
    HELD = "held"
    """What was paid is not what was agreed: the operator has to look."""
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    """All of it."""
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Tip:
    """A tip of `giver` to `dj`, whose account at Stripe is `account`. `fee` of the amount stays with the operator."""

    id: str
    room: RoomId
    place: PlaceId
    giver: PersonId
    giver_name: str
    dj: PersonId
    dj_name: str
    account: str
    livemode: bool
    amount: int
    fee: int
    currency: str
    created_at: int
    session: str | None = None
    payment_intent: str | None = None
    refunded: int = 0
    state: TipState = TipState.OPEN
    reason: str = ""
    paid_at: int | None = None


@dataclass(frozen=True, slots=True)
class Payee:
    """Somebody who can be tipped. `payable` as of the latest look; `gone`: they left."""

    person: PersonId
    livemode: bool
    account: str
    name: str
    payable: bool
    gone: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as fetched. `destination` is where it goes, `fee` what stays here; `payable`: the DJ may get it now;
    `disputed`: a bank wants it back, or got it.
    """

    id: str
    status: str
    amount: int
    currency: str
    livemode: bool
    destination: str | None
    fee: int
    refunded: int = 0
    disputed: bool = False
    payable: bool = True


@dataclass(frozen=True, slots=True)
class Statement:
    """What a DJ got: sums of what is theirs after fees and refunds, by currency, and the latest tips."""

    ready: bool
    """Whether they can be tipped."""
    started: bool
    """Whether they ever began to set that up."""
    sums: Sequence[tuple[str, int]]
    latest: Sequence[Tip]
