"""What every store of places, people and live messages promises, on each database."""

import asyncio

import pytest

from core.enums import Guests, Surface
from core.ports.places import RoomRef
from core.types import LOBBY, Identity, PersonId, PlaceId, RoomId
from db.engine import Database
from db.places import SqlLiveMessages, SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder


@pytest.fixture
def places(database: Database) -> SqlPlaces:
    return SqlPlaces(database, MovedClock())


@pytest.fixture
def rooms(database: Database) -> SqlRooms:
    return SqlRooms(database, Recorder(), MovedClock())


async def test_the_lobby_is_made_once_and_guests_may_add(places: SqlPlaces, rooms: SqlRooms) -> None:
    refs = await asyncio.gather(*(places.lobby() for _ in range(8)))
    assert set(refs) == {RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby")}
    room = await rooms.read(LOBBY)
    assert room.settings.guests == Guests.ADD
    assert room.volume == room.settings.default_volume


async def test_a_guild_has_one_room_per_bot_account(places: SqlPlaces, rooms: SqlRooms) -> None:
    refs = await asyncio.gather(*(places.guild_room(1, 2**62, "Jazz") for _ in range(8)))
    other = await places.guild_room(2, 2**62, "Jazz")
    assert len(set(refs)) == 1
    assert refs[0] == RoomRef(refs[0].room, PlaceId(f"discord:{2**62}"), "Jazz", 1, 2**62)
    assert other.room != refs[0].room
    assert len(other.room) == 22
    assert (await rooms.read(other.room)).settings.guests == Guests.LISTEN


async def test_a_guilds_new_name_is_taken_over(places: SqlPlaces, rooms: SqlRooms) -> None:
    ref = await places.guild_room(1, 2, "Jazz")
    assert (await rooms.read(ref.room)).name == "Jazz"
    assert (await places.guild_room(1, 2, "Bebop")).name == "Bebop"
    assert (await rooms.read(ref.room)).name == "Bebop"
    assert await places.room(ref.room) == RoomRef(ref.room, ref.place, "Bebop", 1, 2)


async def test_rooms_are_listed(places: SqlPlaces) -> None:
    assert await places.all_rooms() == []
    refs = [await places.lobby(), await places.guild_room(1, 2, "Jazz"), await places.guild_room(1, 3, "Pop")]
    assert {it.room for it in await places.all_rooms()} == {it.room for it in refs}
    assert await places.room(RoomId("nowhere")) is None


async def test_an_identity_is_one_person_for_ever(places: SqlPlaces) -> None:
    ann = Identity(Surface.DISCORD, "1", "Ann")
    people = await asyncio.gather(*(places.person(ann) for _ in range(8)))
    renamed = await places.person(Identity(Surface.DISCORD, "1", "Ann 🎷"))
    others = [
        await places.person(Identity(Surface.WEB, "1", "Ann")),
        await places.person(Identity(Surface.DISCORD, "2", "Ann")),
    ]
    assert {*people, renamed} == {renamed}
    assert len({renamed, *others}) == 3


async def test_a_live_message_is_remembered_until_it_is_gone(places: SqlPlaces, database: Database) -> None:
    lobby = (await places.lobby()).room
    messages = SqlLiveMessages(database)
    assert await messages.get(lobby) is None
    for message in (4, 5):
        await messages.put(lobby, 3, message)
        assert await SqlLiveMessages(database).get(lobby) == (3, message)
    await messages.forget(lobby)
    assert await messages.get(lobby) is None


async def test_people_are_called_by_their_latest_name(places: SqlPlaces) -> None:
    ann = await places.person(Identity(Surface.DISCORD, "1", "Ann"))
    ben = await places.person(Identity(Surface.WEB, "2", "Ben"))
    await places.person(Identity(Surface.DISCORD, "1", "Anna"))
    assert await places.names([ann, ben, PersonId("nobody")]) == {ann: "Anna", ben: "Ben"}
    assert await places.names([]) == {}
