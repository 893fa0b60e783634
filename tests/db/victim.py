"""A process that runs random commands until it is killed: `python -m tests.db.victim URL SEED`.

Before each command it says what it will ask, after each answer what it was, one JSON line each.
"""

import asyncio
import itertools
import json
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from core.errors import StoreUnavailableError
from core.records.results import Queued, Removed
from core.room import Room
from core.types import LOBBY, CommandId, EntryId, PersonId, Turn
from db.engine import Database
from db.rooms import SqlRooms
from tests.db.commands import ANN, MovedClock, Recorder, play, queue, remove, vote

TOGETHER = 20
"""Callers at the same time."""


def add(number: int) -> Callable[[Room], Queued]:
    """An entry with its vote, its turn and its play: rows in five tables and the header."""

    def command(room: Room) -> Queued:
        queued = queue(f"{number}")(room)
        entry = queued.entries[0]
        vote(entry, PersonId(f"v{number}"))(room)
        room.turns[entry] = Turn(entry, ANN, number)
        room.changes.turns.add(entry)
        room.changes.plays.append(play(room, entry))
        return queued

    return command


def drop(pick: float) -> Callable[[Room], Removed]:
    """Some entry with its vote and turn; the header counts it."""

    def command(room: Room) -> Removed:
        if not room.entries:
            return Removed(0)
        entry = list(room.entries)[int(pick * len(room.entries))]
        removed = remove(entry)(room)
        del room.turns[entry]
        room.changes.turns.add(entry)
        room.emptied_at += 1
        room.changes.header = True
        return removed

    return command


def say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def ask(rooms: SqlRooms, command: Callable[[Room], Any], command_id: CommandId) -> Any:
    """The answer, however often it takes to ask a database that is slow today."""
    while True:
        with suppress(StoreUnavailableError):
            return await rooms.apply(LOBBY, command, command_id=command_id)


async def caller(rooms: SqlRooms, numbers: "itertools.count[int]", choose: random.Random) -> None:
    for number in numbers:
        command = add(number) if choose.random() < 0.6 else drop(choose.random())
        answer = await ask(rooms, command, CommandId(f"{number}"))
        added = EntryId(answer.entries[0]) if isinstance(answer, Queued) else None
        say(number=number, added=added, removed=answer.count if isinstance(answer, Removed) else 0)


async def main(url: str, seed: int) -> None:
    rooms = SqlRooms(Database(url), Recorder(), MovedClock())
    numbers = itertools.count(seed * 1_000_000)
    say(ready=True)
    await asyncio.gather(*(caller(rooms, numbers, random.Random(f"{seed}{n}")) for n in range(TOGETHER)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
