"""Connections are never lost, whenever those who use them are cancelled."""

import asyncio
import gc
import logging
import random
import warnings
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from core.errors import StoreUnavailableError
from db.engine import Database
from tests.waiting import until

Opening = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
ROUNDS = 40


async def use(opening: Opening) -> None:
    async with opening() as connection:
        await connection.execute(text("SELECT 1"))
        await connection.execute(text("SELECT 1"))


async def storm(database: Database, dice: random.Random) -> None:
    """Many use the database, and each is cancelled at some moment, some of them twice or thrice."""
    tasks = [asyncio.create_task(use(dice.choice((database.read, database.write)))) for _ in range(60)]
    loop = asyncio.get_running_loop()
    end = loop.time() + dice.random() * 0.04
    while loop.time() < end:
        for task in dice.sample(tasks, 6):
            task.cancel()
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001 * dice.random())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_cancelled_tasks_lose_no_connection(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    dice = random.Random(1)
    with warnings.catch_warnings(record=True) as told, caplog.at_level(logging.ERROR):
        warnings.simplefilter("always")
        for number in range(ROUNDS):
            await storm(database, dice)
            if number % 10 == 0:
                await database.close()  # so that there is connecting to do in the next round
        gc.collect()
        await asyncio.wait_for(together(database.write, 1), 3)
        await asyncio.wait_for(together(database.read, 4), 3)
        gc.collect()
    assert not [str(one.message) for one in told]
    assert not caplog.records
    await until(lambda: not any(checked_out(database)), what="what was abandoned while it waited is given back, too")


def checked_out(database: Database) -> list[int]:
    """How many connections of each pool are in use."""
    pools = [engine.pool for engine in (database.writer, database.reader)]
    return [pool.checkedout() for pool in pools if isinstance(pool, QueuePool)]


async def together(opening: Opening, count: int) -> None:
    """So many connections can be had at the same time."""
    everybody = asyncio.Barrier(count)

    async def hold() -> None:
        async with opening() as connection:
            await connection.execute(text("SELECT 1"))
            await everybody.wait()

    await asyncio.gather(*(hold() for _ in range(count)))


async def test_waiters_that_left_take_no_connection_along(sqlite_url: str) -> None:
    """The only one there is for writing is given to who waits next."""
    database = Database(sqlite_url)
    async with database.write():
        left = [asyncio.create_task(use(database.write)) for _ in range(5)]
        await asyncio.sleep(0.01)
        for task in left:
            task.cancel()
        stays = asyncio.create_task(use(database.write))
        await asyncio.gather(*left, return_exceptions=True)
    await asyncio.wait_for(stays, 1)
    await database.close()


async def test_a_cancelled_transaction_is_rolled_back(database: Database) -> None:
    inserted = asyncio.Event()

    async def add() -> None:
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO persons (id, created_at) VALUES ('a', 1)"))
            inserted.set()
            await connection.execute(text("SELECT 1"))
            await asyncio.sleep(60)

    task = asyncio.create_task(add())
    await inserted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not any(checked_out(database)))
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM persons")) == 0


async def test_a_failed_check_out_that_nobody_awaits_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens there."""
    database = Database("postgresql://somebody@127.0.0.1:1/chorus")
    task = asyncio.create_task(use(database.read))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(StoreUnavailableError):
        await use(database.read)
    await database.close()
    del task
    gc.collect()
    assert not caplog.records
