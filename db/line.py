"""Group commit: whoever waits for one room goes in line, and those who wait together commit together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ChorusError, NoSuchRoomError, StoreUnavailableError
from core.events import Event
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.room import Room
from core.types import Checkpoint, CommandId, RoomId, Track
from db.batch import Batch, BrokenCommandError, Job
from db.engine import DRIVER_ERRORS, Database, disconnected
from db.mapping import Stored, load
from db.models import places, rooms
from db.results import answered, remember
from db.writer import SettingsConflictError, Writer

TOGETHER = 64
"""How many commands share a transaction at most."""

log = structlog.get_logger()


class Line:
    """Those who wait for one room, and the room as it was committed last.

    One task serves them while there are any: no lock is held on the database by somebody who waits.
    """

    def __init__(
        self,
        room: RoomId,
        database: Database,
        bus: Bus,
        clock: Clock,
        fallback: Callable[[RoomId], tuple[Track, ...]],
    ) -> None:
        self.room = room
        self.stored: Stored | None = None
        self.task: asyncio.Task[None] | None = None
        self._database = database
        self._bus = bus
        self._clock = clock
        self._fallback = fallback
        self._jobs: deque[Job] = deque()
        self._readers: list[asyncio.Future[Room]] = []

    def apply(self, command: Callable[[Room], Any], command_id: CommandId | None) -> asyncio.Future[Any]:
        """Queue a command; its result after the commit. A command whose future was cancelled in time does not run."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.append(Job(command, command_id, answer))
        self._serve()
        return answer

    def read(self) -> asyncio.Future[Room]:
        """The room as committed last, not before this call."""
        answer: asyncio.Future[Room] = asyncio.get_running_loop().create_future()
        self._readers.append(answer)
        self._serve()
        return answer

    def _serve(self) -> None:
        if self.task is None:
            self.task = asyncio.create_task(self._work(), name=f"room {self.room}")

    async def _work(self) -> None:
        while self._jobs or self._readers:
            jobs, readers = self._next_jobs(), self._readers
            self._readers = []
            try:
                committed = bool(jobs) and await self._commit(Batch(jobs))
                if readers:
                    room = self._committed() if committed else await self._look()
                    for reader in readers:
                        _give(reader, room)
            except Exception as error:  # noqa: BLE001 -- whatever it was, nobody may wait for ever
                self._give_up([*(job.answer for job in jobs), *readers], error)
        self.task = None

    def _next_jobs(self) -> list[Job]:
        jobs: list[Job] = []
        while self._jobs and len(jobs) < TOGETHER and not (jobs and (jobs[0].alone or self._jobs[0].alone)):
            job = self._jobs.popleft()
            if not job.answer.done():
                jobs.append(job)
        return jobs

    async def _commit(self, batch: Batch) -> bool:
        """Run and commit a batch; whether its outcome is known and told."""
        try:
            await self._transact_again(batch)
        except NoSuchRoomError:
            raise
        except BrokenCommandError as broken:
            self.stored = None
            broken.job.fail(broken.__cause__ or broken)
            self._jobs.extendleft(reversed([job for job in batch.jobs if job is not broken.job]))
        except SettingsConflictError:
            self.stored = None
            self._jobs.extendleft(reversed(batch.jobs))
        except Exception as error:  # noqa: BLE001 -- told apart there
            await self._recover(batch, error)
        else:
            for event in batch.events:
                self._bus.publish(event)
            batch.tell()
            return True
        return False

    async def _transact_again(self, batch: Batch) -> None:
        """Once more if the connection turned out to be an old, broken one before anything ran."""
        try:
            await self._transact(batch)
        except DBAPIError as error:
            if batch.started or not disconnected(error):
                raise
            await self._transact(batch)

    async def _transact(self, batch: Batch) -> None:
        dialect = self._database.dialect
        async with self._database.writer.connect() as connection:
            stored = await self._current(connection, lock=True)
            batch.run(stored.room, await answered(connection, self.room, batch.ids, dialect))
            if not (batch.changes or batch.answers):
                return
            if batch.changes:
                stored = await Writer(connection, stored, dialect).write(batch.changes)
            await remember(connection, self.room, batch.answers, self._clock.now(), dialect)
            await connection.commit()
            self.stored = stored

    async def _current(self, connection: AsyncConnection, *, lock: bool) -> Stored:
        """The room as the database has it, from memory if its version is still the row's."""
        select = _LOCK if lock else _GLANCE
        row = (await connection.execute(select, {"room": self.room})).first()
        if row is None:
            raise NoSuchRoomError
        stored = self.stored
        if stored is None or (stored.room.version, stored.settings) != (row.version, row.settings_version):
            stored = await load(connection, self.room)
            if stored is None:
                raise NoSuchRoomError
        stored.room.fallback = self._fallback(self.room)
        stored.room.checkpoint = Checkpoint(row.checkpoint, row.checkpoint_at) if row.checkpoint is not None else None
        self.stored = stored
        return stored

    async def _look(self) -> Room:
        try:
            async with self._database.reader.connect() as connection:
                return (await self._current(connection, lock=False)).room
        except DBAPIError as error:
            if not disconnected(error):
                raise
        async with self._database.reader.connect() as connection:
            return (await self._current(connection, lock=False)).room

    def _committed(self) -> Room:
        assert self.stored
        return self.stored.room

    async def _recover(self, batch: Batch, error: Exception) -> None:
        """After a failure nobody can be sure of what the room in memory says, nor, maybe, of what was committed."""
        if not batch.started:
            self._give_up([job.answer for job in batch.jobs], error)
            return
        self.stored = None
        if len(batch.jobs) > 1 and _refused(error):
            for job in batch.jobs:
                job.alone = True
            self._jobs.extendleft(reversed(batch.jobs))
            return
        outcomes = await self._outcomes(batch)
        for job in batch.jobs:
            if job.id and job.id in outcomes:
                job.give(outcomes[job.id])
        if outcomes:
            self._bus.publish(Event(room=self.room))
        self._give_up([job.answer for job in batch.jobs], error)

    async def _outcomes(self, batch: Batch) -> dict[CommandId, Any]:
        """What was committed after all. The room's lock makes sure that no commit is still under way."""
        try:
            async with self._database.writer.connect() as connection:
                await connection.execute(_LOCK, {"room": self.room})
                return await answered(connection, self.room, batch.ids, self._database.dialect)
        except DRIVER_ERRORS:
            return {}

    def _give_up(self, waiting: Sequence[asyncio.Future[Any]], error: Exception) -> None:
        if not isinstance(error, ChorusError):
            log.error("room store failed", room=self.room, error=str(error), exc_info=_refused(error))
        for future in waiting:
            if not future.done():
                future.set_exception(_told(error))


_GLANCE = (
    select(rooms.c.version, places.c.version.label("settings_version"), rooms.c.checkpoint, rooms.c.checkpoint_at)
    .join(places)
    .where(rooms.c.id == bindparam("room"))
)
_LOCK = _GLANCE.with_for_update(of=rooms)


def _give(future: asyncio.Future[Room], room: Room) -> None:
    if not future.done():
        future.set_result(room)


def _told(error: Exception) -> ChorusError:
    """An error of one's own for each who waits: raising it adds to it."""
    if isinstance(error, ChorusError):
        return copy(error)
    told = StoreUnavailableError(str(error))
    told.__cause__ = error
    return told


def _refused(error: Exception) -> bool:
    """Whether the database refused what was to be written, so that other commands may fare better without it."""
    if not isinstance(error, DRIVER_ERRORS):
        return True
    sqlstate = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    return sqlstate.startswith(("22", "23")) or isinstance(error, DataError | IntegrityError)
