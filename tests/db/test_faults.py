"""Databases that cannot be used, die at the wrong moment, or refuse what is written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from core.errors import StoreUnavailableError
from core.events import EntryQueued, Event
from core.records.results import Queued
from core.room import Room
from core.types import LOBBY, CommandId, EntryId, PersonId
from db.engine import Database
from db.migrate import migrate
from db.places import SqlPlaces
from db.results import answered
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder, queue, vote
from tests.db.proxy import Proxy
from tests.servers import Postgres
from tests.waiting import until


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.bus = Recorder()
        self.rooms = SqlRooms(database, self.bus, MovedClock())

    async def titles(self) -> list[str]:
        """What another process reads."""
        room = await SqlRooms(self.database, Recorder(), MovedClock()).read(LOBBY)
        return [entry.track.title for entry in room.entries.values()]


async def opened(url: str) -> Store:
    database = Database(url)
    await migrate(database)
    await SqlPlaces(database, MovedClock()).lobby()
    return Store(database)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = await opened(database_url)
    yield store
    await store.rooms.close()
    await store.database.close()


@pytest.fixture
async def on_sqlite(sqlite_url: str) -> AsyncIterator[Store]:
    store = await opened(sqlite_url)
    yield store
    await store.rooms.close()
    await store.database.close()


@pytest.fixture
async def on_postgres(postgres_url: str) -> AsyncIterator[Store]:
    store = await opened(postgres_url)
    yield store
    await store.rooms.close()
    await store.database.close()


def name_of(store: Store) -> str:
    return store.database.url.database or ""


async def test_a_thousand_votes_at_once_are_all_answered(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(count=20))
    start = monotonic()
    votes = (
        store.rooms.apply(LOBBY, vote(EntryId(1 + n % 20), PersonId(f"p{n}")), command_id=CommandId(f"{n}"))
        for n in range(1000)
    )
    results = await asyncio.gather(*votes)
    assert monotonic() - start < 5  # far above the figure to reach: this machine may be busy
    assert sorted(it.score for it in results) == sorted([*range(1, 51)] * 20)


async def test_bursts_in_many_rooms_of_two_processes_never_deadlock(store: Store) -> None:
    places = SqlPlaces(store.database, MovedClock())
    rooms = [(await places.guild_room(1, number, "Guild")).room for number in range(30)]
    other = SqlRooms(store.database, Recorder(), MovedClock())
    await asyncio.gather(*(store.rooms.apply(room, queue()) for room in rooms))
    await asyncio.gather(
        *(
            process.apply(room, vote(EntryId(1), PersonId(f"{name}{number}")))
            for number in range(10)
            for room in rooms
            for name, process in (("ours", store.rooms), ("theirs", other))
        )
    )
    assert {len((await other.read(room)).entries[EntryId(1)].votes) for room in rooms} == {20}


async def test_a_database_that_turns_read_only_refuses_writers_and_serves_readers(
    store: Store, postgres: Postgres
) -> None:
    await store.rooms.apply(LOBBY, queue("before"))
    turn = read_only_sqlite(store) if store.database.path else read_only_postgres(store, postgres)
    await turn(True)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await store.rooms.apply(LOBBY, queue("lost"), command_id=CommandId("a"))
        assert len((await store.rooms.read(LOBBY)).entries) == 1
    assert [type(it) for it in store.bus.events].count(EntryQueued) == 1
    await turn(False)
    assert (await store.rooms.apply(LOBBY, queue("after"), command_id=CommandId("a"))).entries == (2,)
    assert await store.titles() == ["before", "after"]


async def pragma(store: Store, statement: str) -> int:
    """Run it on the connection that writes."""
    async with store.database.writer.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw
        row = await (await raw.execute(f"PRAGMA {statement}")).fetchone()
        return row[0] if row else 0


def read_only_sqlite(store: Store) -> Callable[[bool], Awaitable[None]]:
    """Files cannot be protected from root, so the connection refuses."""

    async def turn(on: bool) -> None:
        await pragma(store, f"query_only={int(on)}")

    return turn


def read_only_postgres(store: Store, postgres: Postgres) -> Callable[[bool], Awaitable[None]]:
    """As a failover to a replica does, connections that exist included."""

    async def turn(on: bool) -> None:
        name = name_of(store)
        postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if on else 'off'}")
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    return turn


async def test_a_full_disk_loses_nothing_that_was_answered(on_sqlite: Store) -> None:
    store = on_sqlite

    async def limit(pages: int) -> None:
        await pragma(store, f"max_page_count={await pragma(store, 'page_count') + pages}")

    answered: list[str] = []

    async def fill() -> None:
        for number in range(100):
            title = f"{number} {'x' * 3000}"
            await store.rooms.apply(LOBBY, queue(title))
            answered.append(title)

    await limit(20)
    with pytest.raises(StoreUnavailableError):
        await fill()
    assert answered
    assert await store.titles() == answered
    assert [it.track.title for it in (await store.rooms.read(LOBBY)).entries.values()] == answered
    await limit(1000)
    await store.rooms.apply(LOBBY, queue("room again"))
    assert await store.titles() == [*answered, "room again"]


async def test_a_lock_held_for_ever_ends_in_a_refusal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program keeps the file, or the room's row, locked."""
    other = Database(str(store.database.url.render_as_string(hide_password=False)))
    engine = store.database.writer.sync_engine

    def impatient(connection: object, _branch: object = None) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA busy_timeout=200" if store.database.path else "SET lock_timeout='200ms'")
        cursor.close()

    event.listen(engine, "checkout", lambda connection, *_: impatient(connection))
    async with other.writer.begin() as connection:
        await connection.execute(text("UPDATE rooms SET version = version"))
        with pytest.raises(StoreUnavailableError):
            await store.rooms.apply(LOBBY, queue())
    await store.rooms.apply(LOBBY, queue("now"))
    assert await store.titles() == ["now"]
    await other.close()


