"""What is stored about a person: shown, and forgotten.

Tables are walked by their columns, so that a table added later is covered too.
"""

import typing
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Text, cast, delete, false, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import Surface
from core.ports.clock import Clock
from core.records.grants import Subject
from core.types import PersonId, PlaceId
from db.connection import AnyTable
from db.engine import Database
from db.entitlements import PERSON, covered, hold_grants, rebuild
from db.models import (
    accounts,
    attempts,
    audit,
    commands,
    covers,
    grants,
    identities,
    inbox,
    metadata,
    persons,
    rooms,
    trials,
)
from db.traces import empty_events, known_to_stripe

ANONYMOUS = PersonId("anonymous")
"""Who history says it was when somebody was forgotten."""
OPERATOR = PersonId("operator")
EVERYWHERE = PlaceId("*")
_WHO = {"person", "opened_by", "actor", "leader", "giver", "dj"}
"""Columns that say who; what refers to `persons` does too."""

Values = dict[str, Any]


class NoSuchPersonError(Exception):
    """Nobody is known by that id."""


class PersonalData:
    """For the operator, beside a running bot or not. Everything raises StoreUnavailableError.

    People are named by their id or an identity of theirs (`discord:<user id>`); linked identities are one person.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def export(self, wanted: str) -> Values:
        """All rows that speak of a person, by table. Raises NoSuchPersonError."""
        async with self._database.write() as connection:
            people = await _people(connection, wanted)
            found = {table.name: await _rows(connection, table, people) for table in metadata.sorted_tables}
            await self._write(connection, "person.exported", {"persons": sorted(people)})
        return {"persons": sorted(people), "tables": {name: rows for name, rows in found.items() if rows}}

    async def forget(self, wanted: str) -> Mapping[str, int]:
        """Identities, names, addresses, votes, presences and favourites go, what waits to be told to them, and what
        payment services wrote about them; what they did in a room and what was paid stays, as nobody's.

        How many rows that concerned, by table. Raises NoSuchPersonError.
        """
        async with self._database.write() as connection:
            people = await _people(connection, wanted)
            await hold_grants(connection, self._database.dialect)
            await _renew_rooms(connection, people)
            subjects = [Subject(f"{PERSON}{person}") for person in people]
            places = await covered(connection, subjects, self._database.dialect)
            emptied = await empty_events(connection, people)
            leaves_first = reversed(metadata.sorted_tables)
            touched = {table.name: await _forget(connection, table, people) for table in leaves_first}
            touched[inbox.name] = emptied
            await rebuild(connection, places, self._database.dialect)
            counts = {name: count for name, count in touched.items() if count}
            await self._write(connection, "person.forgotten", {"rows": counts})
        return counts

    async def at_stripe(self, wanted: str) -> Collection[str]:
        """Their customers and accounts at Stripe, which is not ours to forget. Raises NoSuchPersonError."""
        async with self._database.read() as connection:
            return await known_to_stripe(connection, await _people(connection, wanted))

    async def note(self, action: str, after: Values) -> None:
        """Write down what the operator did."""
        async with self._database.write() as connection:
            await self._write(connection, action, after)

    async def _write(self, connection: AsyncConnection, action: str, after: Values) -> None:
        row = {"at": self._clock.now(), "actor": OPERATOR, "surface": Surface.SYSTEM.value, "place": EVERYWHERE}
        await connection.execute(insert(audit), {**row, "action": action, "before": {}, "after": after})


async def _people(connection: AsyncConnection, wanted: str) -> Collection[str]:
    """Everybody who is the same person."""
    kind, _, external = wanted.partition(":")
    known = select(identities.c.person).where(identities.c.kind == kind, identities.c.external == external)
    chosen = select(persons).where(or_(persons.c.id == wanted, persons.c.id.in_(known)))
    row = (await connection.execute(chosen)).first()
    if row is None:
        raise NoSuchPersonError(f"nobody is known as {wanted}")
    first = row.leader or row.id
    same = select(persons.c.id).where(or_(persons.c.id == first, persons.c.leader == first))
    return {row.id, *await connection.scalars(same)}


async def _rows(connection: AsyncConnection, table: AnyTable, people: Collection[str]) -> list[Values]:
    found = await connection.execute(select(table).where(_speaks_of(table, people)).order_by(*table.primary_key))
    return [dict(row) for row in found.mappings()]


async def _renew_rooms(connection: AsyncConnection, people: Collection[str]) -> None:
    """Lock the rooms that know them, and raise the versions: whoever has one in memory reads it again."""
    tables = [table for table in metadata.sorted_tables if "room" in table.c]
    asked = [select(table.c.room).where(_speaks_of(table, people)) for table in tables]
    asked.append(select(rooms.c.id).where(_speaks_of(rooms, people)))
    found = {room for query in asked for room in await connection.scalars(query)}
    await connection.execute(select(rooms.c.id).where(rooms.c.id.in_(found)).order_by(rooms.c.id).with_for_update())
    await connection.execute(update(rooms).where(rooms.c.id.in_(found)).values(version=rooms.c.version + 1))


async def _forget(connection: AsyncConnection, table: AnyTable, people: Collection[str]) -> int:
    """Delete the rows that are theirs, or take their id out of those that stay; how many there were."""
    if table is commands:  # answers to commands of the last minutes
        return (await connection.execute(delete(table).where(_speaks_of(table, people)))).rowcount
    count = 0
    for column in _who(table):
        theirs = _are(column, people)
        if _is_theirs(table, column):
            count += (await connection.execute(delete(table).where(theirs))).rowcount
        else:
            names = {name: "" for name in ("name", f"{column.name}_name") if name in table.c}
            nobody = {column.name: ANONYMOUS, **names}
            count += (await connection.execute(update(table).where(theirs).values(nobody))).rowcount
    for column in _documents(table):
        count += await _clean(connection, table, column, people)
    return count


def _is_theirs(table: AnyTable, column: Column[Any]) -> bool:
    """Whether a row says nothing without its person."""
    return table is persons or column.primary_key or bool(column.foreign_keys)


async def _clean(connection: AsyncConnection, table: AnyTable, column: Column[Any], people: Collection[str]) -> int:
    """Take their ids, and the name beside one, out of JSON."""
    mentioning = select(*table.primary_key, column).where(_mentions(column, people))
    rows = (await connection.execute(mentioning)).all()
    for *key, document in rows:
        same = [part == value for part, value in zip(table.primary_key, key, strict=True)]
        await connection.execute(update(table).where(*same).values({column.name: _without(document, people)}))
    return len(rows)


def _without(document: Any, people: Collection[str]) -> Any:
    if isinstance(document, dict):
        items = typing.cast("Values", document)
        theirs = any(isinstance(value, str) and value in people for value in items.values())
        kept = {key: _without(value, people) for key, value in items.items() if key not in people}
        return {**kept, "name": ""} if theirs and "name" in kept else kept
    if isinstance(document, list):
        return [_without(value, people) for value in typing.cast("list[Any]", document)]
    return ANONYMOUS if isinstance(document, str) and document in people else document


def _who(table: AnyTable) -> Collection[Column[Any]]:
    refer = [it for it in table.columns if any(key.column.table is persons for key in it.foreign_keys)]
    own = [persons.c.id] if table is persons else []
    named = [it for it in table.columns if it.name in _WHO or _is_subject(it)]
    return {it.name: it for it in [*own, *refer, *named]}.values()


def _documents(table: AnyTable) -> list[Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, JSON)]


def _speaks_of(table: AnyTable, people: Collection[str]) -> ColumnElement[bool]:
    documents = [*_documents(table), *([commands.c.result] if table is commands else [])]
    said = [_are(column, people) for column in _who(table)]
    return or_(false(), *said, *(_mentions(column, people) for column in documents))


def _are(column: Column[Any], people: Collection[str]) -> ColumnElement[bool]:
    """A column names one of them; who has a grant may also be something else, and says so."""
    return column.in_([f"{PERSON}{person}" for person in people] if _is_subject(column) else people)


def _is_subject(column: Column[Any]) -> bool:
    return column.name == "subject" and column.table in {accounts, attempts, covers, grants, trials}


def _mentions(column: Column[Any], people: Collection[str]) -> ColumnElement[bool]:
    return or_(*(cast(column, Text).contains(person, autoescape=True) for person in people))
