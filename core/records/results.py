"""What a command returns; stored with its id, so that a repeat gets the same answer."""

from dataclasses import dataclass

from core.types import EntryId, Track


@dataclass(frozen=True, slots=True)
class Queued:
    """Entries joined the queue. `rank` of the first (0: it is on air now) and its `wait` in ms.

    `dropped` counts the tracks of a playlist that the caps left out, `blocked` those that the blocklist did, and
    `duplicates` those that wait or play already (left out too where duplicates are blocked). `begins` is where in the
    track (ms) the first one goes on.
    """

    entries: tuple[EntryId, ...]
    track: Track
    rank: int
    wait: int | None
    dropped: int = 0
    duplicates: int = 0
    blocked: int = 0
    begins: int = 0


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


@dataclass(frozen=True, slots=True)
class Asked:
    """The people are asked: `votes` of `needed` say yes to `kind` (with its `argument`); `done`: it passed at once."""

    kind: str
    votes: int
    needed: int
    done: bool = False
    argument: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """An entry stands elsewhere; `rank` from 1."""

    entry: EntryId
    title: str
    rank: int


@dataclass(frozen=True, slots=True)
class Undone:
    """The last destructive action (`kind`: its command) was taken back; `title` where it was about one entry."""

    kind: str
    count: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Favoured:
    """A star was given (`kept`) or taken back."""

    title: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a list: entries that joined, tracks that the caps left out, lines that nothing is known of."""

    queued: int
    dropped: int
    unknown: int
    first_unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """The queue as a file."""

    filename: str
    content: bytes
    count: int
