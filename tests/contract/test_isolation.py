"""Two places with each other's ids: no command and no route reads or changes anything across."""

import inspect
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.enums import BlockKind, EndReason, Loop, Mode, Surface
from core.errors import ChorusError
from core.jukebox import Jukebox
from core.ports.places import RoomRef
from core.ports.tracks import Attachment, Chapter, Found, ListLine, Show
from core.reports import Reports
from core.room import Room
from core.types import Actor, EntryId, Identity, Track, TrackRef
from db.engine import Database
from db.migrate import migrate
from db.places import SqlPlaces
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from tests.db.commands import MovedClock, Recorder
from tests.db.samples import contents
from tests.fakes import FakeClock
from tests.web.harness import Site, make_site

if TYPE_CHECKING:
    from aiohttp import web

SECRET = "bravo"
"""Stands in everything of the other place."""
ROUNDS = 3
WITHOUT_ROOM = {"favourites"}
"""What belongs to a person, wherever they are."""
Everything = dict[str, list[dict[str, Any]]]


class Resolver:
    """Finds whatever is asked for."""

    async def resolve(self, query: str | Attachment, *, limit: int) -> Found:
        return Found((Track(TrackRef("library:new"), "new", length=60_000),))

    def local(self, query: str) -> bool:
        return True

    async def chapters(self, track: Track) -> Sequence[Chapter]:
        return ()

    async def episodes(self, link: str) -> Show | None:
        return None

    async def look_up(self, lines: Sequence[ListLine]) -> Sequence[Track | None]:
        return [Track(TrackRef("library:new"), "new", length=60_000) for _ in lines]


@dataclass
class Place:
    """A guild in the middle of its evening; `ids` are those of its entries, plays and changes."""

    ref: RoomRef
    admin: Actor
    listener: Actor
    entries: list[EntryId]
    rows: list[int]


