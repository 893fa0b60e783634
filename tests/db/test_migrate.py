import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from db.engine import Database
from db.migrate import _config, migrate, newest, revision
from db.models import metadata


def differences(connection: Connection) -> list[object]:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


async def test_an_empty_database_is_brought_to_the_newest_revision(database_url: str) -> None:
    database = Database(database_url)
    assert await revision(database) is None
    assert await migrate(database) == newest()
    assert await revision(database) == newest()
    await database.close()


async def test_models_and_migrations_agree(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_those_who_start_at_once_migrate_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    assert await asyncio.gather(*(migrate(each) for each in databases)) == [newest()] * 4
    for each in databases:
        await each.close()


async def test_a_database_of_today_is_left_alone(database: Database) -> None:
    assert await migrate(database) == newest()


async def test_each_migration_can_be_undone(database: Database) -> None:
    async with database.write() as connection:
        await connection.run_sync(lambda it: command.downgrade(_config(it), "base"))
    async with database.read() as connection:
        tables = await connection.run_sync(lambda it: inspect(it).get_table_names())
    assert tables == ["alembic_version"]
