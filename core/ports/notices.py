"""What is to be told and done: kept, sent and shown."""

from collections.abc import Collection, Sequence
from typing import Protocol

from core.records.notices import Channel, Effect, Letter, LetterState, Topic
from core.types import PersonId, PlaceId


class Outbox(Protocol):
    """Effects that wait, a row per effect and channel. All raises StoreUnavailableError."""

    async def put(self, *effects: Effect) -> None:
        """Keep effects in a transaction of their own; those whose key is known are not kept twice.

        An effect of a change to the database is written with it instead: `db.outbox.put_effects`.
        """
        ...

    async def waiting(self) -> Collection[Channel]:
        """The channels that have something to do now; the page's never do."""
        ...

    async def claim(self, channel: Channel, *, repeatable: int | None) -> Letter | None:
        """The next one to send, ours alone until it is settled or its lease ends; the try is on record before.

        When an earlier try may have arrived, it comes again only within `repeatable` ms of that (None: always), and
        is settled as UNSURE after.
        """
        ...

    async def settle(
        self, letter: Letter, state: LetterState, *, due: int | None = None, sure: bool = True, error: str = ""
    ) -> bool:
        """What became of it; whether it was still ours. WAITING: it is tried again from `due` (UTC ms) on; not
        `sure`: this try may have arrived.
        """
        ...


class Board(Protocol):
    """What the page shows, and what people want to be told. All raises StoreUnavailableError."""

    async def unread(self, person: PersonId | None, places: Collection[PlaceId] = ()) -> Sequence[Letter]:
        """What a person (or whoever is the same human) and the admins of places have not read, the oldest first."""
        ...

    async def count(self, person: PersonId | None, places: Collection[PlaceId] = ()) -> int:
        """How many that are."""
        ...

    async def read(self, number: int, person: PersonId | None, places: Collection[PlaceId] = ()) -> bool:
        """It was read; whether it was theirs to read."""
        ...

    async def muted(self, person: PersonId) -> Collection[Topic]:
        """What they do not want to be told."""
        ...

    async def mute(self, person: PersonId, topic: Topic, *, on: bool) -> None:
        """They do not want to be told, or do again. What they must know still comes by one channel."""
        ...


class Messenger(Protocol):
    """One channel.

    `repeatable` is for how long (ms) it recognises a repeated letter and tells nobody twice (None: for ever).
    """

    @property
    def repeatable(self) -> int | None:
        """See above."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it can send now; else letters wait and no try is counted."""
        ...

    async def send(self, letter: Letter) -> None:
        """Send it. Raises NotSentError, UndeliverableError; any other error: nobody knows whether it arrived."""
        ...


class NotSentError(Exception):
    """It was certainly not sent; the next try may be better, after `retry_after` seconds if that is known."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UndeliverableError(Exception):
    """It was not sent, and no try will be better."""
