"""What a command returns; stored with its id, so that a repeat gets the same answer."""

from dataclasses import dataclass

from core.types import EntryId, Track


@dataclass(frozen=True, slots=True)
class Queued:
    """Entries joined the queue. `rank` of the first (0: it is on air now) and its `wait` in ms.

    `dropped` counts the tracks of a playlist that the caps left out.
    """

    entries: tuple[EntryId, ...]
    track: Track
    rank: int
    wait: int | None
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """Entries left the queue."""

    count: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Voted:
    """The vote stands; `score` is what it made of the entry."""

    entry: EntryId
    title: str
    value: int
    score: int
    rank: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """`done`: the track was skipped at once or by the passing vote; otherwise a poll is running."""

    done: bool
    title: str
    votes: int = 0
    needed: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """A control did something (`changed`), or the room was like that already."""

    changed: bool
    value: int | None = None
