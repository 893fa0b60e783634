"""kill -9 at any moment, of the bot and of its database: what was answered is there, and no half of anything is."""

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from core.errors import StoreUnavailableError
from core.records.results import Queued, Removed
from core.room import Room
from core.types import LOBBY, CommandId
from db.engine import Database
from db.migrate import migrate
from db.models import commands, plays, votes
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder
from tests.db.own_postgres import OwnPostgres
from tests.db.victim import TOGETHER, add, drop
from tests.waiting import until

SOAK = "SOAK" in os.environ
ROUNDS = 50 if SOAK else 10
SERVER_ROUNDS = 10 if SOAK else 3
RECOVERY = 5.0
REPORTS = Path(__file__).parents[2] / "bench" / "reports"


async def run_and_kill(database: Database, seed: int) -> list[dict[str, Any]]:
    """The answers that the victim got before it was killed in the middle of its work."""
    url = database.url.render_as_string(hide_password=False)
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.db.victim", url, f"{seed}", stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout
    assert json.loads(await victim.stdout.readline()) == {"ready": True}
    moment = random.Random(seed)
    lines = [await victim.stdout.readline() for _ in range(moment.randrange(1, 400))]
    await asyncio.sleep(moment.random() / 50)
    victim.send_signal(signal.SIGKILL)
    lines += (await victim.stdout.read()).splitlines(keepends=True)
    assert await victim.wait() == -signal.SIGKILL
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def never(_room: Room) -> None:
    raise AssertionError("it was answered already")


async def count(database: Database, table: Any) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def check_answers(rooms: SqlRooms, answers: list[dict[str, Any]]) -> None:
    """A repeat of what was answered gets the same answer and does not run."""
    for answer in answers:
        again = await rooms.apply(LOBBY, never, command_id=CommandId(f"{answer['number']}"))
        if answer["added"]:
            assert isinstance(again, Queued)
            assert again.entries == (answer["added"],)
        else:
            assert isinstance(again, Removed)
            assert again.count == answer["removed"]


async def check_whole(database: Database, room: Room) -> None:
    """Each entry has its vote, turn and play, each removal was counted, each command is remembered."""
    removed, added = room.emptied_at, room.next_entry - 1
    assert added == len(room.entries) + removed == await count(database, plays)
    assert room.version == 1 + added + removed
    assert room.turns.keys() == room.entries.keys()
    assert all(len(entry.votes) == 1 for entry in room.entries.values())
    assert await count(database, votes) == len(room.entries)
    assert await count(database, commands) >= added + removed


@pytest.mark.soak
@pytest.mark.timeout(10 * ROUNDS)
async def test_what_was_answered_survives_and_nothing_is_half_done(database: Database) -> None:
    await SqlPlaces(database, MovedClock()).lobby()
    total = answered = committed = 0
    for seed in range(ROUNDS):
        answers = await run_and_kill(database, seed)
        rooms = SqlRooms(database, Recorder(), MovedClock())
        await check_answers(rooms, answers)
        room = await rooms.read(LOBBY)
        assert room.next_entry - 1 >= total + sum(1 for it in answers if it["added"])
        await check_whole(database, room)
        total, committed = room.next_entry - 1, room.version - 1
        answered += sum(1 for it in answers if it["added"] or it["removed"])
    if SOAK:
        note(f"kill-bot-{database.dialect}", kills=ROUNDS, answered=answered, committed=committed)


@pytest.mark.soak
@pytest.mark.timeout(30 * SERVER_ROUNDS)
async def test_a_killed_server_loses_nothing_that_was_answered() -> None:
    """PostgreSQL itself is killed under twenty writers, who ask again by the same id until they are answered."""
    server = OwnPostgres().start()
    try:
        await kill_server(server)
    finally:
        server.remove()


async def kill_server(server: OwnPostgres) -> None:
    database = Database(server.url)
    await migrate(database)
    await SqlPlaces(database, MovedClock()).lobby()
    writers = Writers(SqlRooms(database, Recorder(), MovedClock()))
    for seed in range(SERVER_ROUNDS):
        await writers.answer(100 * (1 + seed % 3))
        await asyncio.to_thread(server.kill)
        await writers.be_refused()
        await asyncio.to_thread(server.start)
        await writers.recover()
    await writers.stop()
    rooms = SqlRooms(database, Recorder(), MovedClock())
    await check_answers(rooms, writers.answers)
    room = await rooms.read(LOBBY)
    await check_whole(database, room)
    assert room.version - 1 == sum(1 for it in writers.answers if it["added"] or it["removed"])
    if SOAK:
        note(
            "kill-server", kills=SERVER_ROUNDS, answered=len(writers.answers), refused_meanwhile=writers.refused,
            recovered_after_ms=[round(1000 * it) for it in writers.recoveries],
        )  # fmt: skip
    await rooms.close()
    await database.close()


class Writers:
    """Twenty at a time; each finishes its command before it stops."""

    def __init__(self, rooms: SqlRooms) -> None:
        self._rooms = rooms
        self._numbers = itertools.count()
        self._going = True
        self.answers: list[dict[str, Any]] = []
        self.refused = 0
        self.recoveries: list[float] = []
        self._tasks = [asyncio.create_task(self._write(random.Random(n))) for n in range(TOGETHER)]

    async def _write(self, choose: random.Random) -> None:
        while self._going:
            number = next(self._numbers)
            command = add(number) if choose.random() < 0.6 else drop(choose.random())
            answer = await self._ask(command, number)
            added = answer.entries[0] if isinstance(answer, Queued) else None
            self.answers.append({"number": number, "added": added, "removed": getattr(answer, "count", 0)})

    async def _ask(self, command: Callable[[Room], Any], number: int) -> Any:
        while True:
            try:
                return await self._rooms.apply(LOBBY, command, command_id=CommandId(f"{number}"))
            except StoreUnavailableError:
                self.refused += 1
                await asyncio.sleep(0.05)

    async def answer(self, more: int) -> None:
        """Until there are so many more answers."""
        goal = len(self.answers) + more
        await until(lambda: len(self.answers) >= goal, within=30)

    async def be_refused(self) -> None:
        """Until somebody is told that the database is away."""
        before = self.refused
        await until(lambda: self.refused > before)

    async def recover(self) -> None:
        """Answers come again within five seconds after the server is back."""
        start, done = time.monotonic(), len(self.answers)
        await until(lambda: len(self.answers) > done, within=RECOVERY)
        self.recoveries.append(time.monotonic() - start)

    async def stop(self) -> None:
        self._going = False
        await asyncio.gather(*self._tasks)


def note(name: str, **figures: Any) -> None:
    """A soak's report, to be committed."""
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
