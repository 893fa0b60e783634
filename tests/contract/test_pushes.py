"""What every store promises about pushes, on each database."""

import pytest
from sqlalchemy import text

from core.enums import Surface
from core.errors import NoSuchPushError, NotInPlanError
from core.ports.pushes import Push
from core.records.rows import Audit
from core.types import LOBBY, PersonId, PlaceId, RoomId
from db.engine import Database
from db.places import SqlPlaces
from db.pushes import SqlPushes
from tests.db.commands import MovedClock

OLD, NEW = b"o" * 32, b"n" * 32
ADDRESS = "rtmps://live.example/app/s3cr3t"
BY = Audit(5, PersonId("ann"), Surface.DISCORD, PlaceId("web:lobby"), "push.added")


def push(address: str = ADDRESS, *, room: RoomId = LOBBY, picture: bool = False) -> Push:
    return Push("", room, "rtmps://live.example/app", address, picture)


@pytest.fixture
async def store(database: Database) -> SqlPushes:
    await SqlPlaces(database, MovedClock()).lobby()
    return SqlPushes(database, [OLD])


async def audits(database: Database) -> int:
    async with database.read() as connection:
        return await connection.scalar(text("SELECT count(*) FROM audit")) or 0


async def test_a_push_is_kept_switched_and_forgotten(store: SqlPushes, database: Database) -> None:
    made = await store.put(push(picture=True), BY, most=1)
    (kept,) = await store.of(LOBBY)
    assert kept == Push(made, LOBBY, "rtmps://live.example/app", ADDRESS, picture=True, on=True)
    assert await store.on() == [kept]
    assert await store.switch(LOBBY, made, BY, on=False)
    assert not await store.switch(LOBBY, made, BY, on=False)
    assert not await store.on()
    assert await store.put(push(), BY, most=1) == made
    assert [it.picture for it in await store.on()] == [False]
    await store.remove(LOBBY, made, BY)
    assert not await store.of(LOBBY)
    assert await audits(database) == 4


async def test_what_is_not_there_is_told_and_not_written_down(store: SqlPushes, database: Database) -> None:
    with pytest.raises(NoSuchPushError):
        await store.switch(LOBBY, "p", BY, on=True)
    with pytest.raises(NoSuchPushError):
        await store.remove(LOBBY, "p", BY)
    await store.put(push(), BY, most=1)
    with pytest.raises(NotInPlanError):
        await store.put(push(f"{ADDRESS}2"), BY, most=1)
    assert await audits(database) == 1


async def test_no_key_lies_open_in_the_database(store: SqlPushes, database: Database) -> None:
    made = await store.put(push(), BY, most=5)
    async with database.read() as connection:
        kept = (await connection.execute(text("SELECT * FROM pushes"))).all()
        written = (await connection.execute(text("SELECT * FROM audit"))).all()
    assert "s3cr3t" not in repr((kept, written))
    other = await SqlPushes(database, [NEW]).put(push(), BY, most=5)
    assert other != made, "the id tells nothing without the key"


async def test_keys_can_be_changed(store: SqlPushes, database: Database) -> None:
    made = await store.put(push(), BY, most=5)
    rotated = SqlPushes(database, [NEW, OLD])
    assert [it.address for it in await rotated.of(LOBBY)] == [ADDRESS]
    assert await rotated.put(push(), BY, most=5) == made, "the same address is the same push under the new key"
    assert [it.address for it in await SqlPushes(database, [NEW]).on()] == [ADDRESS]
    (lost,) = await SqlPushes(database, [OLD]).of(LOBBY)
    assert (lost.address, lost.on) == ("", False)
    assert not await SqlPushes(database, [OLD]).on()
