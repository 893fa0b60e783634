"""What people come back to: the history of a room and their favourites."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.records.rows import Play, Played
from core.types import EntryId, PersonId, RoomId, Track, TrackRef


class Shelf(Protocol):
    """Everything raises StoreUnavailableError. A person's favourites are those of all their linked identities."""

    async def history(self, room: RoomId, *, before: int | None = None, size: int = 10) -> Sequence[Played]:
        """Finished plays, newest first, beginning after the one with the row id `before`."""
        ...

    async def play(self, room: RoomId, entry: EntryId) -> Play | None:
        """The latest play of an entry."""
        ...

    async def left(self, room: RoomId, refs: Sequence[TrackRef]) -> Mapping[TrackRef, int]:
        """Where in these tracks (ms) the room stopped when it played them last; none that it heard to the end."""
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
