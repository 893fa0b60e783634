"""The database behind a URL: SQLite in a file, or PostgreSQL."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from core.errors import StoreUnavailableError
from db.connection import all_left, connected
from db.faults import DRIVER_ERRORS

PATIENCE = 5
"""Seconds to wait for a connection or for a lock that somebody else holds."""
ANSWER = 2.4
"""Seconds until those who wait meanwhile are refused: Discord shows people nothing at all that comes after 3."""
DEADLINE = 10
"""Seconds that one statement may take before the server counts as gone."""


class Database:
    """Connections for writing and for reading.

    On SQLite one connection does all writing of the process, first come first served, because the file has one writer
    anyway and SQLite's own waiting is neither fair nor fast; each of its transactions begins with the write lock.
    Readers see a snapshot; `glancer` is for one statement alone. On PostgreSQL all are one pool. `writers` is how many
    transactions are worth their while at a time.
    """

    def __init__(self, url: str) -> None:
        self.url = normalised(url)
        self.dialect = self.url.get_backend_name()
        self.path = Path(self.url.database) if self.dialect == "sqlite" and self.url.database else None
        if self.dialect == "sqlite":
            self.writers = 1
            self.writer = _sqlite(self.url, "BEGIN IMMEDIATE", pool_size=1)
            self.reader = self.glancer = _sqlite(self.url, "BEGIN", pool_size=4)
        else:
            self.writers = 4
            self.writer = _postgres(self.url)
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self.glancer = self.writer.execution_options(isolation_level="AUTOCOMMIT")
        self._watchers: list[tuple[Table[Any], Callable[[], object]]] = []

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that commits at the end of the block. Raises StoreUnavailableError."""
        async with _reported(), connected(self.writer) as connection:
            async with asyncio.timeout(ANSWER):
                await connection.open(begin=True)
            yield connection
            await connection.commit()
        for table, told in self._watchers:
            if table in connection.touched:
                told()

    def watch(self, table: Table[Any], told: Callable[[], object]) -> None:
        """Call `told` after each transaction of this process that touched the table."""
        self._watchers.append((table, told))

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A snapshot for reading. Raises StoreUnavailableError."""
        async with _reported(), connected(self.reader) as connection:
            async with asyncio.timeout(ANSWER):
                await connection.open(begin=False)
            yield connection

    async def foreign_version(self) -> int | None:
        """A number that changes when another process has written; None where nothing tells (PostgreSQL).

        Raises StoreUnavailableError.
        """
        if self.dialect != "sqlite":
            return None
        # SQLite tells each connection apart what others wrote, and that one is the only one of this process that writes
        async with _reported(), connected(self.writer) as connection:
            async with asyncio.timeout(ANSWER):
                await connection.open(begin=False)
            return await connection.ask_driver("PRAGMA data_version")

    async def close(self) -> None:
        """Close every connection, as politely as a server that may hang allows."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await all_left()
                await self.writer.dispose()
                await self.reader.dispose()


def normalised(url: str) -> URL:
    """The URL with the asynchronous driver of its database, and libpq's spelling of TLS understood."""
    parsed = make_url(url)
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        query = dict(parsed.query)
        if "sslmode" in query:
            query["ssl"] = query.pop("sslmode")
        return parsed.set(drivername="postgresql+asyncpg", query=query)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise ValueError("DATABASE_URL must name a file: rooms outlive the process")
        return parsed.set(drivername="sqlite+aiosqlite")
    raise ValueError(f"DATABASE_URL must be sqlite or postgresql, not {parsed.get_backend_name()}")


@asynccontextmanager
async def _reported() -> AsyncGenerator[None]:
    try:
        yield
    except DRIVER_ERRORS as error:
        raise StoreUnavailableError(str(error) or "it takes too long") from error


def _sqlite(url: URL, begin: str, *, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=PATIENCE,
        hide_parameters=True,
        connect_args={"timeout": PATIENCE, "cached_statements": 256},
    )

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and too late
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    return engine


def _postgres(url: URL) -> AsyncEngine:
    settings = {
        "application_name": "chorus",
        "lock_timeout": f"{PATIENCE}s",
        "idle_in_transaction_session_timeout": f"{DEADLINE}s",  # a frozen process must not hold a room for ever
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "jit": "off",
    }
    engine = create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=PATIENCE,
        hide_parameters=True,
        connect_args={"timeout": PATIENCE, "command_timeout": DEADLINE, "server_settings": settings},
    )
    event.listen(engine.sync_engine, "handle_error", _notice_disconnect)
    return engine


def _notice_disconnect(context: ExceptionContext) -> None:
    """The driver knows only of sockets that are closed already, not of a server that has just said so.

    A read-only server counts too: after a failover the address leads elsewhere, but only for new connections.
    """
    sqlstate = str(getattr(context.original_exception, "sqlstate", None) or "")
    if sqlstate.startswith(("08", "57P")) or sqlstate == "25006":
        context.is_disconnect = True
