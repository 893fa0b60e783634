"""kill -9 at any moment: what was answered is there, and no half of anything is."""

import asyncio
import json
import os
import random
import signal
import sys
from typing import Any

import pytest
from sqlalchemy import func, select

from core.records.results import Queued, Removed
from core.room import Room
from core.types import LOBBY, CommandId
from db.engine import Database
from db.models import commands, plays, votes
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder

ROUNDS = int(os.environ.get("SOAK", "3"))


async def run_and_kill(database: Database, seed: int) -> list[dict[str, Any]]:
    """The answers that the victim got before it was killed in the middle of its work."""
    url = database.url.render_as_string(hide_password=False)
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.db.victim", url, f"{seed}", stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout
    assert json.loads(await victim.stdout.readline()) == {"ready": True}
    lines = [await victim.stdout.readline() for _ in range(random.Random(seed).randrange(1, 400))]
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


@pytest.mark.timeout(60 * ROUNDS)
async def test_what_was_answered_survives_and_nothing_is_half_done(database: Database) -> None:
    await SqlPlaces(database, MovedClock()).lobby()
    total = 0
    for seed in range(ROUNDS):
        answers = await run_and_kill(database, seed)
        rooms = SqlRooms(database, Recorder(), MovedClock())
        await check_answers(rooms, answers)
        room = await rooms.read(LOBBY)
        assert room.next_entry - 1 >= total + sum(1 for it in answers if it["added"])
        await check_whole(database, room)
        total = room.next_entry - 1
