"""What happened, published after commit and dropped on rollback: hints to look again.

The database is the truth. Every event carries the room's version; a listener drops what is older than it has shown.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from core.types import EntryId, PersonId, RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact about a room at a version."""

    name: ClassVar[str] = "room.changed"
    schema: ClassVar[int] = 1
    room: RoomId
    version: int = 0
    trace: str = field(default="", compare=False)
    """The `traceparent` of what published it: effects join that trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryQueued(Event):
    """An entry joined the queue."""

    name: ClassVar[str] = "queue.entry.queued"
    entry: EntryId
    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRemoved(Event):
    """An entry left the queue without being played."""

    name: ClassVar[str] = "queue.entry.removed"
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCleared(Event):
    """All waiting entries left the queue."""

    name: ClassVar[str] = "queue.cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReordered(Event):
    """Entries stand elsewhere: moved, exchanged or shuffled."""

    name: ClassVar[str] = "queue.reordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRestored(Event):
    """The last destructive action was undone."""

    name: ClassVar[str] = "queue.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast(Event):
    """A vote was cast, changed (`value` ±1) or withdrawn (0)."""

    name: ClassVar[str] = "queue.vote.cast"
    entry: EntryId
    person: PersonId
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLocked(Event):
    """What comes next is settled, or open again (`entry` None)."""

    name: ClassVar[str] = "queue.next.locked"
    entry: EntryId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayChosen(Event):
    """An entry became the current one; the player is to start it."""

    name: ClassVar[str] = "music.play.chosen"
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayStarted(Event):
    """A node reported the start of the current entry."""

    name: ClassVar[str] = "music.play.started"
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayEnded(Event):
    """A play ended; `reason` is an `EndReason`."""

    name: ClassVar[str] = "music.play.ended"
    entry: EntryId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayFailed(Event):
    """The current entry could not be played; `reason` is a code for the surfaces to word."""

    name: ClassVar[str] = "music.play.failed"
    entry: EntryId
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleChanged(Event):
    """The live source on air plays another song."""

    name: ClassVar[str] = "music.title.changed"
    entry: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackChanged(Event):
    """Paused, resumed, sought, another volume, another sound, or stopped."""

    name: ClassVar[str] = "music.playback.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOpened(Event):
    """A question is running."""

    name: ClassVar[str] = "poll.opened"
    kind: str = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollChanged(Event):
    """Votes or the electorate of a running question changed."""

    name: ClassVar[str] = "poll.changed"
    kind: str = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollClosed(Event):
    """A question ended; `passed` says how."""

    name: ClassVar[str] = "poll.closed"
    kind: str = "skip"
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleChanged(Event):
    """Somebody came, went, deafened or undeafened."""

    name: ClassVar[str] = "room.people.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChanged(Event):
    """The voice channel where the room is heard, or its bitrate, changed, or it was left (`channel` None; `reason` if
    nobody asked).
    """

    name: ClassVar[str] = "room.output.changed"
    channel: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerChanged(Event):
    """How the room's player is changed: `status` as `Playback.status` tells it. The room itself did not."""

    name: ClassVar[str] = "music.player.changed"
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushesChanged(Event):
    """The room is pushed elsewhere, or not any more."""

    name: ClassVar[str] = "room.pushes.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged(Event):
    """An admin changed the place's settings."""

    name: ClassVar[str] = "room.settings.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChanged(Event):
    """The plan of a place that shares the room changed, and with it what is allowed. The room itself did not."""

    name: ClassVar[str] = "room.plan.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TipGiven(Event):
    """Somebody gave a DJ a tip: names, and `amount` in the smallest unit of `currency`. The room itself did not
    change.
    """

    name: ClassVar[str] = "tip.given"
    giver: str
    dj: str
    amount: int
    currency: str
