"""From a Room to rows: writing what commands changed, and nothing else."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Table, bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.changes import Changes
from core.room import Room
from core.types import EntryId, PersonId, PlaceId
from db.mapping import Stored, filter_json, settings_json, shuffle_json, song_json, undo_json
from db.models import audit, entries, places, plays, polls, presences, rooms, turns, uses, votes
from db.statements import among, insert_or_ignore, insert_or_update
from db.usage import use_of_play

Values = Mapping[str, Any]


class SettingsConflictError(Exception):
    """Another room of the place changed its settings meanwhile; the commands have to run again on the new ones."""


class Writer:
    """Makes rows what rooms say now: collects what changed in each, and writes it all table by table."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._versions: list[Values] = []
        self._headers: list[Values] = []
        self._settings: list[tuple[Room, int]] = []
        self._gone: list[tuple[Room, Collection[EntryId]]] = []
        self._binned: list[tuple[Room, bool, Collection[EntryId]]] = []
        self._present: dict[Table[Any], list[Values]] = {it: [] for it in (entries, votes, presences, turns, polls)}
        self._absent: dict[Table[Any], list[Values]] = {it: [] for it in (votes, presences, turns, polls)}
        self._appended: dict[Table[Any], list[Values]] = {plays: [], audit: []}
        self._uses: list[Values] = []

    def note(self, stored: Stored, changes: Changes) -> Stored:
        """Collect what changed in a room; what is stored of it once this is committed."""
        room = stored.room
        self._note_header(stored, changes)
        if changes.settings:
            self._settings.append((room, stored.settings))
        self._note_entries(stored, changes)
        self._note_bin(room, changes.bin - changes.entries)
        self._note_rows(room, votes, {key: _vote(room, *key) for key in changes.votes})
        self._note_rows(room, presences, {key: _presence(room, *key) for key in changes.people})
        self._note_rows(room, turns, {(key,): _turn(room, key) for key in changes.turns})
        self._note_rows(room, polls, {(key,): _poll(room, key) for key in changes.polls})
        self._appended[plays] += map(asdict, changes.plays)
        self._uses += filter(None, map(use_of_play, changes.plays))
        self._appended[audit] += map(asdict, changes.audits)
        return Stored(room, stored.settings + changes.settings, _current(room))

    def _note_header(self, stored: Stored, changes: Changes) -> None:
        room = stored.room
        version = {"the_id": room.id, "version": room.version}
        if not changes.header:
            self._versions.append(version)
            return
        if _current(room) != stored.current:
            room.checkpoint = None  # it spoke of another entry
        mark = room.checkpoint
        kept = {"checkpoint": mark.position if mark else None, "checkpoint_at": mark.at if mark else None}
        self._headers.append(version | _header(room) | kept)

    def _note_entries(self, stored: Stored, changes: Changes) -> None:
        room = stored.room
        touched = set(changes.entries)
        if changes.header:  # an entry goes on air and off air by the header alone
            touched |= {it for it in (_current(room), stored.current) if it is not None}
        rows = {it: _entry(room, it) for it in touched}
        self._present[entries] += [values for values in rows.values() if values]
        if gone := [it for it, values in rows.items() if not values]:
            self._gone.append((room, gone))

    def _note_bin(self, room: Room, moved: Collection[EntryId]) -> None:
        """Of those that only went into the bin or came back, the flag is written."""
        for binned in (True, False):
            if chosen := [it for it in moved if (it in room.bin) is binned]:
                self._binned.append((room, binned, chosen))

    def _note_rows(self, room: Room, table: Table[Any], rows: Mapping[tuple[Any, ...], Values | None]) -> None:
        self._present[table] += [values for values in rows.values() if values]
        self._absent[table] += [_key(table, room, key) for key, values in rows.items() if not values]

    async def write(self, connection: AsyncConnection) -> None:
        """Write what was collected, while the transaction holds the rooms' locks. Raises SettingsConflictError."""
        for rows in (self._versions, self._headers):
            if rows:
                await connection.execute(_update(tuple(rows[0])), rows)
        for room, seen in sorted(self._settings, key=lambda it: it[0].place):  # everybody locks places in one order
            await self._write_settings(connection, room, seen)
        for room, gone in self._gone:
            await self._remove(connection, room, gone)
        for room, binned, moved in self._binned:
            chosen = among(entries.c.id, moved, self._dialect)
            await connection.execute(update(entries).where(entries.c.room == room.id, chosen).values(binned=binned))
        statements = [
            *((insert_or_update(table, self._dialect), rows) for table, rows in self._present.items()),
            *((_deletion(table), rows) for table, rows in self._absent.items()),
            *((insert(table), rows) for table, rows in self._appended.items()),
            (insert_or_ignore(uses, self._dialect), self._uses),
        ]
        for statement, rows in statements:
            if rows:
                await connection.execute(statement, rows)

    async def _write_settings(self, connection: AsyncConnection, room: Room, seen: int) -> None:
        statement = update(places).where(places.c.id == room.place, places.c.version == seen)
        values = {"settings": settings_json.dump_python(room.settings, mode="json"), "version": seen + 1}
        if (await connection.execute(statement.values(values))).rowcount != 1:
            raise SettingsConflictError

    async def _remove(self, connection: AsyncConnection, room: Room, gone: Collection[EntryId]) -> None:
        for table, key in ((entries, entries.c.id), (votes, votes.c.entry)):
            chosen = among(key, gone, self._dialect)
            await connection.execute(delete(table).where(table.c.room == room.id, chosen))


