"""What is remembered about chats, on every database."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from core.enums import Surface
from core.jukebox import Jukebox
from core.jukebox.queueing import Queueing
from core.ports.chats import Chat
from core.ports.places import RoomRef
from core.ports.pushes import Push
from core.records.rows import Audit
from core.types import Actor, Identity, PersonId, PlaceId, RoomId, Track, TrackRef
from db.chats import SqlChats
from db.engine import Database
from db.groups import Groups
from db.links import SqlLinks
from db.models import audit
from db.places import SqlPlaces
from db.pushes import SqlPushes
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder

OLD, NEW = PlaceId("telegram:-5"), PlaceId("telegram:-100500")


@pytest.fixture
def chats(database: Database) -> SqlChats:
    return SqlChats(database)


@pytest.fixture
def places(database: Database) -> SqlPlaces:
    return SqlPlaces(database, MovedClock())


async def test_a_chat_is_remembered_as_it_was_put_last(chats: SqlChats, places: SqlPlaces) -> None:
    await places.place_room(OLD, "Testers")
    assert await chats.all() == []
    await chats.put(Chat(OLD, 5, 7, "es"))
    await chats.put(Chat(OLD, 6, None, "es"))
    assert await chats.all() == [Chat(OLD, 6, None, "es")]


async def test_where_people_acted_last(chats: SqlChats, places: SqlPlaces) -> None:
    ann = await places.person(Identity(Surface.TELEGRAM, "1", "Ann"))
    assert await chats.visited(ann) is None
    await chats.visit(ann, OLD)
    await chats.visit(ann, NEW)
    assert await chats.visited(ann) == NEW


async def test_a_room_is_called_as_its_chat_is(places: SqlPlaces, database: Database) -> None:
    rooms = SqlRooms(database, Recorder(), MovedClock())
    ref = await places.place_room(OLD, "Testers")
    assert (await rooms.read(ref.room)).name == "Testers"
    assert (await places.place_room(OLD, "Choir")).name == "Choir"
    assert (await places.place_room(OLD, "")).name == "Choir"
    assert (await rooms.read(ref.room)).name == "Choir"
    await rooms.close()


async def test_a_chat_with_another_id_keeps_its_room(chats: SqlChats, places: SqlPlaces, database: Database) -> None:
    rooms = SqlRooms(database, Recorder(), MovedClock())
    ref = await places.place_room(OLD, "Testers")
    ann = await places.person(Identity(Surface.TELEGRAM, "1", "Ann"))
    jukebox = Queueing(rooms, MovedClock(), None, None)  # pyright: ignore[reportArgumentType] - nothing is looked up
    track = Track(TrackRef("library:1"), "Aria", length=60_000)
    await jukebox.add(ref.room, Actor(ann, "Ann", OLD, Surface.TELEGRAM), [track, track])
    await chats.put(Chat(OLD, 5, None, "es"))
    await chats.visit(ann, OLD)
    pushes = SqlPushes(database, [b"k" * 32])
    by = Audit(1, ann, Surface.TELEGRAM, OLD, "push.added", {}, {})
    push = await pushes.put(Push("", ref.room, "rtmp://a/s", "rtmp://a/s/k"), by, most=1)
    await chats.move(OLD, NEW)
    await chats.move(OLD, NEW)
    assert await chats.visited(ann) == NEW
    assert [one.id for one in await pushes.of(ref.room)] == [push]
    async with database.read() as connection:
        assert await connection.scalar(select(audit.c.place)) == NEW
    assert await places.place_room(NEW, "Testers") == replace(ref, place=NEW)
    state = await rooms.read(ref.room)
    assert state.place == NEW
    assert {one.place for one in state.entries.values()} == {NEW}
    await jukebox.add(ref.room, Actor(ann, "Ann", NEW, Surface.TELEGRAM), [track])
    assert await chats.all() == [Chat(NEW, None, None, "es")]
    await rooms.close()


async def test_a_chat_with_another_id_still_shares_the_room(
    chats: SqlChats, places: SqlPlaces, database: Database
) -> None:
    groups, clock = Groups(), MovedClock()
    host, own = await places.guild_room(1, 7, "Guild"), await places.place_room(OLD, "Testers")
    actor = Actor(PersonId("ann"), "Ann", OLD, Surface.TELEGRAM, admin=True)
    links = SqlLinks(database, Recorder(), clock, groups)
    await links.link(actor, OLD, host.room)
    await chats.move(OLD, NEW)
    assert await places.place_room(NEW, "Testers") == host
    rooms = SqlRooms(database, Recorder(), clock)
    assert (await rooms.read(host.room)).linked == (NEW,)
    await rooms.close()
    assert await links.unlink(actor, NEW) == own.room


class Evening:
    """A chat under two ids, with something asked for under each."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock, self.groups = database, MovedClock(), Groups()
        self.rooms = SqlRooms(database, Recorder(), self.clock, groups=self.groups)
        self.places = SqlPlaces(database, self.clock, self.groups)
        self.links = SqlLinks(database, Recorder(), self.clock, self.groups)
        self.chats = SqlChats(database)
        self.jukebox = Jukebox(self.rooms, self.clock, None, None)  # pyright: ignore[reportArgumentType] - nothing is looked up

    async def ask(self, place: PlaceId, *titles: str) -> RoomRef:
        ref = await self.places.place_room(place, "Testers")
        actor = await self.ann(place)
        for title in titles:
            await self.jukebox.add(ref.room, actor, [Track(TrackRef(f"library:{title}"), title, length=60_000)])
        return ref

    async def ann(self, place: PlaceId) -> Actor:
        person = await self.places.person(Identity(Surface.TELEGRAM, "1", "Ann"))
        return Actor(person, "Ann", place, Surface.TELEGRAM, dj=True, admin=True)

    async def heard(self, room: RoomId) -> tuple[str | None, list[str]]:
        state = await self.rooms.read(room)
        now = state.current.entry.track.title if state.current else None
        return now, [it.track.title for it in sorted(state.entries.values(), key=lambda it: it.id)]


