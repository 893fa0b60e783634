"""From a Room to rows: writing what commands changed, and nothing else."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy import Executable, Table, bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.changes import Changes
from core.room import Room
from core.types import EntryId, PersonId, PlaceId
from db.mapping import Stored, settings_json
from db.models import audit, entries, places, plays, polls, presences, rooms, turns, votes
from db.statements import among, insert_or_update

Values = Mapping[str, Any]


class SettingsConflictError(Exception):
    """Another room of the place changed its settings meanwhile; the commands have to run again on the new ones."""


class Writer:
    """Makes rows what the room says now, in a transaction that holds the room's lock."""

    def __init__(self, connection: AsyncConnection, stored: Stored, dialect: str) -> None:
        self._connection = connection
        self._stored = stored
        self._room = stored.room
        self._dialect = dialect

    async def write(self, changes: Changes) -> Stored:
        """Write the rows that `changes` names; what is stored when this commits. Raises SettingsConflictError."""
        room = self._room
        await self._header(changes)
        if changes.settings:
            await self._settings()
        await self._entries(changes)
        await self._keyed(votes, {key: _vote(room, *key) for key in changes.votes})
        await self._keyed(presences, {key: _presence(room, *key) for key in changes.people})
        await self._keyed(turns, {(key,): _turn(room, key) for key in changes.turns})
        await self._keyed(polls, {(key,): _poll(room, key) for key in changes.polls})
        await self._append(plays, changes.plays)
        await self._append(audit, changes.audits)
        return Stored(room, self._stored.settings + changes.settings, _current(room))

    async def _header(self, changes: Changes) -> None:
        room = self._room
        values = {"version": room.version} | (_header(room) if changes.header else {})
        if changes.header and _current(room) != self._stored.current:
            values |= {"checkpoint": None, "checkpoint_at": None}  # it spoke of another entry
            room.checkpoint = None
        await self._connection.execute(update(rooms).where(rooms.c.id == room.id).values(values))

    async def _settings(self) -> None:
        seen = self._stored.settings
        statement = update(places).where(places.c.id == self._room.place, places.c.version == seen)
        values = {"settings": settings_json.dump_python(self._room.settings, mode="json"), "version": seen + 1}
        if (await self._connection.execute(statement.values(values))).rowcount != 1:
            raise SettingsConflictError

    async def _entries(self, changes: Changes) -> None:
        touched = set(changes.entries)
        if changes.header:  # an entry goes on air and off air by the header alone
            touched |= {it for it in (_current(self._room), self._stored.current) if it is not None}
        rows = {it: _entry(self._room, it) for it in touched}
        present = [values for values in rows.values() if values]
        if present:
            await self._connection.execute(insert_or_update(entries, self._dialect), present)
        gone = [it for it, values in rows.items() if not values]
        if gone:
            await self._remove(gone)

    async def _remove(self, gone: Collection[EntryId]) -> None:
        for table, key in ((entries, entries.c.id), (votes, votes.c.entry)):
            chosen = among(key, gone, self._dialect)
            await self._connection.execute(delete(table).where(table.c.room == self._room.id, chosen))

    async def _keyed(self, table: Table[Any], rows: Mapping[tuple[Any, ...], Values | None]) -> None:
        present = [values for values in rows.values() if values]
        if present:
            await self._connection.execute(insert_or_update(table, self._dialect), present)
        gone = [key for key, values in rows.items() if not values]
        if gone:
            await self._connection.execute(_deletion(table), [_parameters(table, self._room, key) for key in gone])

    async def _append(self, table: Table[Any], records: Iterable[Any]) -> None:
        rows = [asdict(record) for record in records]
        if rows:
            await self._connection.execute(insert(table), rows)


@cache
def _deletion(table: Table[Any]) -> Executable:
    return delete(table).where(*(column == bindparam(f"the_{column.name}") for column in table.primary_key))


def _parameters(table: Table[Any], room: Room, key: tuple[Any, ...]) -> dict[str, Any]:
    return {f"the_{column.name}": value for column, value in zip(table.primary_key, (room.id, *key), strict=True)}


def _current(room: Room) -> EntryId | None:
    return room.current.entry.id if room.current else None


def _header(room: Room) -> dict[str, Any]:
    current = room.current
    return {
        "voice_channel": room.voice_channel,
        "volume": room.volume,
        "paused": room.paused,
        "clock_offset": room.clock.offset,
        "clock_running_since": room.clock.running_since,
        "current_entry": _current(room),
        "current_fallback": bool(current and current.fallback),
        "chosen_at": current.chosen_at if current else 0,
        "started_at": current.started_at if current else None,
        "node": current.node if current else None,
        "listeners": current.listeners if current else 0,
        "heard": current.heard if current else 0,
        "locked": room.locked,
        "next_entry": room.next_entry,
        "emptied_at": room.emptied_at,
        "fallback_at": room.fallback_at,
    }


def _found(room: Room, entry: EntryId) -> Any:
    if room.current and room.current.entry.id == entry:
        return room.current.entry
    return room.entries.get(entry)


def _entry(room: Room, key: EntryId) -> Values | None:
    entry = _found(room, key)
    if entry is None:
        return None
    track = entry.track
    return {
        "room": room.id,
        "id": entry.id,
        "person": entry.person,
        "name": entry.name,
        "place": entry.place,
        "ref": track.ref,
        "title": track.title,
        "artist": track.artist,
        "length": track.length,
        "cover": track.cover,
        "accent": track.accent,
        "uri": track.uri,
        "requested_at": entry.requested_at,
        "first_requested_at": entry.first_requested_at,
        "forced": entry.forced,
        "parked": entry.parked,
    }


def _vote(room: Room, key: EntryId, person: PersonId) -> Values | None:
    entry = _found(room, key)
    vote = entry.votes.get(person) if entry else None
    if vote is None:
        return None
    return {"room": room.id, "entry": key, "person": person, "value": vote.value, "at": vote.at}


def _presence(room: Room, person: PersonId, place: PlaceId) -> Values | None:
    presence = room.people.get((person, place))
    return {"room": room.id, **asdict(presence)} if presence else None


def _turn(room: Room, entry: EntryId) -> Values | None:
    turn = room.turns.get(entry)
    return {"room": room.id, **asdict(turn)} if turn else None


def _poll(room: Room, kind: str) -> Values | None:
    poll = room.polls.get(kind)
    return {"room": room.id, **asdict(poll)} if poll else None
