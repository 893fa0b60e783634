import pytest
from sqlalchemy import text

from core.errors import StoreUnavailableError
from db.engine import Database, normalised


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://a:b@host:1/chorus", "postgresql+asyncpg://a:b@host:1/chorus"),
        ("postgres://a:b@host/chorus", "postgresql+asyncpg://a:b@host/chorus"),
        ("postgresql+psycopg://host/chorus?sslmode=require", "postgresql+asyncpg://host/chorus?ssl=require"),
        ("sqlite:///data/chorus.db", "sqlite+aiosqlite:///data/chorus.db"),
        ("sqlite+aiosqlite:////data/chorus.db", "sqlite+aiosqlite:////data/chorus.db"),
    ],
)
def test_usual_spellings_are_understood(given: str, meant: str) -> None:
    assert normalised(given).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize("url", ["mysql://host/chorus", "sqlite://", "sqlite:///:memory:"])
def test_what_cannot_keep_rooms_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL"):
        normalised(url)


async def test_sqlite_is_set_up_to_lose_nothing(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.write() as connection:
        pragmas = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    await database.close()


async def test_readers_are_not_held_up_by_a_writer(database: Database) -> None:
    async with database.write() as writer:
        await writer.execute(text("INSERT INTO persons (id, created_at) VALUES ('a', 1)"))
        async with database.read() as reader:
            assert (await reader.execute(text("SELECT count(*) FROM persons"))).scalar_one() == 0


async def test_a_reader_sees_one_moment(database: Database) -> None:
    async with database.read() as reader:
        before = (await reader.execute(text("SELECT count(*) FROM persons"))).scalar_one()
        async with database.write() as writer:
            await writer.execute(text("INSERT INTO persons (id, created_at) VALUES ('a', 1)"))
        assert (await reader.execute(text("SELECT count(*) FROM persons"))).scalar_one() == before


async def test_a_password_is_never_in_an_error() -> None:
    """Nobody listens there."""
    database = Database("postgresql://somebody:hunter2@127.0.0.1:1/chorus")
    with pytest.raises(StoreUnavailableError) as caught:
        async with database.read():
            pass
    assert "hunter2" not in str(caught.value)
    await database.close()