class Evening:
    """Two guilds of one installation; everything of the second says `bravo`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = MovedClock()
        self.rooms = SqlRooms(database, Recorder(), self.clock)
        self.places = SqlPlaces(database, self.clock)
        self.jukebox = Jukebox(self.rooms, self.clock, Resolver(), SqlShelf(database, self.clock))
        self.reports = Reports(self.rooms, self.clock)
        self.ours: Place
        self.theirs: Place

    async def begin(self) -> None:
        self.ours = await self._fill(1, "alpha", 6, voice=10)
        self.theirs = await self._fill(2, SECRET, 12, voice=20)

    async def _fill(self, guild: int, name: str, songs: int, voice: int) -> Place:
        ref = await self.places.guild_room(1, guild, f"{name} guild")
        people = [Identity(Surface.DISCORD, f"{guild}{n}", f"{name} {n}") for n in range(2)]
        admin, listener = [
            Actor(await self.places.person(it), it.name, ref.place, Surface.DISCORD, voice) for it in people
        ]
        admin = replace(admin, admin=True, dj=True)
        await self.jukebox.join(ref.room, admin)
        for number in range(songs):
            track = Track(TrackRef(f"library:{name}{number}"), f"{name} {number}", name, 60_000)
            await self.jukebox.add(ref.room, (admin, listener)[number % 2], [track])
        for _ in range(3):
            current = (await self.rooms.read(ref.room)).current
            assert current
            await self.reports.track_started(ref.room, current.entry.id, node=name)
            await self.jukebox.favourite(ref.room, listener)
            await self.reports.track_ended(ref.room, current.entry.id, EndReason.FINISHED)
        await self.jukebox.configure(ref.room, admin, {"max_queue": 50 + guild})
        await self.jukebox.block(ref.room, admin, BlockKind.WORD, f"{name} word")
        await self.jukebox.close(ref.room, admin, closed=True)
        await self.jukebox.close(ref.room, admin, closed=False)
        waiting = list((await self.rooms.read(ref.room)).entries)
        await self.jukebox.remove(ref.room, admin, waiting.pop())
        await self.jukebox.vote(ref.room, listener, waiting[0 if waiting[0] % 2 else 1], 1)
        played = [it.id for it in await self.jukebox.history(ref.room)]
        audited = [it.id for it in await self.jukebox.audit(ref.room, admin)]
        return Place(ref, admin, listener, waiting, [*played, *audited])


@pytest.fixture
async def evening(sqlite_url: str) -> AsyncIterator[Evening]:
    database = Database(sqlite_url)
    await migrate(database)
    evening = Evening(database)
    await evening.begin()
    yield evening
    await evening.rooms.close()
    await database.close()


def methods() -> list[str]:
    return [name for name in dir(Jukebox) if not name.startswith("_")]


class Caller:
    """Calls commands with whatever ids the other place has."""

    def __init__(self, evening: Evening, seed: str) -> None:
        self._dice = random.Random(seed)
        self._evening = evening
        pick, theirs = self._dice.choice, evening.theirs
        entry = lambda: pick([*theirs.entries, *range(1, 15)])  # noqa: E731
        self._values: dict[str, Callable[[], Any]] = {
            "entry": entry,
            "first": entry,
            "second": entry,
            "entries": lambda: [entry(), entry()],
            "before": lambda: pick([*theirs.rows, max(theirs.rows) + 1, None]),
            "person": lambda: pick([theirs.admin.person, theirs.listener.person]),
            "tracks": lambda: [Track(TrackRef("library:new"), "new", length=60_000)],
            "query": lambda: "new",
            "link": lambda: "https://example.org/feed",
            "rank": lambda: pick([1, 2, 5]),
            "value": lambda: pick([-1, 1]),
            "changes": lambda: {"max_queue": 10},
            "kind": lambda: "json",
            "closed": lambda: pick([True, False]),
            "loop": lambda: pick([*Loop]),
            "mode": lambda: pick([*Mode]),
            "position": lambda: 1_000,
            "volume": lambda: 55,
            "wanted": lambda: "nightcore",
            "ms": lambda: 2_000,
            "on": lambda: pick([True, False]),
            "filename": lambda: "list.m3u8",
            "content": lambda: b"#EXTM3U\nlibrary:new\n",
            "at": lambda: None,
            "next": lambda: pick([True, False]),
            "page": lambda: 0,
            "size": lambda: 50,
            "offset": lambda: 0,
        }

    def call(self, name: str, place: Place, actor: Actor) -> Awaitable[Any]:
        """A method on the room of `place`, by `actor`."""
        method = getattr(self._evening.jukebox, name)
        given: dict[str, Any] = {}
        for parameter in list(inspect.signature(method).parameters.values()):
            if parameter.name == "room":
                given["room"] = place.ref.room
            elif parameter.name == "actor":
                given["actor"] = actor
            elif parameter.name != "command_id":
                given[parameter.name] = self._values[parameter.name]()  # a new parameter needs a value above
        return method(**self._fitting(name, given, actor))

    def _fitting(self, name: str, given: dict[str, Any], actor: Actor) -> dict[str, Any]:
        if name in {"block", "unblock"}:
            return given | {"kind": BlockKind.TRACK, "value": given["value"] and self._values["entry"]()}
        if name == "why_poll":
            return given | {"kind": "skip"}
        if name == "view":
            return given | {"person": actor.person}
        return given


async def outcome(attempt: Awaitable[Any]) -> str:
    """What a caller gets to see; what they gave themselves (their own name, what they asked) is no secret."""
    try:
        return repr(await attempt)
    except ChorusError as error:
        return f"{error!r} {vars(error)}"


async def others(evening: Evening) -> Everything:
    """Every row that is not about our place, its room, and its people's favourites."""
    ours = evening.ours
    known = {ours.ref.room, ours.ref.place, ours.admin.person, ours.listener.person}
    return {
        name: [row for row in rows if not known & {row.get(key) for key in ("room", "place", "id", "person")}]
        for name, rows in (await contents(evening.database)).items()
    }


