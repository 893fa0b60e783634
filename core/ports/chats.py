"""What is remembered about chats besides their rooms: the live message, the language, where people acted last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.types import PersonId, PlaceId


@dataclass(frozen=True, slots=True)
class Chat:
    """`message` shows the room (in the forum topic `topic`); `language` is a tag that somebody chose."""

    place: PlaceId
    message: int | None = None
    topic: int | None = None
    language: str | None = None


class Chats(Protocol):
    """Everything raises StoreUnavailableError."""

    async def all(self) -> Sequence[Chat]:
        """Every chat that anything is remembered of."""
        ...

    async def put(self, chat: Chat) -> None:
        """Remember all of it; its place has to exist."""
        ...

    async def move(self, old: PlaceId, new: PlaceId) -> None:
        """A chat has another id from now on: its room, settings and links are the new one's.

        What was asked for under the new id already joins that room's queue.
        """
        ...

    async def visited(self, person: PersonId) -> PlaceId | None:
        """The chat where somebody acted last."""
        ...

    async def visit(self, person: PersonId, place: PlaceId) -> None:
        """Somebody acted in a chat."""
        ...
