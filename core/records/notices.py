"""What is to be done once after a change: somebody told, or a job run. Effects are written with the change itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.types import PersonId, PlaceId

Data = Mapping[str, Any]
"""JSON. Words are chosen by who shows it: codes and figures only, times in UTC ms, money in minor units."""


class Channel(StrEnum):
    """By which way an effect leaves; each effect has one row per channel."""

    DISCORD = "discord"
    TELEGRAM = "telegram"
    EMAIL = "email"
    WEB = "web"
    """The page shows it to the person until it was read."""
    PLACE = "place"
    """The page shows it to the place's admins until one of them read it."""
    JOB = "job"
    """A handler is called."""


class Topic(StrEnum):
    """What a person may ask not to be told about."""

    RECEIPTS = "receipts"
    TROUBLE = "trouble"
    PLAN = "plan"
    TIPS = "tips"


class NoticeKind(StrEnum):
    """What people are told, and what `data` says about it.

    Everywhere: `plan` (its name in plans.toml). Money: `amount` in minor units and `currency`.
    """

    PAID = "paid"
    """`amount`, `currency`, `until` (end of the paid period)."""
    PAYMENT_FAILED = "payment_failed"
    """`day` (0, 3 or 6), `until` (end of grace); may have `url`, where it can be paid."""
    DISPUTED = "disputed"
    """`amount`, `currency`."""
    PLACE_GONE = "place_gone"
    """The bot is not in the payer's place any more, but the subscription goes on; `currency`: `xtr` for Stars."""
    TRIAL_ENDING = "trial_ending"
    """`until`."""
    ENDED = "ended"
    """The plan is over; `reason`: `cancelled`, `unpaid`, `disputed`, `refunded` or none."""
    REFUNDED = "refunded"
    """`amount`, `currency`."""
    DOUBLE_REFUNDED = "double_refunded"
    """A second subscription for one place was cancelled and paid back: `amount`, `currency`."""
    PAUSED = "paused"
    RESUMED = "resumed"
    CHANGED = "changed"
    """Another plan: `since`, from when on (UTC ms)."""
    TRANSFERRED = "transferred"
    """The plan counts for another place now."""
    TIP_PAID = "tip_paid"
    """`amount`, `currency`; `person` and `name` of the DJ (the id, so that the name goes when they are forgotten)."""
    TIP_RECEIVED = "tip_received"
    """`amount`, `currency`; `person` and `name` of the giver."""
    TIP_REFUNDED = "tip_refunded"
    """`amount`, `currency`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is to be told something once, by each channel that reaches them.

    `key` names the effect, however often and by whatever event it is heard of: `dunning:<invoice>:0`. It is told not
    before `due` (UTC ms; None: at once). With `admins`, the admins of `place` see it on the page too.
    """

    key: str
    kind: NoticeKind
    person: PersonId | None
    place: PlaceId | None = None
    data: Data = field(default_factory=dict[str, Any])
    due: int | None = None
    admins: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done elsewhere, by the handler that is registered as `name`.

    It is called until it returns without an error, so it has to be idempotent: `key` is at hand as idempotency key.
    """

    key: str
    name: str
    data: Data = field(default_factory=dict[str, Any])
    due: int | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What still waits under this key, or under longer ones that go on with a colon, is not wanted any more, `but` for
    these very keys.
    """

    key: str
    but: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """How else a person is reached, and in which language (its tag); None leaves what is known."""

    person: PersonId
    email: str | None = None
    language: str | None = None


Effect = Notice | Job | Withdrawal | Contact


@dataclass(frozen=True, slots=True)
class Letter:
    """An effect on its way by one channel, claimed by whoever has it.

    `address` is the person's id on that surface, or their e-mail address; None when they have none any more. `muted`:
    they asked not to be told. `attempts` counts this one.
    """

    id: int
    token: str
    key: str
    channel: Channel
    kind: str
    data: Data
    person: PersonId | None
    place: PlaceId | None
    attempts: int
    place_name: str = ""
    address: str | None = None
    language: str | None = None
    muted: bool = False


class LetterState(StrEnum):
    """What became of it."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    READ = "read"
    """Of those that the page shows."""
    SKIPPED = "skipped"
    """The person does not want it, or is not to be reached there."""
    REFUSED = "refused"
    """For good: they take no messages there."""
    DEAD = "dead"
    """Given up after many tries."""
    UNSURE = "unsure"
    """Whether it arrived is not known, and a second one would be worse than none."""
