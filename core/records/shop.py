"""What is for sale, and how a place stands with what it bought. Amounts in the currency's smallest unit, UTC ms."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.enums import GrantSource
from core.types import Limits, PlaceId


@dataclass(frozen=True, slots=True)
class Sale:
    """How a plan is sold, as the operator set it."""

    plan: str
    prices: Sequence[str] = ()
    """Stripe's ids of the prices that are offered."""
    old_prices: Sequence[str] = ()
    """Those that are honoured, but not offered."""
    sku: int | None = None
    """Discord's guild subscription."""
    sku_price: int | None = None
    """What that costs a month, in cents."""
    stars: int | None = None
    """Telegram Stars for 30 days."""

    @property
    def sold(self) -> bool:
        """Whether anything sells it, or did."""
        return bool(self.prices or self.old_prices or self.sku or self.stars)


@dataclass(frozen=True, slots=True)
class Offer:
    """A price that can be chosen: `amount` every `count` `interval`s (day, week, month, year)."""

    plan: str
    price: str
    amount: int
    currency: str
    """ISO 4217, lower case."""
    interval: str
    count: int = 1


class Trouble(StrEnum):
    """Why a subscription may end though nobody wants it to."""

    PAST_DUE = "past_due"
    """A payment failed; the plan goes on until `Subscription.grace_until`."""
    UNPAID = "unpaid"
    """Payments failed for good."""
    INCOMPLETE = "incomplete"
    """The first payment waits for the payer."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What somebody pays for a place again and again."""

    id: str
    plan: str
    price: str
    until: int
    """How far it is paid."""
    mine: bool
    """Whether the one who asks is the payer, who alone may change it."""
    ends_at: int | None = None
    """It was canceled for then."""
    trial_until: int | None = None
    paused: bool = False
    next_plan: str | None = None
    """It becomes this one when what is paid ends."""
    next_price: str | None = None
    pending_plan: str | None = None
    """It becomes this one as soon as that is paid."""
    trouble: Trouble | None = None
    grace_until: int | None = None

    @property
    def changeable(self) -> bool:
        """Whether another plan may be chosen: it neither ends nor rests, fails or changes already."""
        return not (self.ends_at or self.paused or self.trouble or self.next_plan)


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a place has a plan now."""

    source: GrantSource
    plan: str
    until: int | None
    own: bool = True
    """Whether it was given to the place itself, not to a person or an organisation that covers it."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a place used of something that is counted since `since`; `limit` None: as much as it likes."""

    meter: str
    used: int
    limit: int | None
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a place stands, as one person sees it."""

    place: PlaceId
    limits: Limits
    reasons: Sequence[Reason]
    """The highest plan first."""
    subscription: Subscription | None
    offers: Sequence[Offer]
    """What can be bought or changed to; the lowest plan first, empty while prices are not known."""
    trial_days: int
    """How many days a first subscription would be free for this person and place."""
    elsewhere: Sequence[tuple[str, PlaceId, str]] = ()
    """This person's subscriptions for other places, which they may bring here: id, place, plan."""
    used: Sequence[Used] = ()
    skus: Sequence[tuple[str, int]] = ()
    """Discord's subscriptions above the plan here: plan and SKU."""

    @property
    def plan(self) -> str:
        """The plan that counts."""
        return self.limits.plan

    @property
    def choosable(self) -> Sequence[Offer]:
        """What could be bought, or changed to."""
        price = self.subscription.price if self.subscription else None
        return [it for it in self.offers if it.price != price]


class Move(StrEnum):
    """What a change of price would be."""

    UP = "up"
    """At once; the difference is paid now."""
    DOWN = "down"
    """When what is paid ends."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a change would cost now. It holds for the `price` as of `at` (UTC s), which is handed back to make it."""

    offer: Offer
    move: Move
    due: int
    at: int
    begins: int
    """When it takes effect."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change. `pay_at`: where the payer confirms a payment that it waits for; a secret."""

    plan: str
    begins: int
    done: bool = True
    pay_at: str | None = None
