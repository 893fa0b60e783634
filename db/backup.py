"""Backup and restore of a whole database, of either kind into either kind."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.archive import BackupError, Manifest, Reading, Values, Writing, reading, writing
from db.engine import Database
from db.migrate import knows, newest, revision_of, upgrade
from db.models import node_sessions, slots
from db.statements import database_now

TOGETHER = 500
"""Rows that are read or written at a time."""
_MOMENTARY = {slots.name, node_sessions.name}
"""Tables that say who acts now: nothing to keep."""


async def back_up(database: Database, file: Path, folders: Mapping[str, Path], *, now: int) -> Manifest:
    """Write one moment of the whole database, then the files of `folders` (name → folder); the bot may run meanwhile.

    Raises BackupError, StoreUnavailableError.
    """
    with writing(file) as archive:
        async with database.read() as connection:
            revision = await connection.run_sync(revision_of)
            if revision is None:
                raise BackupError("there is nothing to back up: the database is empty")
            kept = [table for table in await _tables(connection) if table.name not in _MOMENTARY]
            rows = {table.name: await _dump(connection, table, archive) for table in kept}
        manifest = Manifest(revision, now, rows, {name: archive.add_folder(name, it) for name, it in folders.items()})
        archive.finish(manifest)
    return manifest


async def restore(database: Database, file: Path, folders: Mapping[str, Path], *, replace: bool) -> Manifest:
    """Fill an empty database, or with `replace` any that no bot uses, in one transaction; put back missing files.

    A backup of an older schema is brought to the newest. Raises BackupError, StoreUnavailableError.
    """
    with reading(file) as archive:
        if not knows(archive.manifest.revision):
            raise BackupError(
                f"the backup is of schema revision {archive.manifest.revision}, which this version does not know"
                f" (its own is {newest()}): restore it with the version that made it, or a later one"
            )
        async with database.write() as connection:
            await _make_room(connection, replace=replace)
            await connection.run_sync(upgrade, archive.manifest.revision)
            await _fill(connection, archive)
            await connection.run_sync(upgrade)
        for name, folder in folders.items():
            archive.unpack(name, folder)
        return archive.manifest


async def _tables(connection: AsyncConnection) -> list[Table[Any]]:
    """The tables that there are, whatever the schema's revision; those that others refer to come first."""

    def reflect(sync: Connection) -> list[Table[Any]]:
        found = MetaData()
        found.reflect(sync)
        return [table for table in found.sorted_tables if table.name != "alembic_version"]

    return await connection.run_sync(reflect)


async def _dump(connection: AsyncConnection, table: Table[Any], archive: Writing) -> int:
    count = 0
    with archive.table(table.name) as add:
        found = await connection.stream(select(table).order_by(*table.primary_key))
        async for rows in found.mappings().partitions(TOGETHER):
            add(rows)
            count += len(rows)
    return count


async def _make_room(connection: AsyncConnection, *, replace: bool) -> None:
    """Remove every table. Raises BackupError if there is something in them that is to be kept."""
    tables = await _tables(connection)
    if await _is_used(connection, tables):
        raise BackupError("a bot is running on this database: stop it first")
    for table in tables if not replace else ():
        if (await connection.execute(select(table).limit(1))).first():
            raise BackupError("the database is not empty: --replace puts the backup in place of what it holds")
    for table in reversed(tables):
        await connection.run_sync(table.drop)
    await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


async def _is_used(connection: AsyncConnection, tables: Iterable[Table[Any]]) -> bool:
    """Whether somebody acts for rooms of it. (A SQLite file is locked beside that.)"""
    if slots.name not in {table.name for table in tables}:
        return False
    return bool((await connection.execute(select(slots.c.id).where(slots.c.until > database_now()).limit(1))).first())


async def _fill(connection: AsyncConnection, archive: Reading) -> None:
    tables = {table.name: table for table in await _tables(connection)}
    if unknown := archive.manifest.tables.keys() - tables.keys():
        raise BackupError(f"the backup is damaged: there is no table {', '.join(sorted(unknown))}")
    for table in tables.values():
        if table.name in archive.manifest.tables:
            await _insert(connection, table, archive.rows(table.name))


async def _insert(connection: AsyncConnection, table: Table[Any], rows: Iterator[Values]) -> None:
    for column in table.columns:
        if isinstance(column.type, JSON):
            column.type = JSON(none_as_null=bool(column.nullable))
    names = set(table.columns.keys())
    postgres = connection.dialect.name == "postgresql"
    while some := list(islice(rows, TOGETHER)):
        if any(row.keys() != names for row in some):
            raise BackupError(f"the backup is damaged: table {table.name} has other columns")
        await connection.execute(insert(table), [_clean(row) for row in some] if postgres else some)
    if postgres:
        await _count_on(connection, table)


def _clean(row: Values) -> Values:
    """PostgreSQL keeps any character in a text but U+0000, which SQLite does keep."""
    return {key: value.replace("\0", "\ufffd") if isinstance(value, str) else value for key, value in row.items()}


async def _count_on(connection: AsyncConnection, table: Table[Any]) -> None:
    """Rows that the database numbers by itself go on after those that were restored."""
    for column in table.primary_key:
        if not isinstance(column.type, Integer):
            continue
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        latest = select(func.max(column)).scalar_subquery()
        await connection.execute(select(func.setval(sequence, latest)).where(sequence.is_not(None)))
