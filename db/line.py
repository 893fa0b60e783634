"""Those who wait for one room, and the tasks that serve several such lines at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from core.errors import StoreUnavailableError
from core.room import Room
from core.types import RoomId
from db.batch import Batch, Job
from db.engine import ANSWER
from db.faults import fail
from db.mapping import Stored

T = TypeVar("T")

TOGETHER = 64
"""How many commands of a room share a transaction at most."""


@dataclass(eq=False, slots=True)
class Line:
    """Who waits for a room, and the room as it was committed last.

    `queued` or `busy`: somebody will look at it, or does. `apart`: its last transaction failed, or another process
    held the room, so that it gets a transaction of its own.
    """

    room: RoomId
    stored: Stored | None = None
    jobs: deque[Job] = field(default_factory=deque[Job])
    readers: list[asyncio.Future[Room]] = field(default_factory=list[asyncio.Future[Room]])
    queued: bool = False
    busy: bool = False
    apart: bool = False

    @property
    def idle(self) -> bool:
        """Whether nobody waits."""
        return not (self.queued or self.busy)

    def take(self) -> Batch:
        """The next commands to run together, without those whose callers have left."""
        jobs: list[Job] = []
        while self.jobs and len(jobs) < TOGETHER and not (jobs and (jobs[0].alone or self.jobs[0].alone)):
            job = self.jobs.popleft()
            if not job.answer.done():
                jobs.append(job)
        return Batch(jobs)

    def put_back(self, jobs: Sequence[Job]) -> None:
        """These are to run again, first."""
        self.jobs.extendleft(reversed(jobs))

    def show(self) -> None:
        """Give the readers the room as it is committed."""
        readers, self.readers = self.readers, []
        for reader in readers:
            if not reader.done():
                assert self.stored
                reader.set_result(self.stored.room)

    def refuse(self, error: Exception) -> None:
        """Tell the readers that there is no room to show."""
        readers, self.readers = self.readers, []
        fail(readers, error)


async def in_time(answer: asyncio.Future[T]) -> T:
    """What is answered; StoreUnavailableError if that takes longer than a person can be kept waiting.

    SQLite's file may be locked by another program, PostgreSQL's row by another process, for longer than Discord waits
    (3 s). A command that is refused so is not run any more, unless it was running already.
    """
    timer = asyncio.get_running_loop().call_later(ANSWER, _refuse, answer)
    try:
        return await answer
    finally:
        timer.cancel()


def _refuse(answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        answer.set_exception(StoreUnavailableError("the database keeps us waiting"))


class Counter:
    """Lines wait here, first come first served; up to `tasks` tasks serve up to `together` lines at a time."""

    def __init__(
        self,
        serve: Callable[[Sequence[Line]], Awaitable[None]],
        served: Callable[[Line], None],
        *,
        tasks: int,
        together: int,
    ) -> None:
        self._serve = serve
        self._served = served
        self._most = tasks
        self._together = together
        self._lines: deque[Line] = deque()
        self.tasks: set[asyncio.Task[None]] = set()

    def add(self, line: Line) -> None:
        """Queue a line that is idle."""
        line.queued = True
        self._lines.append(line)
        if len(self.tasks) < self._most:
            self.tasks.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        try:
            while self._lines:
                await self._serve_next()
        finally:  # at once, so that `add` knows to start another
            self.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _serve_next(self) -> None:
        lines = self._next()
        try:
            await self._serve(lines)
        finally:
            for line in lines:
                line.busy = False
        for line in lines:  # not after a cancellation: the loop is about to end, nobody would run what this starts
            self._served(line)

    def _next(self) -> list[Line]:
        lines: list[Line] = []
        while self._lines and len(lines) < self._together and not (lines and (lines[0].apart or self._lines[0].apart)):
            line = self._lines.popleft()
            line.queued, line.busy = False, True
            lines.append(line)
        return lines
