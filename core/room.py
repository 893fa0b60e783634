"""The room: one shared queue heard together. The aggregate; everything else hangs on it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.changes import Changes
from core.types import (
    Checkpoint,
    Entry,
    EntryId,
    Limits,
    PauseReason,
    PersonId,
    PlaceId,
    Playing,
    Poll,
    PositionClock,
    Presence,
    RoomId,
    Settings,
    Track,
    Turn,
)

if TYPE_CHECKING:
    from core.ordering import Order


@dataclass
class Room:
    """A room's whole state. Stores fill it; commands change it through its methods and note what they changed.

    `entries` are those waiting; the one on air is in `current` alone. `fallback` is not stored: the house list is
    given to every loaded room by the process.
    """

    id: RoomId
    place: PlaceId
    name: str
    version: int = 0
    settings: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    # header: columns of the room's own row
    voice_channel: int | None = None
    volume: int = 100
    paused: PauseReason | None = None
    clock: PositionClock = field(default_factory=PositionClock)
    current: Playing | None = None
    locked: EntryId | None = None
    next_entry: int = 1
    emptied_at: int = 0
    fallback_at: int = 0
    # rows of their own
    entries: dict[EntryId, Entry] = field(default_factory=dict[EntryId, Entry])
    people: dict[tuple[PersonId, PlaceId], Presence] = field(default_factory=dict[tuple[PersonId, PlaceId], Presence])
    polls: dict[str, Poll] = field(default_factory=dict[str, Poll])
    turns: dict[EntryId, Turn] = field(default_factory=dict[EntryId, Turn])
    checkpoint: Checkpoint | None = field(default=None, compare=False)
    """Written by `Rooms.checkpoint` beside the commands, for whoever takes over after a crash; of the current entry."""
    # not stored
    fallback: tuple[Track, ...] = ()
    changes: Changes = field(default_factory=Changes, compare=False, repr=False)
    order: "Order | None" = field(default=None, compare=False, repr=False)
    """Kept by core.ordering until something that matters changes."""

    def take_changes(self) -> Changes:
        """What changed since the last call; called by the store after each successful command."""
        changes, self.changes = self.changes, Changes()
        return changes