@pytest.fixture
async def evening(database: Database) -> AsyncIterator[Evening]:
    evening = Evening(database)
    yield evening
    await evening.rooms.close()


async def test_a_chat_that_is_known_by_both_ids_has_one_room_afterwards(evening: Evening) -> None:
    """Somebody was faster than the word that the group is a supergroup now: what waits under either id is kept."""
    was, early = await evening.ask(OLD, "Aria", "Blues"), await evening.ask(NEW, "Chant", "Dirge", "Elegy")
    await evening.jukebox.configure(was.room, await evening.ann(OLD), {"max_queue": 40})
    await evening.chats.put(Chat(OLD, 5, None, "es"))
    await evening.chats.put(Chat(NEW, 9, 3))
    for _ in range(3):  # both words of Telegram, and one that comes again
        await evening.chats.move(OLD, NEW)
        assert await evening.places.place_room(NEW, "") == replace(was, place=NEW)
        assert await evening.heard(was.room) == ("Aria", ["Blues", "Dirge", "Elegy"])
        assert await evening.heard(early.room) == (None, [])
    state = await evening.rooms.read(was.room)
    assert state.settings.max_queue == 40
    assert {it.place for it in (*state.entries.values(), *state.people.values())} == {NEW}
    assert await evening.chats.all() == [Chat(NEW, 9, 3, "es")]
    assert [it.title for it in await evening.rooms.plays(was.room, limit=9)] == ["Chant"]
    way_in = await evening.places.entrance(early.room)
    assert way_in
    assert way_in.room == was.room
    assert (await evening.ask(NEW, "Fugue")).room == was.room
    assert (await evening.heard(was.room))[1][-1] == "Fugue"


async def test_a_linked_chat_that_is_known_by_both_ids_shares_the_guilds_room(evening: Evening) -> None:
    host = await evening.places.guild_room(1, 7, "Guild")
    own = await evening.places.place_room(OLD, "Testers")
    await evening.links.link(await evening.ann(OLD), OLD, host.room)
    early = await evening.ask(NEW, "Chant", "Dirge")
    for _ in range(2):
        await evening.chats.move(OLD, NEW)
        assert await evening.places.place_room(NEW, "") == host
        assert (await evening.heard(host.room))[1] == ["Dirge"]
    assert NEW in (await evening.rooms.read(host.room)).linked
    way_in = await evening.places.entrance(early.room)
    assert way_in
    assert way_in.room == host.room
    assert await evening.links.unlink(await evening.ann(NEW), NEW) == own.room
    assert await evening.places.place_room(NEW, "") == replace(own, place=NEW)


async def test_a_supergroup_that_was_linked_meanwhile_stays_so(evening: Evening) -> None:
    host = await evening.places.guild_room(1, 7, "Guild")
    was = await evening.ask(OLD, "Aria", "Blues")
    await evening.ask(NEW)
    await evening.links.link(await evening.ann(NEW), NEW, host.room)
    for _ in range(2):
        await evening.chats.move(OLD, NEW)
        assert await evening.places.place_room(NEW, "") == host
    assert await evening.links.unlink(await evening.ann(NEW), NEW) == was.room
    assert "Blues" in (await evening.heard(was.room))[1]