@pytest.mark.parametrize("name", methods())
async def test_our_room_with_their_ids(evening: Evening, name: str) -> None:
    before = await others(evening)
    assert SECRET in json.dumps(before)
    for seed in range(ROUNDS):
        caller = Caller(evening, f"{name}{seed}")
        for actor in (evening.ours.admin, evening.ours.listener):
            seen = await outcome(caller.call(name, evening.ours, actor)) if name not in WITHOUT_ROOM else ""
            assert SECRET not in seen
    assert await others(evening) == before
    theirs = await SqlRooms(evening.database, Recorder(), evening.clock).read(evening.theirs.ref.room)
    assert theirs == await evening.rooms.read(evening.theirs.ref.room)


@pytest.mark.parametrize(
    "name", [name for name in methods() if "actor" in inspect.signature(getattr(Jukebox, name)).parameters]
)
async def test_their_room_for_people_of_ours(evening: Evening, name: str) -> None:
    """Who is an admin here is nobody there, even with the room's id, even beside the same people."""
    before = await contents(evening.database)
    for seed in range(ROUNDS):
        caller = Caller(evening, f"{name}{seed}")
        for actor in (evening.ours.admin, evening.ours.listener, replace(evening.ours.admin, voice_channel=20)):
            seen = await outcome(caller.call(name, evening.theirs, actor))
            assert "Error" in seen
            assert SECRET not in seen
    assert await contents(evening.database) == before


class Visit:
    """Somebody on the page of our room; their room is a guild's of the same installation."""

    def __init__(self, site: Site, client: "TestClient[web.Request, web.Application]") -> None:
        self.site = site
        self._client = client
        self._csrf = ""

    async def open(self) -> None:
        page = await (await self._client.get("/r/lobby")).text()
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found
        self._csrf = found[1]

    async def ask(self, method: str, path: str, fields: dict[str, str]) -> str:
        """What the visitor gets to see at once; endless answers are left after their first words."""
        data = {"csrf": self._csrf, **fields} if method == "POST" else None
        headers = {"HX-Request": "true"}
        async with self._client.request(method, path, params=fields, data=data, headers=headers) as answer:
            first = await answer.content.readany()
            if answer.content_type in {"text/event-stream", "audio/ogg"}:
                return repr(first)
            return repr(first + await answer.read())


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncIterator[Visit]:
    site = await make_site(tmp_path, clock=FakeClock())
    ref = await site.places.guild_room(1, 2, f"{SECRET} guild")
    for name in (f"{SECRET} one", f"{SECRET} two"):
        actor = await site.come(name, ref.place, ref.room)
        for number in range(20):
            track = Track(TrackRef(f"library:{SECRET}{number}"), f"{SECRET} {number}", SECRET, 60_000)
            await site.jukebox.add(ref.room, actor, [track])
    guest = await site.come("guest")
    await site.jukebox.add(site.lobby.room, guest, [Track(TrackRef("library:0"), "ours", length=60_000)] * 3)
    async with TestClient(TestServer(site.app)) as client:
        visit = Visit(site, client)
        await visit.open()
        yield visit


async def test_every_route_of_our_room_with_their_ids(visit: Visit) -> None:
    site = visit.site
    (their_room,) = [room for room in site.rooms.rooms.values() if SECRET in room.name]
    before = state(their_room)
    routes = [it for it in site.app.router.routes() if it.resource and "{room}" in it.resource.canonical]
    assert len(routes) > 10
    for route, entry in itertools.product(routes, (max(their_room.entries), min(their_room.entries))):
        assert route.resource
        path = route.resource.canonical.replace("{room}", site.lobby.room)
        fields = {
            "entry": f"{entry}", "page": "1", "before": "40", "kind": "skip", "value": "1", "way": "1", "ends": "x",
            "command": f"{route}{entry}",
        }  # fmt: skip
        seen = await visit.ask(route.method, path, fields)
        assert SECRET not in seen, path
        assert state(their_room) == before, path


def state(room: Room) -> str:
    """All that is stored of a room."""
    return repr(replace(room, order=None))
