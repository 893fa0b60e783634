"""Rows for every table that there is, made from its columns: a table added later gets some too."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import Database
from db.models import metadata, node_sessions, slots

ROWS = 3
VALUES: dict[type[Any], Callable[[int], Any]] = {
    Text: lambda number: f"{number} 'ü\n\"🎷",
    Boolean: lambda number: bool(number % 2),
    SmallInteger: lambda number: -number,
    BigInteger: lambda number: 2**63 - 1 - number,
    Integer: lambda number: 2**31 - 1 - number,
    Double: lambda number: -0.1 / (number + 3),
    LargeBinary: lambda number: bytes(range(256)) * number,
    JSON: lambda number: {"text": "ü", "numbers": [1, 2.5, None, -(2**53)], "number": number},
}
"""What a column of each kind gets, the narrowest kind first."""


def value(column: Column[Any], number: int) -> Any:
    """Something for a column; equal for what refers to each other, and as large as the column takes."""
    if column.foreign_keys:
        (target,) = column.foreign_keys
        return value(target.column, number)
    if column.nullable and number % 2:
        return None
    if column.primary_key and column.type.python_type is int:
        return number + 1
    kind = next(kind for kind in VALUES if isinstance(column.type, kind))
    return f"{column.table.name}.{column.name} {VALUES[kind](number)}" if kind is Text else VALUES[kind](number)


async def fill(database: Database) -> None:
    """Rows in every table."""
    async with database.write() as connection:
        for table in metadata.sorted_tables:
            rows = [{column.name: value(column, number) for column in table.columns} for number in range(ROWS)]
            await connection.execute(insert(table), rows)


async def contents(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything that is kept, by table."""
    async with database.read() as connection:
        kept = [table for table in metadata.sorted_tables if table not in {slots, node_sessions}]
        return {table.name: await _rows(connection, table) for table in kept}


async def _rows(connection: AsyncConnection, table: Table[Any]) -> list[dict[str, Any]]:
    found = await connection.execute(select(table).order_by(*table.primary_key))
    return [dict(row) for row in found.mappings()]
