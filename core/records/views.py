"""What a room shows to a person: plain data that every surface words and draws by itself."""

from dataclasses import dataclass

from core.enums import Loop, Mode, PauseReason
from core.types import EntryId, Filter, Limits, PersonId, RoomId, Settings, Track


@dataclass(frozen=True, slots=True)
class Why:
    """Why an entry stands where it stands. `turn` counts the requester's turns from 1 ("Ben's first turn")."""

    turn: int
    round: int
    score: int
    ahead: int
    wait: int | None
    locked: bool
    forced: bool
    parked: bool


@dataclass(frozen=True, slots=True)
class EntryView:
    """A waiting entry. `wait` inside `why` is ms until its start, None when a live track is ahead."""

    id: EntryId
    track: Track
    person: PersonId
    name: str
    place: str
    rank: int
    up: int
    down: int
    my_vote: int
    mine: bool
    why: Why


@dataclass(frozen=True, slots=True)
class WhyPoll:
    """How a running question stands: `votes` of the `needed` ones, among `electorate` people.

    It passes with `missing` more votes, or as soon as `departures` of the listeners who did not vote leave (None:
    nobody's leaving passes it). `argument` is what to do (a volume, a mode), `deadline` in UTC ms.
    """

    kind: str
    argument: str | None
    votes: int
    needed: int
    electorate: int
    missing: int
    departures: int | None
    deadline: int


@dataclass(frozen=True, slots=True)
class PollView(WhyPoll):
    """A running question as one person sees it; `mine`: they said yes."""

    mine: bool


@dataclass(frozen=True, slots=True)
class NowView:
    """The entry on air. `track` tells the song of a live source while it says one; `station` is its name then."""

    id: EntryId
    track: Track
    person: PersonId
    name: str
    place: str
    fallback: bool
    started: bool
    up: int
    down: int
    my_vote: int
    mine: bool
    station: str = ""


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as one person sees it: a page of the queue (`upcoming`) and the whole count (`total`).

    `position` holds at `at` (UTC ms); while `running` it grows by `rate` ms in a ms.
    Filter, crossfade (ms) and loudness are those that are heard.
    """

    id: RoomId
    version: int
    name: str
    current: NowView | None
    position: int
    running: bool
    at: int
    paused: PauseReason | None
    volume: int
    voice_channel: int | None
    upcoming: tuple[EntryView, ...]
    total: int
    polls: tuple[PollView, ...]
    listeners: int
    settings: Settings
    limits: Limits
    mode: Mode = Mode.FAIR
    loop: Loop = Loop.OFF
    closed: bool = False
    rate: float = 1.0
    filter: Filter | None = None
    crossfade: int = 0
    loudness: bool = True
