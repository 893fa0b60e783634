"""What is heard of payments, and looked at: kept by the database."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

from core.ports.tips import TipLedger
from core.records.grants import Subject
from core.records.notices import Effect
from core.records.payments import (
    Account,
    Backlog,
    Charge,
    Claim,
    Delivery,
    Dispute,
    Invoice,
    Paid,
    Refund,
    Subscription,
    Target,
    TargetKind,
)


class Deliveries(Protocol):
    """Events as they came. All raises StoreUnavailableError."""

    async def receive(self, delivery: Delivery) -> bool:
        """Keep it and make its target dirty; False when it was there before. It is safe when this returns."""
        ...


class Ledger(Protocol):
    """What may be read and written in the transaction that ends a look at Stripe."""

    @property
    def tips(self) -> TipLedger:
        """The same of tips."""
        ...

    async def account(self, customer: str) -> Account | None:
        """Whose customer that is."""
        ...

    async def paid(self, account: Account) -> Paid:
        """What is known now, what was just written included."""
        ...

    async def put(self, *rows: Subscription | Invoice | Charge | Refund | Dispute) -> None:
        """Insert, or replace by id."""
        ...

    async def grant(
        self, ref: str, subject: Subject, plan: str, *, starts_at: int, until: int, revoked_at: int | None = None
    ) -> None:
        """The state of the grant that a subscription gives."""
        ...

    async def revoke(self, ref: str, at: int) -> None:
        """A subscription's grant, if there is one, counts only until then."""
        ...

    async def freeze(self, account: Account, at: int | None) -> None:
        """The payer buys nothing new from then on; None: does again."""
        ...

    async def close_attempts(self, states: Sequence[tuple[str, str]]) -> None:
        """Checkout sessions by id, and what became of them: `done`, `expired`, `failed`."""
        ...

    async def effects(self, *effects: Effect) -> None:
        """What is to be done once because of it."""
        ...

    async def mark(self, target: Target) -> None:
        """Something else has to be looked at too."""
        ...


Settle = Callable[[Ledger], Awaitable[bool]]
"""Writes what was fetched; False: nobody's (its events are orphans)."""


class Targets(Protocol):
    """What has to be looked at. Leases and retries go by the database's clock. All raises StoreUnavailableError."""

    async def mark(self, *targets: Target) -> None:
        """Look at these soon."""
        ...

    async def claim(self, kinds: Collection[TargetKind]) -> Claim | None:
        """The one that waits longest, ours alone until the lease ends."""
        ...

    async def finish(self, claim: Claim, settle: Settle) -> bool:
        """Write what was fetched, unless the lease was lost meanwhile: then nothing is written, and False."""
        ...

    async def retry(self, claim: Claim, error: str, *, after: float) -> None:
        """Try again after so many seconds."""
        ...

    async def give_up(self, claim: Claim, error: str) -> None:
        """It is dead until it is replayed or an event speaks of it."""
        ...

    async def settled(self, target: Target) -> bool:
        """Whether nothing waits for it."""
        ...


class Books(Protocol):
    """What the reconciler looks through. All raises StoreUnavailableError."""

    async def due(self, now: int, soon: int, *, livemode: bool) -> Collection[str]:
        """Customers of ours whose plan ends between `now` and `soon`, who are in trouble, or whose checkout ran out."""
        ...

    async def subscriptions(self) -> Mapping[str, Subscription]:
        """Every subscription by its id, as it was fetched: without what follows from several looks."""
        ...

    async def moved(self) -> Mapping[str, str]:
        """The status of every refund and dispute by its id."""
        ...

    async def customers(self, *, livemode: bool) -> Collection[str]:
        """Every customer that is somebody's."""
        ...

    async def targets(self, kind: TargetKind) -> Collection[Target]:
        """All of a kind that were ever looked at."""
        ...

    async def backlog(self) -> Backlog:
        """What waits."""
        ...

    async def prune(self, before: int) -> int:
        """Remove events that are done with and came before (UTC ms); how many."""
        ...
