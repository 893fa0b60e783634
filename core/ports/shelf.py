"""What people come back to: the history of a room and their favourites."""

from collections.abc import Sequence
from typing import Protocol

from core.records.rows import Play, Played
from core.types import EntryId, PersonId, RoomId, Track


class Shelf(Protocol):
    """Everything raises StoreUnavailableError. A person's favourites are those of all their linked identities."""

    async def history(self, room: RoomId, *, before: int | None = None, size: int = 10) -> Sequence[Played]:
        """Finished plays, newest first, beginning after the one with the row id `before`."""
        ...

    async def play(self, room: RoomId, entry: EntryId) -> Play | None:
        """The latest play of an entry."""
        ...

    async def favourites(self, person: PersonId, *, offset: int = 0, size: int = 10) -> Sequence[Track]:
        """What a person keeps, newest first."""
        ...

    async def is_favourite(self, person: PersonId, track: Track) -> bool:
        """Whether a person keeps a track."""
        ...

    async def keep(self, person: PersonId, track: Track) -> None:
        """Keep a track; twice is once."""
        ...

    async def let_go(self, person: PersonId, track: Track) -> None:
        """Keep it no longer."""
        ...
