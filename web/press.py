"""One post of the page, read: who, where, what the form says."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from gettext import NullTranslations

from multidict import MultiDict

from core.errors import NoSuchEntryError
from core.numbers import number
from core.ports.places import RoomRef
from core.types import Actor, CommandId, EntryId, RoomId


@dataclass(frozen=True, slots=True)
class Press:
    """Who, where, the form's fields, and the command id that makes a repeat recognisable."""

    ref: RoomRef
    actor: Actor
    fields: MultiDict[str]
    command_id: CommandId | None
    words: NullTranslations

    @property
    def room(self) -> RoomId:
        """The page's room."""
        return self.ref.room

    @property
    def entry(self) -> EntryId:
        """The entry that the form is about. Raises NoSuchEntryError."""
        entry = number(self.fields.get("entry", ""))
        if entry is None:
            raise NoSuchEntryError(EntryId(0))
        return EntryId(entry)


@dataclass(frozen=True, slots=True)
class Said:
    """The sentence to show, or nothing when the page itself shows it; `undo`: it can be taken back."""

    text: str = ""
    undo: bool = False


Action = Callable[[Press], Awaitable[Said]]
"""Does what a form asks."""


def command_id(visitor: str, path: str, fields: MultiDict[str]) -> CommandId | None:
    """The form's token, bound to its visitor and to what the form says: an old page's next press is a new command."""
    token = fields.get("command")
    if not token:
        return None
    said = sorted((name, value) for name, value in fields.items() if name != "csrf")
    return CommandId("form:" + hashlib.sha256(repr((visitor, path, said)).encode()).hexdigest()[:32])
