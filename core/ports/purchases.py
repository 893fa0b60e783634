"""What the shop keeps: who pays, who is about to, who had a trial, and what was bought."""

from collections.abc import Collection, Sequence
from typing import Protocol

from core.records.grants import Grant, Subject
from core.records.notices import Effect
from core.records.payments import Account
from core.records.purchases import Attempt, Held
from core.types import PersonId


class Attempts(Protocol):
    """Those about to pay. All raises StoreUnavailableError."""

    async def open(self, subject: Subject) -> Attempt | None:
        """The one that is open for a subject."""
        ...

    async def begin(self, attempt: Attempt) -> Attempt | None:
        """Keep it as the open one; None if there is one.

        Its trial is kept for it in the ledger; without one if the subject or the person (or whoever is the same human)
        had theirs, or is about to.
        """
        ...

    async def name(self, attempt: str, ref: str) -> None:
        """Its Checkout session."""
        ...

    async def close(self, attempt: str, state: str) -> None:
        """It is `done`, `expired` or `failed`; unless it is done, its trial can be had again."""
        ...

    async def by_ref(self, ref: str) -> Attempt | None:
        """The attempt of a Checkout session, or of that id."""
        ...

    async def may_try(self, subject: Subject, person: PersonId) -> bool:
        """Whether neither of them had a trial, nor is about to."""
        ...


class Purchases(Protocol):
    """Who pays, and what was bought. All raises StoreUnavailableError."""

    async def account(self, subject: Subject, person: PersonId, *, livemode: bool) -> Account:
        """Somebody who pays for a subject; made if need be."""
        ...

    async def bind(self, account: int, customer: str) -> None:
        """It is this customer from now on, unless it has one."""
        ...

    async def unbind(self, account: int, customer: str) -> None:
        """That customer is no more: the next purchase makes another."""
        ...

    async def account_of(self, customer: str) -> Account | None:
        """Whose customer that is."""
        ...

    async def frozen(self, person: PersonId) -> bool:
        """Whether a payment of a person, or of whoever is the same human, is disputed."""
        ...

    async def humans(self, person: PersonId) -> Collection[PersonId]:
        """Whoever is the same human, the person included."""
        ...

    async def held_for(self, subject: Subject, *, livemode: bool) -> Sequence[Held]:
        """The subscriptions for a subject that live on, the oldest first."""
        ...

    async def held_by(self, person: PersonId, *, livemode: bool) -> Sequence[Held]:
        """Those that a person, or whoever is the same human, pays for."""
        ...

    async def grants(self, subject: Subject) -> Sequence[Grant]:
        """All that counts for a place, or did: its own grants and those of whoever covers it."""
        ...

    async def move(self, account: int, subject: Subject, actor: PersonId, effect: Effect) -> Account:
        """An account pays for another subject from now on, its grants with it; audited.

        If its person has an account there, that one pays for the former subject.
        """
        ...
