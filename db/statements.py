"""The few statements whose words differ between SQLite and PostgreSQL."""

import json
from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Executable, Table, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class database_now(FunctionElement[int]):  # noqa: N801 -- it reads as a function of SQL
    """The time by the database's clock in ms, also inside a transaction."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_now, "postgresql")
def _now_on_postgres(_element: Any, _compiler: Any, **_: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(database_now, "sqlite")
def _now_on_sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@cache
def insert_or_update(table: Table, dialect: str) -> Executable:
    """Insert rows; rows whose key exists get the new values."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    values = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


@cache
def insert_or_ignore(table: Table, dialect: str) -> Executable:
    """Insert rows; rows that clash with any that are there are left out."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing()


async def hold(connection: AsyncConnection, key: int, dialect: str) -> None:
    """Wait until nobody else holds `key`, and hold it until the transaction ends; SQLite has one writer anyway."""
    if dialect == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(key)))


def among(column: Column[Any], values: Collection[int] | Collection[str], dialect: str) -> ColumnElement[bool]:
    """`column` is one of any number of values, which travel as one parameter."""
    if dialect == "postgresql":
        kind = Text() if isinstance(column.type, Text) else BigInteger()
        return column == any_(bindparam(None, list(values), postgresql.ARRAY(kind), unique=True))
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))
