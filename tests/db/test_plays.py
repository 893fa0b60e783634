"""The log of plays on each database: streamed, and pruned by plan."""

from collections.abc import Callable

import pytest
from sqlalchemy import insert

from core.types import LOBBY, Limits, PlaceId, RoomId
from db.engine import Database
from db.models import links, plays
from db.places import SqlPlaces
from db.plays import DAY, PlayLog
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder

NOW = MovedClock().now()


async def log(database: Database, *, together: int = 3) -> PlayLog:
    await SqlPlaces(database, MovedClock()).lobby()
    return PlayLog(database, together=together)


async def played(database: Database, room: str, *ended_at: int) -> None:
    row = {
        "room": room, "place": "web:lobby", "entry": 1, "person": "ann", "ref": "library:1", "title": "Song",
        "output": "stream", "started_at": 0, "heard": 1, "listeners_start": 1, "listeners_end": 1, "reason": "finished",
        "likes": 0, "skips": 0, "artist": "",
    }  # fmt: skip
    async with database.write() as connection:
        if ended_at:
            await connection.execute(insert(plays), [{**row, "ended_at": at} for at in ended_at])


async def times(log: PlayLog, room: str | None = None) -> list[int]:
    return [row["ended_at"] async for row in log.rows(RoomId(room) if room else None)]


@pytest.mark.parametrize("count", [0, 1, 3, 7])
async def test_all_plays_are_read_in_order_a_few_at_a_time(database: Database, count: int) -> None:
    reader = await log(database)
    await played(database, LOBBY, *range(count))
    await played(database, "other", 99)
    assert await times(reader) == [*range(count), 99]
    assert await times(reader, LOBBY) == [*range(count)]
    assert await times(reader, "nowhere") == []


async def test_what_is_played_meanwhile_is_left_for_the_next_time(database: Database) -> None:
    reader = await log(database)
    await played(database, LOBBY, 1, 2, 3, 4)
    seen: list[int] = []
    async for row in reader.rows():
        await played(database, LOBBY, 50)
        seen.append(row["ended_at"])
    assert seen == [1, 2, 3, 4]


def keeping(days: int, place: PlaceId | None = None) -> Callable[[PlaceId], Limits]:
    """What plans keep: so many days for one place or for all, everything for the others."""
    return lambda asked: Limits(history_days=days if place in {None, asked} else None)


async def test_plays_older_than_the_plan_keeps_them_go(database: Database) -> None:
    pruned = await log(database)
    days = [NOW - day * DAY for day in range(40, 0, -1)]
    guild = await SqlPlaces(database, MovedClock()).guild_room(1, 2, "Guild")
    for room in (LOBBY, guild.room):
        await played(database, room, *days)
    assert await pruned.prune(keeping(30, guild.place), NOW) == 10
    assert len(await times(pruned, LOBBY)) == 40
    assert await times(pruned, guild.room) == days[10:]
    assert await pruned.prune(keeping(30, guild.place), NOW) == 0
    assert await pruned.prune(keeping(0), NOW, spared=NOW) == 0, "nothing of before"
    assert await pruned.prune(keeping(0), NOW) == 70
    assert await times(pruned) == []


async def test_a_shared_room_keeps_what_the_best_plan_of_its_places_keeps(database: Database) -> None:
    pruned = await log(database)
    chat = await SqlPlaces(database, MovedClock()).place_room(PlaceId("telegram:5"), "Chat")
    async with database.write() as connection:
        await connection.execute(insert(links), {"place": chat.place, "room": LOBBY, "at": 1})
    await played(database, LOBBY, NOW - 20 * DAY)
    await played(database, chat.room, NOW - 20 * DAY)
    plans = {chat.place: Limits(history_days=5)}
    assert await pruned.prune(lambda place: plans.get(place, Limits(history_days=30)), NOW) == 1
    assert (await times(pruned, LOBBY), await times(pruned, chat.room)) == ([NOW - 20 * DAY], [])


async def test_a_long_history_is_pruned_in_batches_and_the_rooms_read_on(database: Database) -> None:
    pruned = await log(database, together=500)
    await played(database, LOBBY, *([1] * 2_600), NOW)
    assert await pruned.prune(keeping(1), NOW) == 2_600
    assert len(await SqlRooms(database, Recorder(), MovedClock()).plays(LOBBY)) == 1
