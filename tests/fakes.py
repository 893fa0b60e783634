"""Stand-ins for the ports, used by every surface's tests."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from core.enums import Guests
from core.errors import NoSuchRoomError, NothingFoundError
from core.ports.bus import Bus
from core.ports.places import RoomRef
from core.ports.tracks import Attachment, Chapter, Found, ListLine, Show
from core.records.measures import Measure
from core.records.rows import Audit, Audited, Play, Played
from core.resuming import place
from core.room import Room
from core.types import LOBBY, CommandId, EntryId, Identity, PersonId, PlaceId, RoomId, Settings, Track, TrackRef

if TYPE_CHECKING:
    from core.events import Event

T = TypeVar("T")


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def move(self, ms: int) -> None:
        self.time += ms


class FakeMeasures:
    """Measures in memory."""

    def __init__(self) -> None:
        self.rows: dict[TrackRef, Measure] = {}

    async def get(self, ref: TrackRef) -> Measure | None:
        return self.rows.get(ref)

    async def put(self, measure: Measure) -> None:
        self.rows[measure.ref] = measure

    async def stamps(self, kind: str) -> Mapping[TrackRef, str]:
        return {ref: row.stamp for ref, row in self.rows.items() if row.whole and ref.startswith(f"{kind}:")}


class FakeRooms:
    """Rooms in memory, with versions, command ids and events as a store has them."""

    def __init__(self, bus: Bus | None = None) -> None:
        self.rooms: dict[RoomId, Room] = {}
        self.events: list[Event] = []
        self.played: list[Play] = []
        self.audits: list[Audit] = []
        self.results: dict[CommandId, Any] = {}
        self.positions: dict[RoomId, int] = {}
        self._bus = bus

    def add(self, room: Room) -> Room:
        self.rooms[room.id] = room
        return room

    async def apply(self, room: RoomId, command: Callable[[Room], T], *, command_id: CommandId | None = None) -> T:
        await asyncio.sleep(0)
        if command_id is not None and command_id in self.results:
            return self.results[command_id]
        state = await self.read(room)
        result = command(state)
        changes = state.take_changes()
        state.version += 1
        if command_id is not None:
            self.results[command_id] = result
        self.played.extend(changes.plays)
        self.audits.extend(changes.audits)
        for event in changes.events:
            stamped = replace(event, version=state.version)
            self.events.append(stamped)
            if self._bus is not None:
                self._bus.publish(stamped)
        return result

    async def read(self, room: RoomId, *, known: int = 0) -> Room:
        if room not in self.rooms:
            raise NoSuchRoomError
        return self.rooms[room]

    async def active(self) -> Sequence[RoomId]:
        return [one.id for one in self.rooms.values() if one.current or one.voice_channel or one.people]

    async def checkpoint(self, positions: dict[RoomId, int]) -> None:
        self.positions.update(positions)

    async def plays(self, room: RoomId, *, limit: int = 20) -> Sequence[Play]:
        return [play for play in reversed(self.played) if play.room == room][:limit]

    async def audit(self, place: PlaceId | None, *, before: int | None = None, limit: int = 50) -> Sequence[Audited]:
        rows = [Audited(number, row) for number, row in enumerate(self.audits, 1) if place in {None, row.place}]
        return [it for it in reversed(rows) if before is None or it.id < before][:limit]


class FakeShelf:
    """The history of rooms in memory, and favourites; nobody is linked to anybody."""

    def __init__(self, rooms: FakeRooms) -> None:
        self._rooms = rooms
        self.kept: dict[PersonId, list[Track]] = {}

    async def history(self, room: RoomId, *, before: int | None = None, size: int = 10) -> Sequence[Played]:
        plays = [Played(number, play) for number, play in enumerate(self._rooms.played, 1) if play.room == room]
        return [played for played in reversed(plays) if before is None or played.id < before][:size]

    async def play(self, room: RoomId, entry: EntryId) -> Play | None:
        plays = (play for play in reversed(self._rooms.played) if play.room == room and play.entry == entry)
        return next(plays, None)

    async def left(self, room: RoomId, refs: Sequence[TrackRef]) -> Mapping[TrackRef, int]:
        latest = {play.ref: play for play in self._rooms.played if play.room == room and play.ref in refs}
        found = {ref: place(play) for ref, play in latest.items()}
        return {ref: place for ref, place in found.items() if place is not None}

    async def favourites(self, person: PersonId, *, offset: int = 0, size: int = 10) -> Sequence[Track]:
        return self.kept.get(person, [])[::-1][offset : offset + size]

    async def is_favourite(self, person: PersonId, track: Track) -> bool:
        return any(kept.ref == track.ref for kept in self.kept.get(person, []))

    async def keep(self, person: PersonId, track: Track) -> None:
        if not await self.is_favourite(person, track):
            self.kept.setdefault(person, []).append(track)

    async def let_go(self, person: PersonId, track: Track) -> None:
        self.kept[person] = [kept for kept in self.kept.get(person, []) if kept.ref != track.ref]


class FakePlaces:
    """Places, rooms and people that come into being when they are asked for."""

    def __init__(self, rooms: FakeRooms) -> None:
        self._rooms = rooms
        self.refs: dict[RoomId, RoomRef] = {}
        self.people: dict[tuple[str, str], PersonId] = {}
        self.called: dict[PersonId, str] = {}

    async def lobby(self) -> RoomRef:
        ref = RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby")
        return self._known(ref, Settings(guests=Guests.ADD))

    async def guild_room(self, bot_account: int, guild: int, name: str) -> RoomRef:
        ref = RoomRef(RoomId(f"room-of-{guild}"), PlaceId(f"discord:{guild}"), name, bot_account, guild)
        return self._known(ref, Settings())

    def _known(self, ref: RoomRef, settings: Settings) -> RoomRef:
        self.refs[ref.room] = ref
        if ref.room not in self._rooms.rooms:
            self._rooms.add(Room(ref.room, ref.place, ref.name, settings=settings))
        self._rooms.rooms[ref.room].name = ref.name
        return ref

    async def place_room(self, place: PlaceId, name: str) -> RoomRef:
        room = RoomId(f"room-of-{place}")
        known = self.refs.get(room)
        return self._known(RoomRef(room, place, name or (known.name if known else "")), Settings())

    async def room(self, room: RoomId) -> RoomRef | None:
        return self.refs.get(room)

    async def entrance(self, room: RoomId) -> RoomRef | None:
        return self.refs.get(room)

    async def all_rooms(self) -> Sequence[RoomRef]:
        return list(self.refs.values())

    async def person(self, identity: Identity) -> PersonId:
        key = (identity.kind, identity.external)
        person = self.people.setdefault(key, PersonId(f"{identity.kind}-{identity.external}"))
        self.called[person] = identity.name
        return person

    async def names(self, people: Collection[PersonId]) -> Mapping[PersonId, str]:
        return {person: self.called[person] for person in people if person in self.called}


class FakeLiveMessages:
    """Panel messages in memory."""

    def __init__(self) -> None:
        self.messages: dict[RoomId, tuple[int, int]] = {}

    async def get(self, room: RoomId) -> tuple[int, int] | None:
        return self.messages.get(room)

    async def put(self, room: RoomId, channel: int, message: int) -> None:
        self.messages[room] = (channel, message)

    async def forget(self, room: RoomId) -> None:
        self.messages.pop(room, None)


def track(title: str = "Song", length: int | None = 180_000, **fields: Any) -> Track:
    """A library track named by its title."""
    return Track(TrackRef(f"library:{title}"), title, length=length, **fields)


class FakeLibrary:
    """A few tracks; a title matches when it holds the query."""

    def __init__(self, *tracks: Track) -> None:
        self.tracks = list(tracks)

    async def search(self, query: str, *, limit: int = 10) -> Sequence[Track]:
        return [one for one in self.tracks if query.lower() in one.title.lower()][:limit]

    async def cover(self, key: str, size: int) -> None:
        return None

    async def fallback(self) -> Sequence[Track]:
        return []


class FakeResolver:
    """Answers from a library; `remote` queries (links) wait until `gate` is set."""

    def __init__(self, library: FakeLibrary) -> None:
        self._library = library
        self.remote: dict[str, Found | Exception] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[str | Attachment] = []
        self.shows: dict[str, Show] = {}
        self.parts: list[Chapter] = []

    async def resolve(self, query: str | Attachment, *, limit: int) -> Found:
        self.asked.append(query)
        key = query.filename if isinstance(query, Attachment) else query
        if key in self.remote:
            await self.gate.wait()
            found = self.remote[key]
            if isinstance(found, Exception):
                raise found
            return Found(found.tracks[:limit], found.playlist, found.resumes)
        tracks = [one for one in self._library.tracks if one.ref == key] or await self._library.search(key, limit=1)
        if not tracks:
            raise NothingFoundError(key)
        return Found(tuple(tracks[:1]))

    async def look_up(self, lines: Sequence[ListLine]) -> Sequence[Track | None]:
        return [self._known(line) for line in lines]

    def _known(self, line: ListLine) -> Track | None:
        if line.address.startswith("https://"):
            return Track(TrackRef(f"url:{line.address}"), line.title, line.artist, line.length, uri=line.address)
        return next((one for one in self._library.tracks if line.address == one.ref or line.title == one.title), None)

    async def chapters(self, track: Track) -> Sequence[Chapter]:
        return self.parts

    async def episodes(self, link: str) -> Show | None:
        return self.shows.get(link)

    def local(self, query: str) -> bool:
        return "://" not in query
