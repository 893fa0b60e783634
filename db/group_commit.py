"""Group commit: commands that wait at the same time, of one room and of several, share a transaction."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from core import tracing
from core.errors import NoSuchRoomError
from core.events import Event
from core.ports.bus import Bus
from core.ports.clock import Clock
from db.batch import Batch
from db.current import Current
from db.engine import Database
from db.faults import disconnected, fail, refused, told
from db.line import Line
from db.mapping import Stored
from db.results import answered, remember
from db.writer import SettingsConflictError, Writer

Work = list[tuple[Line, Batch]]


class GroupCommit:
    """Runs and commits what waits in some lines, and tells everybody what became of it."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, current: Current) -> None:
        self._database = database
        self._dialect = database.dialect
        self._bus = bus
        self._clock = clock
        self._current = current

    async def serve(self, lines: Sequence[Line]) -> None:
        """One transaction for the next commands of all these lines."""
        work = [(line, batch) for line in lines if (batch := line.take()).jobs]
        if not work:
            return
        try:
            with tracing.span("edit", parent=work[0][1].jobs[0].parent, room=work[0][0].room):
                await self._transact_again(work)
        except NoSuchRoomError as error:
            fail(work[0][1].waiting, error)
        except Exception as error:  # noqa: BLE001 -- whatever it was, nobody may wait for ever
            await self._recover(work, error)
        else:
            for line, batch in work:
                self._settle(line, batch)

    def _settle(self, line: Line, batch: Batch) -> None:
        """After the transaction: tell what was committed, put back what was left out of it."""
        if batch.broken:
            line.stored = None
            line.put_back(batch.blame())
        elif not batch.started:
            line.apart = True  # another process had the room
            line.put_back(batch.jobs)
        else:
            self._tell(line, batch)

    def _tell(self, line: Line, batch: Batch) -> None:
        """Sound goes before words: who acts on the events is woken first."""
        line.apart = False
        for event in batch.events:
            with tracing.span("publish", parent=event.trace, event=event.name, room=event.room) as trace:
                self._bus.publish(replace(event, trace=trace))
        batch.tell()
        line.show()

    async def _transact_again(self, work: Work) -> None:
        """Once more if the connection turned out to be an old, broken one before anything ran."""
        try:
            await self._transact(work)
        except DBAPIError as error:
            if any(batch.started for _, batch in work) or not disconnected(error):
                raise
            await self._transact(work)

    async def _transact(self, work: Work) -> None:
        """Lock, run, write, commit. Rooms that others have locked, and those left broken, are not written."""
        async with self._database.writer.connect() as connection:
            locked = await self._current.lock(connection, [line for line, _ in work])
            if not locked and len(work) == 1:  # it was waited for, so nobody else has it
                raise NoSuchRoomError
            todo = [(line, batch) for line, batch in work if line.room in locked]
            known = await answered(
                connection, {(line.room, id_) for line, batch in todo for id_ in batch.ids}, self._dialect
            )
            ready = [
                (line, batch, await self._current.stored(connection, line, locked[line.room])) for line, batch in todo
            ]
            ran = [
                (line, batch, stored)
                for line, batch, stored in ready
                if batch.run(stored.room, known.get(line.room, {}))
            ]
            await self._write(connection, ran)

    async def _write(self, connection: AsyncConnection, ran: list[tuple[Line, Batch, Stored]]) -> None:
        answers = {(line.room, id_): answer for line, batch, _ in ran for id_, answer in batch.answers.items()}
        changed = [it for it in ran if it[1].changes]
        if not (answers or changed):
            return
        writer = Writer(self._dialect)
        after = [(line, writer.note(stored, batch.changes)) for line, batch, stored in changed]
        await writer.write(connection)
        await remember(connection, answers, self._clock.now(), self._dialect)
        await connection.commit()
        for line, stored in after:
            line.stored = stored

    async def _recover(self, work: Work, error: Exception) -> None:
        """Nobody can be sure of what the rooms in memory say, nor, maybe, of what was committed."""
        started = any(batch.started for _, batch in work)
        for line, _ in work if started else ():
            line.stored = None
        if refused(error) and self._split(work, again=isinstance(error, SettingsConflictError)):
            return
        reachable = started
        for line, batch in work:
            reachable = reachable and await self._look_up(line, batch)
            fail(batch.waiting, told(line.room, error))

    def _split(self, work: Work, *, again: bool) -> bool:
        """Put the work back in smaller parts, so that what was refused harms nobody else; False for a single job."""
        single = len(work) == 1
        if single and len(work[0][1].jobs) == 1 and not again:
            return False
        for line, batch in work:
            line.apart = True
            for job in batch.jobs:
                job.alone = single
            line.put_back(batch.jobs)
        return True

    async def _look_up(self, line: Line, batch: Batch) -> bool:
        """Answer what was committed after all; False if the database is gone.

        The room's lock makes sure that no commit is still under way.
        """
        try:
            async with self._database.writer.connect() as connection:
                versions = await self._current.lock(connection, [line])
                known = await answered(connection, {(line.room, id_) for id_ in batch.ids}, self._dialect)
        except Exception:  # noqa: BLE001 -- then nobody knows; the failure is logged anyway
            return False
        outcomes = known.get(line.room, {})
        for job in batch.jobs:
            if job.id and job.id in outcomes:
                job.give(outcomes[job.id])
        self._bus.publish(Event(room=line.room, version=versions[line.room].version))
        return True
