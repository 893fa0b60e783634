"""A fresh installation for each test, on copies of a database that was migrated once."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from db.engine import Database
from tests.billing.installation import Installation, opened
from tests.servers import Postgres


@pytest.fixture
def sqlite_copy(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "chorus.db")
    return f"sqlite+aiosqlite:///{tmp_path}/chorus.db"


@pytest.fixture
def postgres_copy(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    url = postgres.create(template=postgres_template)
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A migrated database of each kind."""
    database = Database(request.getfixturevalue(f"{request.param}_copy"))
    yield database
    await database.close()


@pytest.fixture
async def postgres_store(postgres_copy: str) -> AsyncIterator[Database]:
    """A migrated PostgreSQL."""
    database = Database(postgres_copy)
    yield database
    await database.close()


@pytest.fixture
async def shop(store: Database) -> AsyncIterator[Installation]:
    async with opened(store) as shop:
        yield shop


@pytest.fixture
async def postgres_shop(postgres_store: Database) -> AsyncIterator[Installation]:
    async with opened(postgres_store) as shop:
        yield shop
