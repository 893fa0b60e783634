"""Brings the schema to the newest version, once, whoever starts first."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from db.engine import Database

SCRIPTS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x63686F727573  # "chorus"


async def migrate(database: Database) -> str:
    """Upgrade to the newest revision and return it; others wait meanwhile. Raises StoreUnavailableError."""
    if database.path:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    async with database.write() as connection:
        if database.dialect == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        await connection.run_sync(_upgrade)
    return newest()


async def revision(database: Database) -> str | None:
    """The schema's revision; None for an empty database. Raises StoreUnavailableError."""
    async with database.read() as connection:
        return await connection.run_sync(lambda it: MigrationContext.configure(it).get_current_revision())


def newest() -> str:
    """The revision that this version of the program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head
    return head


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")
