"""Which places share a room."""

from typing import Protocol

from core.types import Actor, PlaceId, RoomId


class Links(Protocol):
    """A chat or a web room shares the room of a guild."""

    async def link(self, actor: Actor, place: PlaceId, room: RoomId) -> None:
        """The people of `place` share `room` from now on; what waited in its own room joins that queue.

        Raises NoSuchRoomError, AlreadyLinkedError, CannotLinkError.
        """
        ...

    async def unlink(self, actor: Actor, place: PlaceId) -> RoomId:
        """`place` has a room of its own again: that room. What its people asked for goes with them.

        Raises NotLinkedError.
        """
        ...
