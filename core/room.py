"""The room: one shared queue heard together. The aggregate; everything else hangs on it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.changes import Changes
from core.enums import EndReason, Loop, Mode, PauseReason
from core.records.rows import Play
from core.types import (
    Checkpoint,
    Entry,
    EntryId,
    Filter,
    Limits,
    PersonId,
    PlaceId,
    Playing,
    Poll,
    PositionClock,
    Presence,
    RoomId,
    Settings,
    Shuffle,
    Track,
    Turn,
    Undo,
)

if TYPE_CHECKING:
    from core.ordering import Order

HISTORY = 20
"""How many plays a room remembers by itself; the rest is read from the store."""


@dataclass
class Room:
    """A room's whole state. Stores fill it; commands change it through its methods and note what they changed.

    `entries` are those waiting; the one on air is in `current` alone; the `bin` holds what `undo` would bring back.
    Entries with ids up to `cleared` that are neither are gone, whether their rows are swept already or not.
    What is not stored with it is given to every loaded room by the store: `fallback`, the house list; `same`, who is
    the same person as whom (an identity's person → the one it is linked to); `linked`, the other places that share
    the room; `limits`, the best of what all its places' plans allow.
    """

    id: RoomId
    place: PlaceId
    name: str
    version: int = 0
    settings: Settings = field(default_factory=Settings)
    # header: columns of the room's own row
    voice_channel: int | None = None
    voice_lost: str = ""
    """Why it is heard in no channel any more, though nobody asked for that; a code for the surfaces to word."""
    volume: int = 100
    paused: PauseReason | None = None
    clock: PositionClock = field(default_factory=PositionClock)
    current: Playing | None = None
    locked: EntryId | None = None
    next_entry: int = 1
    emptied_at: int = 0
    fallback_at: int = 0
    mode: Mode = Mode.FAIR
    loop: Loop = Loop.OFF
    closed: bool = False
    """The queue takes nothing from anybody but DJs."""
    filter: Filter | None = None
    crossfade: int = 0
    """How long one track fades into the next, in ms. This and the other two as people chose; `core.sound` says what
    the plan lets be heard of it.
    """
    loudness: bool = True
    """Whether all tracks are made about equally loud."""
    cleared: EntryId = EntryId(0)  # noqa: RUF009 -- a NewType of int
    shuffle: Shuffle | None = None
    undo: Undo | None = None
    # rows of their own
    entries: dict[EntryId, Entry] = field(default_factory=dict[EntryId, Entry])
    bin: dict[EntryId, Entry] = field(default_factory=dict[EntryId, Entry])
    people: dict[tuple[PersonId, PlaceId], Presence] = field(default_factory=dict[tuple[PersonId, PlaceId], Presence])
    polls: dict[str, Poll] = field(default_factory=dict[str, Poll])
    turns: dict[EntryId, Turn] = field(default_factory=dict[EntryId, Turn])
    history: deque[Play] = field(default_factory=lambda: deque[Play](maxlen=HISTORY))
    """The latest plays, the newest last; those of the running command come when it is done."""
    checkpoint: Checkpoint | None = field(default=None, compare=False)
    """Written by `Rooms.checkpoint` beside the commands, for whoever takes over after a crash; of the current entry."""
    # not stored
    fallback: tuple[Track, ...] = ()
    limits: Limits = field(default_factory=Limits)
    linked: tuple[PlaceId, ...] = ()
    same: Mapping[PersonId, PersonId] = field(default_factory=dict[PersonId, PersonId], compare=False)
    changes: Changes = field(default_factory=Changes, compare=False, repr=False)
    order: "Order | None" = field(default=None, compare=False, repr=False)
    """Kept by core.ordering until something that matters changes."""
    cleared_order: "Order | None" = field(default=None, compare=False, repr=False)
    """The order of what was cleared, kept as long as that can be undone."""

    def take_changes(self) -> Changes:
        """What changed since the last call; called by the store after each successful command."""
        changes, self.changes = self.changes, Changes()
        self.history.extend(play for play in changes.plays if play.reason is not EndReason.SONG)
        return changes
