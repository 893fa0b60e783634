"""Where rooms live."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from core.records.rows import Audited, Play
from core.room import Room
from core.types import CommandId, PlaceId, RoomId

T = TypeVar("T")


class Rooms(Protocol):
    """The only way a room is read or changed."""

    async def apply(self, room: RoomId, command: Callable[[Room], T], *, command_id: CommandId | None = None) -> T:
        """Run `command` on the room and commit what it changed; its result after the commit.

        `command` is synchronous and validates before it changes anything; what it raises is raised here and
        nothing is stored. With a `command_id` seen within 15 minutes the first result is returned instead.

        Raises:
            NoSuchRoomError: there is no such room.
            StoreUnavailableError: the database cannot be used; whether the command counted was looked up by id.
        """
        ...

    async def read(self, room: RoomId, *, known: int = 0) -> Room:
        """The room as last committed, for reading only. Raises NoSuchRoomError, StoreUnavailableError.

        With `known`, the version that an event has just told of, one of at least that version will do.
        """
        ...

    async def active(self) -> Sequence[RoomId]:
        """Rooms that have a current entry, a voice channel or people: what a player has to look after."""
        ...

    async def checkpoint(self, positions: dict[RoomId, int]) -> None:
        """Store the positions (ms) of playing rooms in one statement; the version does not rise."""
        ...

    async def plays(self, room: RoomId, *, limit: int = 20) -> Sequence[Play]:
        """The latest finished plays, newest first."""
        ...

    async def audit(self, place: PlaceId | None, *, before: int | None = None, limit: int = 50) -> Sequence[Audited]:
        """The latest audit rows of a place (None: of all), newest first, beginning after the row id `before`."""
        ...
