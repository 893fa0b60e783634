"""Tips, as surfaces see them, and as they are kept."""

from collections.abc import Sequence
from typing import Protocol

from core.records.tips import Payee, Statement, Tip, TipState
from core.types import Actor, PersonId, RoomId


class Tips(Protocol):
    """All raise StoreUnavailableError; those that ask for money to move, PaymentsUnavailableError.

    Addresses that come back are secrets of the one who asked.
    """

    @property
    def currency(self) -> str:
        """In which tips are given (ISO 4217, lower case)."""
        ...

    async def give(self, room: RoomId, actor: Actor, dj: PersonId, amount: int, language: str | None = None) -> str:
        """The address where a tip of so many of the currency's smallest units is paid; `language` is the giver's.

        Raises BadTipError, CannotBeTippedError, TooManyTipsError, PurchasesFrozenError.
        """
        ...

    async def onboard(self, room: RoomId, actor: Actor, language: str | None = None) -> str:
        """The address where a DJ tells Stripe where to pay; it works once. Raises ForbiddenError."""
        ...

    async def statement(self, actor: Actor) -> Statement:
        """What the actor got."""
        ...


class TipBook(Protocol):
    """Tips and those who can be tipped. Everything raises StoreUnavailableError."""

    async def payee(self, person: PersonId, *, livemode: bool) -> Payee | None:
        """Somebody's account, whichever of their linked identities opened it."""
        ...

    async def put_payee(self, payee: Payee) -> Payee:
        """Keep one; the one that there is if there was one before."""
        ...

    async def start(self, tip: Tip) -> Tip:
        """Keep an open tip; the one that there is if there was one of its id before."""
        ...

    async def offer(self, tip: str, session: str) -> None:
        """Where it is paid."""
        ...

    async def given(self, giver: PersonId, after: int) -> Sequence[Tip]:
        """What somebody gave, or was about to, since a time (UTC ms)."""
        ...

    async def got(self, dj: PersonId, *, livemode: bool) -> Sequence[Tip]:
        """The latest that somebody got, the last first; what was never paid left out."""
        ...

    async def earned(self, dj: PersonId, *, livemode: bool) -> Sequence[tuple[str, int]]:
        """What of all that somebody got is theirs, by currency: fees stay here, refunds take back their share."""
        ...

    async def frozen(self, giver: PersonId) -> bool:
        """Whether a payment of theirs is disputed."""
        ...

    async def tip(self, tip: str) -> Tip | None:
        """One by its id."""
        ...

    async def open(self, before: int) -> Sequence[Tip]:
        """Those that are open though they began before a time (UTC ms)."""
        ...

    async def close(self, tip: str, state: TipState) -> None:
        """What became of one that was open."""
        ...


class TipLedger(Protocol):
    """What a look at Stripe may read and write in its transaction."""

    async def tip_of(self, payment_intent: str, tip: str | None) -> Tip | None:
        """The tip that a payment is for: by what is known of it, else the one that says so and has no payment yet."""
        ...

    async def put_tip(self, tip: Tip) -> None:
        """How it is now."""
        ...

    async def payee_of(self, account: str) -> Payee | None:
        """Whose account that is."""
        ...

    async def update_payee(self, payee: Payee) -> None:
        """How it is now."""
        ...
