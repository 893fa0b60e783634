"""The words of the domain as types. Times are UTC in ms since the epoch, lengths and positions in ms."""

from dataclasses import dataclass, field
from typing import Any, NewType

from core.enums import BlockKind, Duplicates, Filters, Guests, Hearing, Leavers, Surface, TurnMeasure

RoomId = NewType("RoomId", str)
"""Unguessable: 22 URL-safe characters (the Lobby's is `lobby`: it is meant to be found)."""
PlaceId = NewType("PlaceId", str)
"""`discord:<guild id>`, `web:<name>`, `telegram:<chat id>`."""
PersonId = NewType("PersonId", str)
EntryId = NewType("EntryId", int)
"""Counts up within its room."""
CommandId = NewType("CommandId", str)
"""What makes a repeat of a command recognisable: `discord:<interaction id>`, `form:<token>`."""
TrackRef = NewType("TrackRef", str)
"""`library:<id>`, `upload:<sha256>`, `url:<address>`, `node:<source>:<link>`, `source:<name>:<address>`; never a media
URL or a track string."""

HOUSE = PersonId("house")
"""Who asks for the tracks of a fallback list."""
LOBBY = RoomId("lobby")


@dataclass(frozen=True, slots=True)
class Track:
    """Something playable. `length` is None for live sources; `cover` is a key that the page's cover route knows."""

    ref: TrackRef
    title: str
    artist: str = ""
    length: int | None = None
    cover: str | None = None
    accent: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """One account of a person: `kind` is a surface, `external` that surface's id, `name` what it shows."""

    kind: Surface
    external: str
    name: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, from where, and which facts about them the policy may use."""

    person: PersonId
    name: str
    place: PlaceId
    surface: Surface
    voice_channel: int | None = None
    dj: bool = False
    admin: bool = False
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One line of a place's blocklist; `value` is a track's reference, or casefolded text."""

    kind: BlockKind
    value: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What the admins of a place chose. Caps of None mean: the plan's."""

    skip_threshold: float = 0.5
    max_entries_per_person: int | None = None
    max_length: int | None = None
    max_queue: int | None = None
    default_volume: int = 100
    idle: int = 300_000
    guests: Guests = Guests.LISTEN
    dj_role: int | None = None
    turns: TurnMeasure = TurnMeasure.COUNT
    duplicates: Duplicates = Duplicates.OFF
    leavers: Leavers = Leavers.KEEP
    timezone: str = "UTC"
    """An IANA name: what a time of the day means here."""
    blocks: tuple[Block, ...] = ()
    policy: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Cells of the policy's table that differ from the default: action → roles."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan allows; `plan` is its name. The defaults are the most that anybody may have."""

    plan: str = "elite"
    entries_per_person: int = 500
    queue: int = 10_000
    length: int = 6 * 3_600_000
    panel: bool = True
    history_days: int | None = None
    """How long plays are kept; None: for ever."""
    filters: Filters = Filters.ALL
    crossfade: int = 12_000
    """The longest one, in ms; 0: none."""
    loudness: bool = True
    bitrate: int = 384_000
    """In bit/s, at most."""
    rtmp: int = 5
    """To how many RTMP servers a room may be sent."""
    listeners: int = 10_000
    """How many connections may hear a room's web streams."""
    rank: int = 0
    """Where nodes are full, rooms of a higher one come first."""
    plays: int | None = None
    """This and what follows: how much of a `Meter` a place may use in a period; None: there is no end to it."""
    listening: int | None = None
    pushing: int | None = None
    uploads: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What changes the sound: a preset by its `name`, or `custom`, whose `values` are Lavalink's JSON of filters."""

    name: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Vote:
    """A person's vote for an entry: +1 or −1."""

    value: int
    at: int


@dataclass(slots=True)
class Entry:
    """A track queued by a person. `votes` is keyed by voter.

    `seat` is where somebody put it by hand (None: where it came in), `starts_at` (UTC ms) when it is to play,
    `begins` (ms) where in the track it begins.
    """

    id: EntryId
    track: Track
    person: PersonId
    name: str
    place: PlaceId
    requested_at: int
    first_requested_at: int
    forced: bool = False
    parked: bool = False
    seat: int | None = None
    starts_at: int | None = None
    begins: int = 0
    votes: dict[PersonId, Vote] = field(default_factory=dict[PersonId, Vote])


@dataclass(slots=True)
class Turn:
    """A start of an entry, kept for six hours: what fairness counts. Skipped within 30 s: not `counted`.

    `airtime` is what was heard of it, in ms; while it plays, its track's length. `approvers` are those whose up-votes
    counted when it started. `start` is where it began in its person's account, in ms of airtime (a counted turn is
    one usual track's); a `forced` one was played out of turn.
    """

    entry: EntryId
    person: PersonId
    started_at: int
    counted: bool = True
    airtime: int = 0
    approvers: tuple[PersonId, ...] = ()
    start: int = 0
    forced: bool = False


@dataclass(slots=True)
class Presence:
    """A person in a room by way of a place. `left_at` is None while they are there."""

    person: PersonId
    place: PlaceId
    hearing: Hearing
    name: str
    since: int
    left_at: int | None = None
    deaf: bool = False
    address: str | None = None
    """A keyed hash of a guest's network address; at most three guests of one count."""


@dataclass(slots=True)
class Poll:
    """A running question. `kind` is the action, `entry` what it is about, `argument` what to do (a volume, a mode)."""

    kind: str
    entry: EntryId | None
    opened_by: PersonId
    opened_at: int
    deadline: int
    votes: dict[PersonId, int] = field(default_factory=dict[PersonId, int])
    argument: str | None = None


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Entries up to the id `upto` that have no seat sit at random, by `seed`: a shuffle writes no row of theirs."""

    seed: int
    upto: EntryId


@dataclass(frozen=True, slots=True)
class Undo:
    """The last destructive action and what it takes to undo it, for 30 s.

    `entries` went to the bin one by one; `cleared` is what `Room.cleared` was before everything went; `before` tells
    seat and `forced` of those that were moved, `shuffle` the shuffle that there was.
    """

    kind: str
    person: PersonId
    name: str
    at: int
    entries: tuple[EntryId, ...] = ()
    cleared: EntryId | None = None
    before: dict[EntryId, tuple[int | None, bool]] = field(default_factory=dict[EntryId, tuple[int | None, bool]])
    shuffle: Shuffle | None = None


@dataclass(frozen=True, slots=True)
class Song:
    """What a live source says it plays, on air `since` (UTC ms). `told` is how much of the entry was heard before."""

    title: str
    artist: str = ""
    since: int = 0
    told: int = 0


@dataclass(slots=True)
class Playing:
    """The entry on air. `started_at` is None until a node reported it."""

    entry: Entry
    fallback: bool = False
    chosen_at: int = 0
    started_at: int | None = None
    node: str | None = None
    listeners: int = 0
    heard: int = 0
    """ms played until the clock was last set; pauses and seeks do not count."""
    song: Song | None = None
    """What a live source says is on; None while it says nothing."""


@dataclass(slots=True)
class PositionClock:
    """Where the current entry is: `offset`, plus `rate` times the time since `running_since` while it runs."""

    offset: int = 0
    running_since: int | None = None
    rate: float = 1.0
    """ms of the track that are heard in one ms: filters make it faster or slower."""

    def at(self, now: int) -> int:
        """The position in ms at `now`; it stands still while the system's clock is behind where it was."""
        ran = max(0, now - self.running_since) if self.running_since is not None else 0
        return self.offset + round(ran * self.rate)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a playing room was heard last: `position` at `at` (UTC ms)."""

    position: int
    at: int
