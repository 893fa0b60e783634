"""Who somebody of the page is to the chats that share its room."""

from collections.abc import Collection
from typing import Protocol

from core.ports.places import RoomRef
from core.types import Actor, Identity, PlaceId


class Members(Protocol):
    """Asks the surface that an identity belongs to. Never raises."""

    async def actor(self, ref: RoomRef, places: Collection[PlaceId], identity: Identity) -> Actor | None:
        """Somebody as a member of one of `places`, which share the room `ref`; None for a member of none.

        None too while nobody can tell: then they are a guest of the page.
        """
        ...
