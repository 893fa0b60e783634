"""What a command changed in a room: the rows to write and the facts to publish."""

from dataclasses import dataclass, field

from core.events import Event
from core.records.rows import Audit, Play
from core.types import EntryId, PersonId, PlaceId


@dataclass(slots=True)
class Changes:
    """Keys of rows to write or delete (whichever the room now says), rows to append, events to publish.

    `bin` names entries that only went into the bin or came back.
    """

    entries: set[EntryId] = field(default_factory=set[EntryId])
    bin: set[EntryId] = field(default_factory=set[EntryId])
    votes: set[tuple[EntryId, PersonId]] = field(default_factory=set[tuple[EntryId, PersonId]])
    people: set[tuple[PersonId, PlaceId]] = field(default_factory=set[tuple[PersonId, PlaceId]])
    polls: set[str] = field(default_factory=set[str])
    turns: set[EntryId] = field(default_factory=set[EntryId])
    header: bool = False
    settings: bool = False
    plays: list[Play] = field(default_factory=list[Play])
    audits: list[Audit] = field(default_factory=list[Audit])
    events: list[Event] = field(default_factory=list[Event])

    def __bool__(self) -> bool:
        return (
            self.header
            or self.settings
            or any((self.entries, self.bin, self.votes, self.people, self.polls, self.turns))
            or any((self.plays, self.audits, self.events))
        )