async def test_nobody_waits_for_a_lock_longer_than_discord_does(store: Store) -> None:
    """Another program keeps the file, or the room's row; what was refused meanwhile is not done afterwards."""
    await store.rooms.read(LOBBY)
    other = Database(store.database.url.render_as_string(hide_password=False))

    def press(title: str) -> asyncio.Task[Queued]:
        return asyncio.create_task(store.rooms.apply(LOBBY, queue(title), command_id=CommandId(title)))

    async with other.writer.begin() as connection:
        await connection.execute(text("UPDATE rooms SET version = version"))
        begun = monotonic()
        waiting = [press("one"), press("two")]
        await asyncio.sleep(1)
        late = monotonic()
        waiting.append(press("three"))
        outcomes = await asyncio.gather(*waiting[:2], return_exceptions=True)
        assert monotonic() - begun < 2.9
        outcomes += await asyncio.gather(waiting[2], return_exceptions=True)
        assert monotonic() - late < 2.9
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 3
    await store.rooms.apply(LOBBY, queue("now"))
    assert await store.titles() == ["now"]
    await other.close()


async def test_other_writers_wait_for_a_locked_file_no_longer(on_sqlite: Store) -> None:
    """People and places are written outside of rooms."""
    other = Database(on_sqlite.database.url.render_as_string(hide_password=False))
    places = SqlPlaces(on_sqlite.database, MovedClock())
    async with other.writer.begin():
        begun = monotonic()
        with pytest.raises(StoreUnavailableError):
            await places.guild_room(1, 2, "Guild")
        assert monotonic() - begun < 2.9
        assert (await on_sqlite.rooms.read(LOBBY)).id == LOBBY
    await other.close()


async def test_one_locked_room_holds_up_no_other(on_postgres: Store) -> None:
    """Another process works on one room of several that wait together."""
    store = on_postgres
    places = SqlPlaces(store.database, MovedClock())
    rooms = [(await places.guild_room(1, number, "Guild")).room for number in range(4)]
    async with store.database.writer.connect() as connection:
        await connection.execute(text("SELECT 1 FROM rooms WHERE id = :room FOR UPDATE"), {"room": rooms[1]})
        tasks = [asyncio.create_task(store.rooms.apply(room, queue())) for room in rooms]
        await asyncio.wait_for(asyncio.gather(tasks[0], *tasks[2:]), 3)
        assert not tasks[1].done()
    assert (await tasks[1]).entries == (1,)


async def test_a_transaction_begun_anew_runs_each_command_once(
    on_postgres: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after it turned out that one of two rooms is somebody else's for the moment."""
    store = on_postgres
    places = SqlPlaces(store.database, MovedClock())
    rooms = [(await places.guild_room(1, number, "Guild")).room for number in range(2)]
    broken = iter([True])

    async def breaking(*arguments: Any) -> Any:
        if next(broken, False):
            raise DBAPIError("SELECT", {}, Exception(), connection_invalidated=True)
        return await answered(*arguments)

    monkeypatch.setattr("db.group_commit.answered", breaking)
    async with store.database.writer.connect() as connection:
        await connection.execute(text("SELECT 1 FROM rooms WHERE id = :room FOR UPDATE"), {"room": rooms[0]})
        tasks = [asyncio.create_task(store.rooms.apply(room, queue())) for room in rooms]
        await tasks[1]
    await tasks[0]
    assert [len((await store.rooms.read(room)).entries) for room in rooms] == [1, 1]


async def test_connections_that_died_while_idle_are_replaced(on_postgres: Store, postgres: Postgres) -> None:
    store = on_postgres
    await store.rooms.apply(LOBBY, queue("before"))
    await store.rooms.read(LOBBY)
    postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(store)}'")
    assert len((await store.rooms.read(LOBBY)).entries) == 1
    postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(store)}'")
    await store.rooms.apply(LOBBY, queue("after"))
    assert await store.titles() == ["before", "after"]


