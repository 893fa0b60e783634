"""What a command knows of who gave it, on whichever of the chats."""

from gettext import NullTranslations
from typing import Protocol

from core.jukebox import Jukebox
from core.records.views import RoomView
from core.types import Actor, CommandId, RoomId


class Call(Protocol):
    """One command or press."""

    @property
    def jukebox(self) -> Jukebox:
        """The commands."""
        ...

    @property
    def room(self) -> RoomId:
        """The place's room."""
        ...

    @property
    def view(self) -> RoomView:
        """The room as it was then."""
        ...

    @property
    def actor(self) -> Actor:
        """Who acts."""
        ...

    @property
    def words(self) -> NullTranslations:
        """The words of the person's language."""
        ...

    @property
    def id(self) -> CommandId:
        """What makes a second delivery recognisable."""
        ...

    async def say(self, text: str, /) -> None:
        """Answer the person."""
        ...
