"""Connections that are never lost, whenever the task that uses them is cancelled."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")
AnyTable = Table[Any]


class Connection(AsyncConnection):
    """Each step runs to its end in a task of its own; a cancelled user leaves at once, the rest goes on without him.

    SQLAlchemy throws a cancellation into the middle of what the driver does, and if a second one strikes while it
    tidies up after the first, its pool is short of a connection for good.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._step: asyncio.Future[Any] | None = None
        self.touched: set[AnyTable] = set()
        """What is told of after the commit."""

    async def open(self, *, begin: bool) -> None:
        """Check out, and `begin` a transaction at once instead of with the first statement."""
        await self._whole(self._open(begin=begin))

    async def execute(self, *args: Any, **options: Any) -> CursorResult[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As in AsyncConnection; `scalar` and `scalars` come here, too."""
        return await self._whole(super().execute(*args, **options))

    async def commit(self) -> None:
        """As in AsyncConnection."""
        await self._whole(super().commit())

    async def ask_driver(self, statement: str) -> Any:
        """The first value of a query that SQLite's driver runs as it is, outside of any transaction."""
        return await self._whole(self._ask_driver(statement))

    async def leave(self) -> None:
        """Give the connection back, rolled back unless it was committed: after the step that is under way, if any."""
        under_way = self._step is not None and not self._step.done()
        going = asyncio.create_task(self._leave())
        _leaving.add(going)
        going.add_done_callback(_left)
        if not under_way:
            await asyncio.shield(going)

    async def _open(self, *, begin: bool) -> None:
        await self.start()
        if begin:
            await self.begin().start()

    async def _ask_driver(self, statement: str) -> Any:
        driver = (await self.get_raw_connection()).driver_connection
        assert driver
        async with driver.execute(statement) as cursor:
            return (await cursor.fetchone())[0]

    async def _leave(self) -> None:
        if self._step is not None:
            await asyncio.gather(self._step, return_exceptions=True)  # who waited for its outcome has it
        if self.sync_connection is not None:
            await self.close()

    async def _whole(self, step: Coroutine[Any, Any, T]) -> T:
        self._step = task = asyncio.create_task(step)
        return await asyncio.shield(task)


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncGenerator[Connection]:
    """A connection to `open`, given back at the end."""
    connection = Connection(engine)
    try:
        yield connection
    finally:
        await connection.leave()


def touch(connection: AsyncConnection, table: AnyTable) -> None:
    """The transaction changed something there that others wait for (`Database.watch`)."""
    if isinstance(connection, Connection):
        connection.touched.add(table)


async def all_left() -> None:
    """Wait until what cancelled tasks left behind is tidied up."""
    while _leaving:
        await asyncio.wait(_leaving)


_leaving: set[asyncio.Task[None]] = set()


def _left(task: asyncio.Task[None]) -> None:
    _leaving.discard(task)
    if not task.cancelled():
        task.exception()  # asyncio would complain if nobody looked