async def test_a_backend_killed_in_the_middle_of_a_transaction_leaves_nothing(
    on_postgres: Store, postgres: Postgres
) -> None:
    store = on_postgres

    def killed(room: Room) -> Queued:
        result = queue("lost")(room)
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(store)}'")
        return result

    outcomes = await asyncio.gather(
        store.rooms.apply(LOBBY, queue("also lost"), command_id=CommandId("a")),
        store.rooms.apply(LOBBY, killed, command_id=CommandId("b")),
        store.rooms.apply(LOBBY, queue("without an id")),
        return_exceptions=True,
    )
    assert [type(it) for it in outcomes] == [StoreUnavailableError] * 3
    assert store.bus.events == [Event(room=LOBBY, version=1)]  # look again: nothing happened
    assert not (await store.rooms.read(LOBBY)).entries
    assert (await store.rooms.apply(LOBBY, queue("again"), command_id=CommandId("b"))).entries == (1,)
    assert await store.titles() == ["again"]


async def test_a_commit_whose_answer_is_lost_is_looked_up(postgres_url: str, tmp_path: Path) -> None:
    """The server commits, the connection breaks before it says so."""
    async with Proxy(postgres_url) as proxy:
        store = await opened(proxy.url)
        await store.rooms.read(LOBBY)
        proxy.lose_commit = True
        outcomes = await asyncio.gather(
            store.rooms.apply(LOBBY, queue("kept"), command_id=CommandId("a")),
            store.rooms.apply(LOBBY, queue("kept too")),
            return_exceptions=True,
        )
        assert proxy.lost == 1
        assert isinstance(outcomes[0], Queued)
        assert outcomes[0].entries == (1,)
        assert isinstance(outcomes[1], StoreUnavailableError)
        assert await store.titles() == ["kept", "kept too"]
        assert (await store.rooms.apply(LOBBY, queue("next"))).entries == (3,)
        assert [it.version for it in store.bus.events] == [3, 4]
        await store.database.close()


async def test_a_server_that_is_gone_is_a_refusal_and_its_return_is_noticed(postgres_url: str) -> None:
    async with Proxy(postgres_url) as proxy:
        store = await opened(proxy.url)
        await store.rooms.apply(LOBBY, queue("before"))
        await proxy.stop()
        for attempt in (store.rooms.apply(LOBBY, queue("lost")), store.rooms.read(LOBBY), store.rooms.active()):
            with pytest.raises(StoreUnavailableError):
                await attempt
        await proxy.start()
        await store.rooms.apply(LOBBY, queue("after"))
        assert await store.titles() == ["before", "after"]
        await store.database.close()


@pytest.mark.parametrize("poison", ["\x00", "\ud800"])
async def test_what_the_database_refuses_harms_nobody_else(store: Store, poison: str) -> None:
    places = SqlPlaces(store.database, MovedClock())
    other = (await places.guild_room(1, 2, "Guild")).room
    outcomes = await asyncio.gather(
        store.rooms.apply(other, queue("other room")),
        store.rooms.apply(LOBBY, queue("one")),
        store.rooms.apply(LOBBY, queue(poison)),
        store.rooms.apply(LOBBY, queue("two")),
        return_exceptions=True,
    )
    refused = 0 if store.database.path and poison == "\x00" else 1  # SQLite keeps any character but half a pair
    assert [type(it) for it in outcomes].count(StoreUnavailableError) == refused
    assert [it for it in await store.titles() if it != poison] == ["one", "two"]
    assert (await store.rooms.read(LOBBY)).next_entry == 4 - refused


async def test_numbers_too_large_harm_nobody_else(store: Store) -> None:
    def huge(room: Room) -> None:
        room.emptied_at = 2**64
        room.changes.header = True

    outcomes = await asyncio.gather(
        store.rooms.apply(LOBBY, huge), store.rooms.apply(LOBBY, queue("fine")), return_exceptions=True
    )
    assert [type(it) for it in outcomes] == [StoreUnavailableError, Queued]
    assert await store.titles() == ["fine"]


async def test_outside_writers_are_noticed_while_running(store: Store) -> None:
    await store.rooms.read(LOBBY)
    attending = asyncio.create_task(store.rooms.attend())
    tool = Database(store.database.url.render_as_string(hide_password=False))
    await SqlRooms(tool, Recorder(), MovedClock()).apply(LOBBY, queue())
    await until(lambda: [it.version for it in store.bus.events] == [2], within=5)
    attending.cancel()
    await asyncio.gather(attending, return_exceptions=True)
    await tool.close()
