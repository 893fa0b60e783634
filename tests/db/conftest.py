from collections.abc import AsyncIterator

import pytest

from db.engine import Database
from db.migrate import migrate


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database of each kind."""
    database = Database(database_url)
    await migrate(database)
    yield database
    await database.close()
