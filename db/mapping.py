"""From rows to a Room: loading it whole."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import EndReason, Hearing, Loop, Mode, PauseReason
from core.records.rows import Play
from core.room import HISTORY, Room
from core.types import (
    Checkpoint,
    Entry,
    EntryId,
    Filter,
    PersonId,
    PlaceId,
    Playing,
    Poll,
    PositionClock,
    Presence,
    RoomId,
    Settings,
    Shuffle,
    Song,
    Track,
    TrackRef,
    Turn,
    Undo,
    Vote,
)
from db.models import entries, places, plays, polls, presences, rooms, turns, votes

settings_json: TypeAdapter[Settings] = TypeAdapter(Settings)
shuffle_json: TypeAdapter[Shuffle | None] = TypeAdapter(Shuffle | None)
song_json: TypeAdapter[Song | None] = TypeAdapter(Song | None)
filter_json: TypeAdapter[Filter | None] = TypeAdapter(Filter | None)
undo_json: TypeAdapter[Undo | None] = TypeAdapter(Undo | None)


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
    undo = undo_json.validate_python(row.undo)
    queued, binned, current = await _entries(connection, row, undo)
    loaded = Room(
        id=room,
        place=PlaceId(row.place),
        name=row.name,
        version=row.version,
        settings=settings_json.validate_python(row.settings),
        voice_channel=row.voice_channel,
        voice_lost=row.voice_lost,
        volume=row.volume,
        paused=PauseReason(row.paused) if row.paused else None,
        clock=PositionClock(row.clock_offset, row.clock_running_since, row.clock_rate),
        current=_playing(row, current) if current else None,
        locked=row.locked,
        next_entry=row.next_entry,
        emptied_at=row.emptied_at,
        fallback_at=row.fallback_at,
        mode=Mode(row.mode),
        loop=Loop(row.loop),
        closed=row.closed,
        filter=filter_json.validate_python(row.filter),
        crossfade=row.crossfade,
        loudness=row.loudness,
        cleared=row.cleared,
        shuffle=shuffle_json.validate_python(row.shuffle),
        undo=undo,
        entries=queued,
        bin=binned,
        people=await _people(connection, room),
        polls=await _polls(connection, room),
        turns=await _turns(connection, room),
        history=await _history(connection, room),
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
        song=song_json.validate_python(row.song),
    )


async def _rows(connection: AsyncConnection, table: Table[Any], room: RoomId) -> Sequence[Row[Any]]:
    found = await connection.execute(select(table).where(table.c.room == room).order_by(*table.primary_key))
    return found.all()


async def _entries(
    connection: AsyncConnection, header: Row[Any], undo: Undo | None
) -> tuple[dict[EntryId, Entry], dict[EntryId, Entry], Entry | None]:
    """Those that wait, those in the bin, and the one on air. Rows that only wait to be swept are left out."""
    found = {EntryId(row.id): row for row in await _rows(connection, entries, header.id)}
    current = found.pop(header.current_entry, None)
    queued = {id_: _entry(row) for id_, row in found.items() if not row.binned and id_ > header.cleared}
    binned = {id_: _entry(row) for id_, row in found.items() if undo and _is_undoable(row, header.cleared, undo)}
    on_air = _entry(current) if current else None
    for row in await _rows(connection, votes, header.id):
        entry = on_air if row.entry == header.current_entry else queued.get(row.entry) or binned.get(row.entry)
        if entry:
            entry.votes[row.person] = Vote(row.value, row.at)
    return queued, binned, on_air


def _is_undoable(row: Row[Any], cleared: int, undo: Undo) -> bool:
    if row.binned:
        return row.id in undo.entries
    return undo.cleared is not None and undo.cleared < row.id <= cleared


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
        seat=row.seat,
        starts_at=row.starts_at,
        begins=row.begins,
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
        row.kind: Poll(row.kind, row.entry, row.opened_by, row.opened_at, row.deadline, row.votes, row.argument)
        for row in await _rows(connection, polls, room)
    }


async def _turns(connection: AsyncConnection, room: RoomId) -> dict[EntryId, Turn]:
    return {
        EntryId(row.entry): Turn(
            row.entry,
            row.person,
            row.started_at,
            row.counted,
            row.airtime,
            tuple(row.approvers),
            row.start,
            row.forced,
        )
        for row in await _rows(connection, turns, room)
    }


async def _history(connection: AsyncConnection, room: RoomId) -> deque[Play]:
    ended = plays.c.room == room, plays.c.reason != EndReason.SONG
    latest = select(*PLAY).where(*ended).order_by(plays.c.id.desc()).limit(HISTORY)
    found = [play(row) for row in (await connection.execute(latest)).mappings()]
    return deque(reversed(found), maxlen=HISTORY)


PLAY = [column for column in plays.c if column is not plays.c.id]


def play(row: Mapping[Any, Any]) -> Play:
    """What a row of `PLAY`'s columns stands for."""
    return replace(Play(**row), reason=EndReason(row["reason"]))
