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
        await connection.run_sync(upgrade)
    return newest()


async def revision(database: Database) -> str | None:
    """The schema's revision; None for an empty database. Raises StoreUnavailableError."""
    async with database.read() as connection:
        return await connection.run_sync(revision_of)


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema that a connection sees; None without one."""
    return MigrationContext.configure(connection).get_current_revision()


def knows(wanted: str) -> bool:
    """Whether this version of the program has heard of a revision."""
    return wanted in {it.revision for it in ScriptDirectory.from_config(_config()).walk_revisions()}


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


def upgrade(connection: Connection, wanted: str = "head") -> None:
    """Bring the schema to a revision, in the connection's transaction."""
    command.upgrade(_config(connection), wanted)
