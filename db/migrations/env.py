"""Run by alembic: `db.migrate` gives the connection; on the command line DATABASE_URL names the database."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from db.engine import Database
from db.models import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect() -> None:
    database = Database(os.environ.get("DATABASE_URL", "sqlite:///data/chorus.db"))
    try:
        async with database.write() as connection:
            await connection.run_sync(run)
    finally:
        await database.close()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(connect())
else:
    run(given)
