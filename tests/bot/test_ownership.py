"""Which process acts for which rooms."""

from collections.abc import AsyncIterator

import pytest

from bot.ownership import Ownership
from core.ports.places import RoomRef
from core.types import LOBBY, PlaceId, RoomId
from db.engine import Database
from db.leases import SqlLeases
from db.migrate import migrate

LOBBY_ROOM = RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby")
GUILD_ROOM = RoomRef(RoomId("r"), PlaceId("discord:7"), "Guild", bot_account=42, guild=7 << 22)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    await migrate(database)
    yield database
    await database.close()


async def test_rooms_without_a_guild_are_ours_at_once_and_guilds_with_their_shards(database: Database) -> None:
    ours = Ownership(SqlLeases(database, "a"))
    await ours.start()
    assert ours.owns(LOBBY_ROOM)
    assert not ours.owns(GUILD_ROOM)
    await ours.want_shards(42, 2)
    assert ours.owns(GUILD_ROOM)
    assert not ours.owns(RoomRef(RoomId("x"), PlaceId("discord:7"), "Other bot", bot_account=43, guild=7 << 22))


async def test_another_process_waits_and_a_restarted_one_does_not(database: Database) -> None:
    first = Ownership(SqlLeases(database, "a"))
    await first.start()
    await first.want_shards(42, 2)
    other = Ownership(SqlLeases(database, "b"))
    await other.start()
    await other.want_shards(42, 2)
    assert not other.owns(LOBBY_ROOM)
    assert not other.owns(GUILD_ROOM)
    again = Ownership(SqlLeases(database, "a"))
    await again.start()
    assert again.owns(LOBBY_ROOM)
    assert again.owns(GUILD_ROOM)  # without waiting for Discord to say how many shards there are


async def test_what_is_given_back_is_free(database: Database) -> None:
    leases = SqlLeases(database, "a")
    await Ownership(leases).start()
    await leases.release()
    other = Ownership(SqlLeases(database, "b"))
    await other.start()
    assert other.owns(LOBBY_ROOM)
