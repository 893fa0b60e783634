"""Command ids: what a command answered, so that a repeat gets the same answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import is_dataclass
from types import GenericAlias, NoneType
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.records import results
from core.types import CommandId, RoomId, Settings
from db.models import commands
from db.statements import among, insert_or_update

KEPT = 15 * 60_000
"""How long a repeat is recognised, in ms."""


def kinds() -> Sequence[type[Any]]:
    """What commands may answer: every record of `core.records.results`, and a few plain types."""
    records = [it for it in vars(results).values() if isinstance(it, type) and is_dataclass(it)]
    return (*records, Settings, bool, int, str, NoneType)


_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_adapters: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(cast("Any", GenericAlias(tuple, (kind,))), config=_BYTES) for kind in kinds()
}
"""For tuples of one, because a record alone takes no configuration."""


def encoded(result: object) -> tuple[str, str]:
    """The name of the result's type and its JSON. Raises TypeError for what cannot be stored."""
    kind = type(result).__name__
    if kind not in _adapters:
        raise TypeError(f"a command with an id cannot answer a {kind}")
    return kind, _adapters[kind].dump_json((result,)).decode()[1:-1]


def decoded(kind: str, result: str) -> Any:
    """The result that `encoded` stored."""
    return _adapters[kind].validate_json(f"[{result}]")[0]


Key = tuple[RoomId, CommandId]


async def answered(
    connection: AsyncConnection, keys: Collection[Key], dialect: str
) -> dict[RoomId, dict[CommandId, Any]]:
    """The results of those of the commands that were answered before, by room."""
    found: dict[RoomId, dict[CommandId, Any]] = {}
    if keys:
        columns = select(commands.c.room, commands.c.id, commands.c.kind, commands.c.result)
        rows = await connection.execute(columns.where(among(commands.c.id, [id_ for _, id_ in keys], dialect)))
        for row in rows:
            room, id_ = RoomId(row.room), CommandId(row.id)
            if (room, id_) in keys:
                found.setdefault(room, {})[id_] = decoded(row.kind, row.result)
    return found


async def remember(connection: AsyncConnection, answers: Mapping[Key, tuple[str, str]], at: int, dialect: str) -> None:
    """Store the encoded results of commands."""
    if answers:
        rows = [
            {"id": id_, "room": room, "kind": kind, "result": result, "at": at}
            for (room, id_), (kind, result) in answers.items()
        ]
        await connection.execute(insert_or_update(commands, dialect), rows)


async def prune(connection: AsyncConnection, now: int) -> None:
    """Forget commands that nobody repeats any more."""
    await connection.execute(delete(commands).where(commands.c.at < now - KEPT))
