"""Plans for money, as surfaces see them: what there is, how a place stands, and what its payer may do."""

from collections.abc import Sequence
from typing import Protocol

from core.records.shop import Offer, Outcome, Quote, Standing, Used
from core.types import Actor, PlaceId, RoomId


class Meters(Protocol):
    """What places use of what is counted."""

    async def used(self, place: PlaceId) -> Sequence[Used]:
        """What a place used in its period, beside what it may. Raises StoreUnavailableError."""
        ...


class Shop(Protocol):
    """Everything acts for `actor.place`. All raise StoreUnavailableError, those that change also
    PaymentsUnavailableError.

    Whoever manages a place at that moment (`actor.admin`) may buy for it; what was bought is changed by its payer
    alone. Addresses that come back are secrets of the one who asked: they are shown to nobody else, and not logged.
    """

    async def offers(self) -> Sequence[Offer]:
        """What is sold here, the lowest plan first; empty while Stripe has not told what it costs."""
        ...

    async def standing(self, actor: Actor) -> Standing:
        """How the place stands, as the actor sees it."""
        ...

    async def buy(self, actor: Actor, price: str, language: str | None = None) -> str:
        """The address where a price of `offers` is paid; asked again, it is the same one while that is open. What
        becomes of it is told in that `language` (its tag).

        Raises ForbiddenError, NotForSaleError, PaidAlreadyError, PurchasesFrozenError.
        """
        ...

    async def arrived(self, name: str) -> PlaceId | None:
        """Somebody came back from paying, or from thinking better of it: the place it was for, of which the latest is
        known now. `name` is what the address carries; made-up ones are nobody's.
        """
        ...

    async def portal(self, actor: Actor, room: RoomId) -> str:
        """The address where the payer sees their invoices and changes their card. Raises NoSubscriptionError."""
        ...

    async def quote(self, actor: Actor, price: str) -> Quote:
        """What a change to another price would cost. Raises as `change`."""
        ...

    async def change(self, actor: Actor, price: str, at: int | None = None) -> Outcome:
        """To a higher plan at once, its difference paid now; to a lower one, or at another interval, when what is
        paid ends. `at` is a quote's.

        Raises NoSubscriptionError, NotForSaleError, OldQuoteError, PayFirstError, EndsAlreadyError,
        PaymentRefusedError.
        """
        ...

    async def cancel(self, actor: Actor) -> Outcome:
        """It ends when what is paid ends. Raises NoSubscriptionError."""
        ...

    async def pause(self, actor: Actor) -> Outcome:
        """The plan rests from now on, and nothing is paid meanwhile; what was paid for the rest of the time is kept
        for when it goes on.

        Raises NoSubscriptionError, PayFirstError, EndsAlreadyError.
        """
        ...

    async def resume(self, actor: Actor) -> Outcome:
        """The end of a pause: a new period begins now, as soon as it is paid.

        Raises NoSubscriptionError, NothingToTakeBackError, PaymentRefusedError; PaidAlreadyError when somebody else
        pays by now.
        """
        ...

    async def undo(self, actor: Actor) -> Outcome:
        """A cancellation, or a change for later, is taken back. Raises NoSubscriptionError, NothingToTakeBackError;
        PaidAlreadyError when somebody else pays by now.
        """
        ...

    async def transfer(self, actor: Actor, subscription: str) -> Outcome:
        """The actor's subscription for another place counts for this one instead, which they manage.

        Raises ForbiddenError, NoSubscriptionError, PaidAlreadyError.
        """
        ...

    async def left(self, place: PlaceId) -> None:
        """We are not there any more: its payers are told, once a day at most, that they still pay."""
        ...

    def key(self, actor: Actor) -> str:
        """What lets its bearer act on the page for the actor's place as the actor, for ten minutes."""
        ...

    def bearer(self, key: str, place: PlaceId) -> Actor:
        """Whom a key was made for. Raises OldLinkError, also for the key of another place."""
        ...
