"""Who and where: places, their rooms, and people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.types import Identity, PersonId, PlaceId, RoomId


@dataclass(frozen=True, slots=True)
class RoomRef:
    """A room and the place it belongs to. `guild` and `bot_account` are None for rooms without voice."""

    room: RoomId
    place: PlaceId
    name: str
    bot_account: int | None = None
    guild: int | None = None


class Places(Protocol):
    """Look-ups that create what is missing."""

    async def lobby(self) -> RoomRef:
        """The web room that every installation has (guests: add)."""
        ...

    async def guild_room(self, bot_account: int, guild: int, name: str) -> RoomRef:
        """The room of a Discord guild; `name` is kept up to date."""
        ...

    async def place_room(self, place: PlaceId, name: str) -> RoomRef:
        """The room that a chat or a web room uses: its own, or the one that it shares with a guild.

        The name of its own is kept up to date, unless `name` is empty.
        """
        ...

    async def room(self, room: RoomId) -> RoomRef | None:
        """A room by its id."""
        ...

    async def entrance(self, room: RoomId) -> RoomRef | None:
        """Where the page of a room leads: to itself, or to the room that its place shares."""
        ...

    async def all_rooms(self) -> Sequence[RoomRef]:
        """Every room."""
        ...

    async def person(self, identity: Identity) -> PersonId:
        """The person behind an identity; the identity's name is kept up to date."""
        ...

    async def names(self, people: Collection[PersonId]) -> Mapping[PersonId, str]:
        """What people are called; those without an identity are left out."""
        ...


class LiveMessages(Protocol):
    """Which message shows a room's live panel, so that it survives a restart."""

    async def get(self, room: RoomId) -> tuple[int, int] | None:
        """Channel id and message id."""
        ...

    async def put(self, room: RoomId, channel: int, message: int) -> None:
        """Remember it."""
        ...

    async def forget(self, room: RoomId) -> None:
        """It is gone."""
        ...
