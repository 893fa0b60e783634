"""What is remembered about chats, on every database."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from core.enums import Surface
from core.jukebox.queueing import Queueing
from core.ports.chats import Chat
from core.ports.pushes import Push
from core.records.rows import Audit
from core.types import Actor, Identity, PersonId, PlaceId, Track, TrackRef
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
