"""What a room's page shows, gathered: the view, who is there, what played, what is one's own and what one may."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.enums import Guests, Hearing, Surface
from core.jukebox import Jukebox
from core.ports.clock import Clock
from core.ports.measures import Waveforms
from core.ports.places import RoomRef
from core.ports.rooms import Rooms
from core.ports.stream import Playback
from core.ports.tracks import Chapter
from core.records.rows import Play
from core.records.views import RoomView
from core.room import Room
from core.types import Actor, EntryId, PersonId, PlaceId, RoomId
from web.chapters import Chapters
from web.rights import Rights

SHOWN = 30
"""Queue cards on a page."""
PLAYED = 8


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who is in the room now."""

    name: str
    place: PlaceId
    hears: bool


@dataclass(slots=True)
class Mine:
    """What is one person's own: their votes, their entries, the polls that they said yes in, what they may do."""

    votes: dict[EntryId, int] = field(default_factory=dict[EntryId, int])
    entries: list[EntryId] = field(default_factory=list[EntryId])
    polls: list[str] = field(default_factory=list[str])
    may: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A room at a version. `mine` is keyed by person and shared by all listeners' personal parts.

    `may` is what the person may do for whom it was taken. `silent`: no audio node is up, so what is on air is not
    heard for the moment. `house`: the room has a list of its own, which plays for whoever listens while nothing is
    queued. `waveform`, `chapters`: of what is on air, empty when they are not known. `inside`: for members of a chat
    that shares the room, who are no guests of it.
    """

    ref: RoomRef
    view: RoomView
    people: tuple[Listener, ...]
    plays: Sequence[Play]
    mine: dict[PersonId, Mine]
    rights: Rights
    may: Sequence[str] = ()
    page: int = 0
    silent: bool = False
    house: bool = False
    waveform: bytes = b""
    inside: bool = False
    chapters: Sequence[Chapter] = ()

    def own(self, actor: Actor) -> Mine:
        """What is a person's own, and what they may do."""
        return replace(self.mine.get(actor.person) or Mine(), may=self.rights.of(actor))

    @property
    def may_vote(self) -> bool:
        """Whether guests of the page may vote."""
        return self.inside or self.view.settings.guests in {Guests.VOTE, Guests.ADD}

    @property
    def may_add(self) -> bool:
        """Whether guests of the page may add tracks."""
        return self.inside or self.view.settings.guests is Guests.ADD


class Scenes:
    """Reads rooms for the page."""

    def __init__(
        self,
        jukebox: Jukebox,
        rooms: Rooms,
        clock: Clock,
        chapters: Chapters,
        playback: Playback | None,
        waveforms: Waveforms | None,
    ) -> None:
        self._jukebox, self._rooms, self._clock, self._playback = jukebox, rooms, clock, playback
        self._waveforms, self._chapters = waveforms, chapters
        self._plays: dict[RoomId, tuple[tuple[EntryId, str] | None, Sequence[Play]]] = {}

    async def take(self, ref: RoomRef, actor: Actor | None = None, *, page: int = 0) -> Scene:
        """The room as `actor` sees it. Raises NoSuchRoomError, StoreUnavailableError."""
        view = await self._jukebox.view(ref.room, actor.person if actor else None, page=page, size=SHOWN)
        room = await self._rooms.read(ref.room)
        allowed = Rights(room, ref, self._clock.now())
        return Scene(
            ref,
            view,
            _people(room),
            await self._played(view),
            _mine(room),
            allowed,
            allowed.of(actor),
            page,
            silent=self.silent(ref.room),
            house=bool(room.fallback),
            waveform=await self._waveform(view),
            chapters=self._chapters.of(view),
            inside=actor is not None and actor.surface is not Surface.WEB,
        )

    async def _waveform(self, view: RoomView) -> bytes:
        if self._waveforms is None or view.current is None or view.current.track.length is None:
            return b""
        return await self._waveforms.waveform(view.current.track.ref)

    def silent(self, room: RoomId) -> bool:
        """Whether the room's player waits for a node."""
        return self._playback is not None and self._playback.status(room) == "waiting"

    async def _played(self, view: RoomView) -> Sequence[Play]:
        """What played last, read again when something else is on air."""
        current = (view.current.id, view.current.track.title) if view.current else None
        known = self._plays.get(view.id)
        if known is None or known[0] != current:
            known = self._plays[view.id] = (current, await self._rooms.plays(view.id, limit=PLAYED))
        return known[1]


def _people(room: Room) -> tuple[Listener, ...]:
    there = sorted((one for one in room.people.values() if one.left_at is None), key=lambda one: one.since)
    return tuple(Listener(one.name, one.place, one.hearing is not Hearing.CHAT) for one in there)


def _mine(room: Room) -> dict[PersonId, Mine]:
    mine: defaultdict[PersonId, Mine] = defaultdict(Mine)
    entries = [*room.entries.values(), *([room.current.entry] if room.current else [])]
    for entry in entries:
        mine[entry.person].entries.append(entry.id)
        for person, vote in entry.votes.items():
            mine[person].votes[entry.id] = vote.value
    for poll in room.polls.values():
        for person in poll.votes:
            mine[person].polls.append(poll.kind)
    return dict(mine)
