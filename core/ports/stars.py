"""Plans that chats buy for Telegram Stars."""

from collections.abc import Sequence
from typing import Protocol

from core.records.grants import Grant, Subject
from core.records.shop import Standing
from core.records.stars import (
    StarAttempt,
    StarInvoice,
    StarMove,
    StarOffer,
    StarOutcome,
    StarPayment,
    StarReceipt,
    StarState,
)
from core.types import Actor, PersonId, PlaceId


class Stars(Protocol):
    """What a surface on Telegram does about them. All raises StoreUnavailableError."""

    @property
    def sold(self) -> Sequence[StarOffer]:
        """What is sold here, the lowest plan first; what was sold before is honoured in any case."""
        ...

    async def standing(self, actor: Actor) -> Standing:
        """How the chat stands."""
        ...

    async def offers(self, actor: Actor) -> Sequence[StarOffer]:
        """What the chat could buy now: what is above its plan, and nothing while something is paid for it."""
        ...

    async def invoice(self, actor: Actor, plan: str, language: str | None = None) -> StarInvoice:
        """What an administrator of the chat is to pay; `language` is theirs.

        Raises ForbiddenError, NotForSaleError, PaidAlreadyError.
        """
        ...

    async def check(self, payload: str, person: PersonId, currency: str, stars: int) -> StarAttempt:
        """Whether this may be paid now by that person.

        Raises NotYourInvoiceError, OldInvoiceError, PaidAlreadyError.
        """
        ...

    async def paid(self, payment: StarPayment) -> StarReceipt:
        """30 days were paid; told again, nothing happens."""
        ...

    async def refunded(self, charge: str) -> bool:
        """A payment went back: what it paid for ends now. Whether that is news."""
        ...

    async def renewing(self, payload: str, *, on: bool) -> StarReceipt | None:
        """It is paid again in time, or is not any more; how it stands then, None where that is no news."""
        ...

    async def left(self, place: PlaceId) -> None:
        """We are not in that chat any more: whoever pays for it again and again is told."""
        ...

    async def payments(self, person: PersonId) -> Sequence[StarAttempt]:
        """What somebody paid, the latest first."""
        ...

    async def reconcile(self, till: "StarTill") -> int:
        """Catch up with Telegram's list; how much of it was news. Raises TillAwayError."""
        ...


class StarBook(Protocol):
    """What is kept of it. All raises StoreUnavailableError."""

    async def begin(self, attempt: StarAttempt) -> StarAttempt:
        """Keep it; or the one that is the same and has not run out."""
        ...

    async def attempt(self, number: str) -> StarAttempt | None:
        """One of them."""
        ...

    async def of(self, person: PersonId) -> Sequence[StarAttempt]:
        """Those of a person that were paid, the latest first."""
        ...

    async def renewed(self, subject: Subject) -> Sequence[StarAttempt]:
        """Those of a chat that are paid again every 30 days."""
        ...

    async def grants(self, subject: Subject) -> Sequence[Grant]:
        """Everything that a chat itself was ever given."""
        ...

    async def pay(self, number: str, charge: str, *, starts_at: int, until: int) -> tuple[StarOutcome, StarState]:
        """A payment of an attempt, with its grant; and how the attempt stood before."""
        ...

    async def revoke(self, charge: str) -> bool:
        """The grant of a payment ends now; whether that is news."""
        ...

    async def renewing(self, number: str, state: StarState, *, longer: int) -> int | None:
        """How a paid attempt goes on; its last grant gets `longer` (ms, or shorter below 0), and ends then.

        None where that is no news.
        """
        ...


class StarTill(Protocol):
    """Telegram. All raises TillAwayError."""

    async def moves(self, offset: int) -> Sequence[StarMove | None]:
        """The next lines of its list, the oldest first; None for what is no payment of an invoice of ours."""
        ...

    async def refund(self, user: int, charge: str, earlier: Sequence[str] = ()) -> None:
        """Give a payment back, and end its subscription; done before counts as done. `earlier`: payments of its invoice
        before it, the latest first, of which one began the subscription. Raises NoSuchChargeError.
        """
        ...


class TillAwayError(Exception):
    """Telegram cannot be asked now."""


class NoSuchChargeError(Exception):
    """Telegram knows no such payment."""