@cache
def _update(names: tuple[str, ...]) -> Executable:
    values: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in names if name != "the_id"}
    return update(rooms).where(rooms.c.id == bindparam("the_id")).values(values)


@cache
def _deletion(table: Table[Any]) -> Executable:
    return delete(table).where(*(column == bindparam(f"the_{column.name}") for column in table.primary_key))


def _key(table: Table[Any], room: Room, key: tuple[Any, ...]) -> dict[str, Any]:
    return {f"the_{column.name}": value for column, value in zip(table.primary_key, (room.id, *key), strict=True)}


def _current(room: Room) -> EntryId | None:
    return room.current.entry.id if room.current else None


def _header(room: Room) -> dict[str, Any]:
    current = room.current
    return {
        "voice_channel": room.voice_channel,
        "voice_lost": room.voice_lost,
        "volume": room.volume,
        "paused": room.paused,
        "clock_offset": room.clock.offset,
        "clock_running_since": room.clock.running_since,
        "clock_rate": room.clock.rate,
        "current_entry": _current(room),
        "current_fallback": bool(current and current.fallback),
        "chosen_at": current.chosen_at if current else 0,
        "started_at": current.started_at if current else None,
        "node": current.node if current else None,
        "listeners": current.listeners if current else 0,
        "heard": current.heard if current else 0,
        "song": song_json.dump_python(current.song if current else None, mode="json"),
        "locked": room.locked,
        "next_entry": room.next_entry,
        "emptied_at": room.emptied_at,
        "fallback_at": room.fallback_at,
        "mode": room.mode,
        "loop": room.loop,
        "closed": room.closed,
        "filter": filter_json.dump_python(room.filter, mode="json"),
        "crossfade": room.crossfade,
        "loudness": room.loudness,
        "cleared": room.cleared,
        "shuffle": shuffle_json.dump_python(room.shuffle, mode="json"),
        "undo": undo_json.dump_python(room.undo, mode="json"),
    }


def _found(room: Room, entry: EntryId) -> Any:
    if room.current and room.current.entry.id == entry:
        return room.current.entry
    return room.entries.get(entry) or room.bin.get(entry)


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
        "seat": entry.seat,
        "starts_at": entry.starts_at,
        "begins": entry.begins,
        "binned": key in room.bin and key > room.cleared,  # what was cleared needs no flag
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
