"""Command ids: what a command answered, so that a repeat gets the same answer."""

from collections.abc import Collection, Mapping
from types import NoneType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.records import results
from core.types import CommandId, RoomId, Settings
from db.models import commands
from db.statements import among, insert_or_update

KEPT = 15 * 60_000
"""How long a repeat is recognised, in ms."""

_TYPES = (
    results.Queued,
    results.Removed,
    results.Voted,
    results.Skipped,
    results.Changed,
    Settings,
    bool,
    int,
    str,
    NoneType,
)
_adapters: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in _TYPES}


def encoded(result: object) -> tuple[str, str]:
    """The name of the result's type and its JSON. Raises TypeError for what cannot be stored."""
    kind = type(result).__name__
    if kind not in _adapters:
        raise TypeError(f"a command with an id cannot answer a {kind}")
    return kind, _adapters[kind].dump_json(result).decode()


def decoded(kind: str, result: str) -> Any:
    """The result that `encoded` stored."""
    return _adapters[kind].validate_json(result)


async def answered(
    connection: AsyncConnection, room: RoomId, ids: Collection[CommandId], dialect: str
) -> dict[CommandId, Any]:
    """The results of those of the commands that were answered before."""
    if not ids:
        return {}
    table = commands.c
    rows = await connection.execute(
        select(table.id, table.kind, table.result).where(table.room == room, among(table.id, ids, dialect))
    )
    return {CommandId(row.id): decoded(row.kind, row.result) for row in rows}


async def remember(
    connection: AsyncConnection, room: RoomId, answers: Mapping[CommandId, tuple[str, str]], at: int, dialect: str
) -> None:
    """Store the encoded results of commands."""
    if answers:
        rows = [{"room": room, "id": id_, "kind": kind, "result": it, "at": at} for id_, (kind, it) in answers.items()]
        await connection.execute(insert_or_update(commands, dialect), rows)


async def prune(connection: AsyncConnection, now: int) -> None:
    """Forget commands that nobody repeats any more."""
    await connection.execute(delete(commands).where(commands.c.at < now - KEPT))
