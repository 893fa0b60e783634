"""Commands that run together, and what becomes of each."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.changes import Changes
from core.errors import ChorusError
from core.events import Event
from core.room import Room
from core.types import CommandId
from db.results import encoded


@dataclass(eq=False, slots=True)
class Job:
    """A command that waits for its turn. `alone`: what it writes was refused once, so it takes nobody along."""

    command: Callable[[Room], Any]
    id: CommandId | None
    answer: asyncio.Future[Any]
    alone: bool = False
    parent: str = ""
    """The `traceparent` of the caller."""

    def give(self, result: Any) -> None:
        """Answer, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Refuse, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Batch:
    """Jobs run in order on one room. Afterwards `changes` and `answers` are to be written, the rest told.

    `broken` is a job that failed half-way, or whose answer cannot be stored: the room in memory cannot be trusted any
    more, and nothing of the batch counts.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.started = False
        self.broken: Job | None = None
        self._mistake = Exception()
        self.changes = Changes()
        self.answers: dict[CommandId, tuple[str, str]] = {}
        self._outcomes: list[tuple[Callable[[Any], None], Any]] = []

    @property
    def ids(self) -> Collection[CommandId]:
        """The ids of the commands that have one."""
        return {job.id for job in self.jobs if job.id}

    @property
    def waiting(self) -> Sequence[asyncio.Future[Any]]:
        """Where the answers are awaited."""
        return [job.answer for job in self.jobs]

    def run(self, room: Room, answered: dict[CommandId, Any]) -> bool:
        """Run each command that was not `answered` before; False as soon as one is `broken`.

        Whoever has left or was refused while the database kept us waiting must not find that it was done after all.
        """
        self.started = True
        for job in self.jobs:
            if job.answer.done():
                continue
            if job.id and job.id in answered:
                self._outcomes.append((job.give, answered[job.id]))
            elif not self._run(job, room, answered):
                return False
        return True

    def _run(self, job: Job, room: Room, answered: dict[CommandId, Any]) -> bool:
        try:
            result = job.command(room)
            if job.id:
                self.answers[job.id] = encoded(result)
                answered[job.id] = result
        except Exception as error:  # noqa: BLE001 -- it is the caller's
            if room.changes or not isinstance(error, ChorusError):
                self.broken, self._mistake = job, error
                return False
            self._outcomes.append((job.fail, error))
        else:
            self._keep(job, room)
            self._outcomes.append((job.give, result))
        return True

    def _keep(self, job: Job, room: Room) -> None:
        changes = room.take_changes()
        if changes:
            room.version += 1
            changes.events = [replace(event, version=room.version, trace=job.parent) for event in changes.events]
            merge(self.changes, changes)

    def blame(self) -> Sequence[Job]:
        """The broken job gets its own mistake; the others, which may run again."""
        if self.broken:
            self.broken.fail(self._mistake)
        return [job for job in self.jobs if job is not self.broken]

    def tell(self) -> None:
        """Everybody gets their result or refusal."""
        for deliver, outcome in self._outcomes:
            deliver(outcome)

    @property
    def events(self) -> Sequence[Event]:
        """What happened, in order."""
        return self.changes.events


_SETS = ("entries", "bin", "votes", "people", "polls", "turns")
_LISTS = ("plays", "audits", "events")


def merge(into: Changes, later: Changes) -> None:
    """Add later changes to earlier ones."""
    for name in _SETS:
        getattr(into, name).update(getattr(later, name))
    for name in _LISTS:
        getattr(into, name).extend(getattr(later, name))
    into.header |= later.header
    into.settings |= later.settings
