"""Where rooms live: the only way a room is read or changed."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

import structlog
from sqlalchemy import Column, Executable, Table, delete, select, text, tuple_

from core.errors import StoreUnavailableError
from core.events import PlanChanged
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.records.rows import Audit, Audited, Play
from core.room import Room
from core.tracing import traceparent
from core.types import CommandId, Limits, PlaceId, RoomId, Track, TrackRef
from db.batch import Job
from db.current import Current
from db.engine import Database
from db.group_commit import GroupCommit
from db.groups import Groups
from db.line import Counter, Line, in_time
from db.looks import Looks
from db.mapping import PLAY, play
from db.models import audit, entries, plays, presences, rooms, votes
from db.notice import behind
from db.results import prune

T = TypeVar("T")

REMEMBERED = 4_096
"""How many rooms stay in memory."""
ROOMS_TOGETHER = 32
"""How many rooms share a transaction at most."""
READERS = 2
NOTICE = 0.5
"""Seconds until changes by another process are noticed."""
SWEPT = 1_000
"""How many rows of cleared queues are deleted at a time."""
PRUNE = 60.0
"""Seconds between two rounds of forgetting old command ids."""

log = structlog.get_logger()


class SqlRooms:
    """`core.ports.rooms.Rooms` on a database. `fallback` gives each room its house list, `limits` each place
    what its plan allows.

    What `read` returns is the living room: look at it before the next await, and do not keep it.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        *,
        fallback: Callable[[RoomId], tuple[Track, ...]] = lambda _room: (),
        limits: Callable[[PlaceId], Limits] = lambda _place: Limits(),
        groups: Groups | None = None,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._lines: OrderedDict[RoomId, Line] = OrderedDict()
        self._groups = groups or Groups()
        self._groups.watch(self._reorder)
        self._current = current = Current(database.dialect, bus, self._groups, fallback, limits)
        commits, looks = GroupCommit(database, bus, clock, current), Looks(database, current)
        self._commits = Counter(commits.serve, self._route, tasks=database.writers, together=ROOMS_TOGETHER)
        self._looks = Counter(looks.serve, self._route, tasks=READERS, together=ROOMS_TOGETHER)

    async def apply(self, room: RoomId, command: Callable[[Room], T], *, command_id: CommandId | None = None) -> T:
        """Run `command` on the room; its result after the commit (see the port)."""
        line, answer = self._line(room), asyncio.get_running_loop().create_future()
        line.jobs.append(Job(command, command_id, answer, parent=traceparent()))
        self._route(line)
        return await (in_time(answer) if command_id else answer)  # what nobody asked for has time

    async def read(self, room: RoomId, *, known: int = 0) -> Room:
        """The room as last committed, for reading only (see the port)."""
        line, answer = self._line(room), asyncio.get_running_loop().create_future()
        if known and line.idle and line.stored and line.stored.room.version >= known:
            return line.stored.room
        line.readers.append(answer)
        self._route(line)
        return await in_time(answer)

    async def active(self) -> Sequence[RoomId]:
        """Rooms that a player has to look after."""
        present = select(presences.c.room).where(presences.c.room == rooms.c.id, presences.c.left_at.is_(None))
        wanted = rooms.c.current_entry.is_not(None) | rooms.c.voice_channel.is_not(None) | present.exists()
        async with self._database.read() as connection:
            return [RoomId(room) for room in await connection.scalars(select(rooms.c.id).where(wanted))]

    async def checkpoint(self, positions: dict[RoomId, int]) -> None:
        """Store the positions (ms) of playing rooms in one statement.

        A position speaks of the entry that was on air when this was called; it is not stored over another one.
        """
        heard = [
            (room, position, line.stored.current)
            for room, position in positions.items()
            if (line := self._lines.get(room)) and line.stored and line.stored.current is not None
        ]
        if not heard:
            return
        rows = json.dumps([{"room": room, "ms": position, "entry": entry} for room, position, entry in heard])
        async with self._database.write() as connection:
            await connection.execute(_CHECKPOINT[self._database.dialect], {"rows": rows, "at": self._clock.now()})

    async def plays(self, room: RoomId, *, limit: int = 20) -> Sequence[Play]:
        """The latest finished plays, newest first."""
        latest = select(*PLAY).where(plays.c.room == room).order_by(plays.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [play(row) for row in (await connection.execute(latest)).mappings()]

    async def audit(self, place: PlaceId | None, *, before: int | None = None, limit: int = 50) -> Sequence[Audited]:
        """The latest audit rows of a place (None: of all), newest first, beginning after the row id `before`."""
        latest = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if place is not None:
            latest = latest.where(audit.c.place == place)
        if before is not None:
            latest = latest.where(audit.c.id < before)
        async with self._database.read() as connection:
            rows = [dict(row) for row in (await connection.execute(latest)).mappings()]
        return [Audited(row.pop("id"), Audit(**row)) for row in rows]

    async def references(self, kind: str) -> Collection[TrackRef]:
        """The references of that kind (`upload`) in all queues, what is on air included."""
        wanted = select(entries.c.ref).where(entries.c.ref.startswith(f"{kind}:", autoescape=True)).distinct()
        async with self._database.read() as connection:
            return {TrackRef(ref) for ref in await connection.scalars(wanted)}

    async def prune(self) -> None:
        """Forget command ids that nobody repeats any more and entries that cannot come back. Raises
        StoreUnavailableError.
        """
        async with self._database.write() as connection:
            await prune(connection, self._clock.now())
        while await self._sweep():
            pass

    async def _sweep(self) -> bool:
        """Delete some entries of cleared queues, whose rows their rooms look past; whether there were any."""
        async with self._database.write() as connection:
            return any([(await connection.execute(sweep)).rowcount for sweep in _SWEEPS])

    async def attend(self) -> None:
        """Notice what other processes write, and forget old command ids, until cancelled."""
        seen: int | None = None
        pruned = -PRUNE
        while True:
            with _forgiving():
                version = await self._database.foreign_version()
                if version is None or version != seen:
                    await self.notice()
                    seen = version
                if monotonic() - pruned >= PRUNE:
                    await self.prune()
                    pruned = monotonic()
            await asyncio.sleep(NOTICE)

    async def notice(self) -> None:
        """Read again the rooms in memory that another process changed, which publishes `room.changed` for each, and
        learn whom it linked.

        Raises StoreUnavailableError.
        """
        async with self._database.read() as connection:
            await self._groups.notice(connection, self._database.dialect)
        known = {room: stored for room, line in self._lines.items() if (stored := line.stored) and line.idle}
        seen = {room: (stored.room.version, stored.settings) for room, stored in known.items()}
        for room in await behind(self._database, seen) if seen else ():
            await self.read(room)

    def replan(self, places: Collection[PlaceId]) -> None:
        """What these places may have is another: tell their rooms in memory, and publish it for each."""
        changed = set(places)
        for line in self._lines.values():
            if line.stored and not changed.isdisjoint((line.stored.room.place, *line.stored.room.linked)):
                room = line.stored.room
                self._current.limit(room)
                self._bus.publish(PlanChanged(room=room.id, version=room.version))

    async def close(self) -> None:
        """Wait until every command under way is committed and answered."""
        while tasks := self._commits.tasks | self._looks.tasks:
            await asyncio.wait(tasks)

    def _reorder(self) -> None:
        """People turned out to be others: orders that were kept count them wrongly."""
        for line in self._lines.values():
            if line.stored:
                line.stored.room.order = None

    def _line(self, room: RoomId) -> Line:
        line = self._lines.get(room)
        if line is None:
            line = self._lines[room] = Line(room)
            self._forget()
        self._lines.move_to_end(room)
        return line

    def _route(self, line: Line) -> None:
        """Whoever writes goes first: readers are served with them."""
        if not line.idle:
            return
        if line.jobs:
            self._commits.add(line)
        elif line.readers:
            self._looks.add(line)

    def _forget(self) -> None:
        idle = [room for room, line in self._lines.items() if line.idle] if len(self._lines) > REMEMBERED else []
        for room in idle[: len(self._lines) - REMEMBERED]:
            del self._lines[room]


@contextmanager
def _forgiving() -> Generator[None]:
    """Nobody waits for this; it is tried again soon."""
    try:
        yield
    except StoreUnavailableError as error:
        log.warning("store unavailable", error=str(error))


def _sweep(table: Table[Any], entry: Column[int]) -> Executable:
    """Deletes some rows about entries of cleared queues, except about what is on air."""
    cleared = (
        select(*table.primary_key)
        .join(rooms, rooms.c.id == table.c.room)
        .where(entry <= rooms.c.cleared, rooms.c.undo.is_(None))
        .where(rooms.c.current_entry.is_(None) | (rooms.c.current_entry != entry))
        .limit(SWEPT)
    )
    return delete(table).where(tuple_(*table.primary_key).in_(cleared))


_SWEEPS = (_sweep(entries, entries.c.id), _sweep(votes, votes.c.entry))

_CHECKPOINT = {
    "postgresql": text(
        "UPDATE rooms SET checkpoint = heard.ms, checkpoint_at = :at"
        " FROM json_to_recordset(CAST(:rows AS json)) AS heard(room text, ms bigint, entry bigint)"
        " WHERE rooms.id = heard.room AND rooms.current_entry = heard.entry"
    ),
    "sqlite": text(
        "UPDATE rooms SET checkpoint = json_extract(heard.value, '$.ms'), checkpoint_at = :at"
        " FROM json_each(:rows) AS heard"
        " WHERE rooms.id = json_extract(heard.value, '$.room')"
        " AND rooms.current_entry = json_extract(heard.value, '$.entry')"
    ),
}
