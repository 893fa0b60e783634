"""From rows to a Room: loading it whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.room import Room
from core.types import (
    Checkpoint,
    Entry,
    EntryId,
    Hearing,
    PauseReason,
    PersonId,
    PlaceId,
    Playing,
    Poll,
    PositionClock,
    Presence,
    RoomId,
    Settings,
    Track,
    TrackRef,
    Turn,
    Vote,
)
from db.models import entries, places, polls, presences, rooms, turns, votes

settings_json: TypeAdapter[Settings] = TypeAdapter(Settings)


@dataclass(slots=True)
class Stored:
    """A room and what else its rows said: the version of its place's settings, and which entry was on air."""

    room: Room
    settings: int
    current: EntryId | None


async def load(connection: AsyncConnection, room: RoomId) -> Stored | None:
    """Read a room whole; the caller's transaction has to be a snapshot, or to hold the room's lock."""
    selected = select(rooms, places.c.settings, places.c.version.label("settings_version")).join(places)
    row = (await connection.execute(selected.where(rooms.c.id == room))).first()
    if row is None:
        return None
    queued = await _entries(connection, room)
    current = queued.pop(EntryId(row.current_entry), None) if row.current_entry is not None else None
    loaded = Room(
        id=room,
        place=PlaceId(row.place),
        name=row.name,
        version=row.version,
        settings=settings_json.validate_python(row.settings),
        voice_channel=row.voice_channel,
        volume=row.volume,
        paused=PauseReason(row.paused) if row.paused else None,
        clock=PositionClock(row.clock_offset, row.clock_running_since),
        current=_playing(row, current) if current else None,
        locked=row.locked,
        next_entry=row.next_entry,
        emptied_at=row.emptied_at,
        fallback_at=row.fallback_at,
        entries=queued,
        people=await _people(connection, room),
        polls=await _polls(connection, room),
        turns=await _turns(connection, room),
        checkpoint=Checkpoint(row.checkpoint, row.checkpoint_at) if row.checkpoint is not None else None,
    )
    return Stored(loaded, row.settings_version, row.current_entry)


def _playing(row: Row[Any], entry: Entry) -> Playing:
    return Playing(
        entry=entry,
        fallback=row.current_fallback,
        chosen_at=row.chosen_at,
        started_at=row.started_at,
        node=row.node,
        listeners=row.listeners,
        heard=row.heard,
    )


async def _rows(connection: AsyncConnection, table: Table[Any], room: RoomId) -> Sequence[Row[Any]]:
    found = await connection.execute(select(table).where(table.c.room == room).order_by(*table.primary_key))
    return found.all()


async def _entries(connection: AsyncConnection, room: RoomId) -> dict[EntryId, Entry]:
    found = {EntryId(row.id): _entry(row) for row in await _rows(connection, entries, room)}
    for row in await _rows(connection, votes, room):
        if entry := found.get(row.entry):
            entry.votes[row.person] = Vote(row.value, row.at)
    return found


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        track=Track(TrackRef(row.ref), row.title, row.artist, row.length, row.cover, row.accent, row.uri),
        person=row.person,
        name=row.name,
        place=row.place,
        requested_at=row.requested_at,
        first_requested_at=row.first_requested_at,
        forced=row.forced,
        parked=row.parked,
    )


async def _people(connection: AsyncConnection, room: RoomId) -> dict[tuple[PersonId, PlaceId], Presence]:
    return {
        (PersonId(row.person), PlaceId(row.place)): Presence(
            row.person, row.place, Hearing(row.hearing), row.name, row.since, row.left_at, row.deaf, row.address
        )
        for row in await _rows(connection, presences, room)
    }


async def _polls(connection: AsyncConnection, room: RoomId) -> dict[str, Poll]:
    return {
        row.kind: Poll(row.kind, row.entry, row.opened_by, row.opened_at, row.deadline, row.votes)
        for row in await _rows(connection, polls, room)
    }


async def _turns(connection: AsyncConnection, room: RoomId) -> dict[EntryId, Turn]:
    return {
        EntryId(row.entry): Turn(row.entry, row.person, row.started_at, row.counted)
        for row in await _rows(connection, turns, room)
    }
