"""A queue of 10,000 entries: no command takes more than a few milliseconds of CPU, in any mode."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import cycle
from statistics import median
from time import process_time
from typing import Any

import pytest

from core.enums import Hearing, Mode, Surface, TurnMeasure
from core.types import Actor, EntryId, Limits, PersonId, Presence
from tests.core.conftest import PAGE, ROOM, World
from tests.fakes import track

PEOPLE, EACH = 200, 50
BUDGET = dict.fromkeys(Mode, 0.005) | {Mode.PROPORTIONAL: 0.02}
YARD, YARD_SIZE = 0.001, 4_000
"""What a yardstick takes on a quiet machine, in seconds."""
WHOLE = 0.04
"""What puts the whole queue in another order may take this long here (15 to 30 ms on a quiet machine)."""


def actor(number: int) -> Actor:
    return Actor(PersonId(f"p{number}"), f"p{number}", PAGE, Surface.WEB, dj=True)


async def fill(page: World) -> None:
    page.room.limits = Limits(queue=PEOPLE * EACH + 100)
    for number in range(PEOPLE):
        presence = Presence(PersonId(f"p{number}"), PAGE, Hearing.STREAM, "p", page.clock.now())
        await page.reports.arrived(ROOM, presence)
    for number in range(PEOPLE):
        songs = [track(f"{number}.{song}", 60_000 + 1_000 * song) for song in range(EACH)]
        await page.jukebox.add(ROOM, actor(number), songs)


async def cost(command: Callable[[int], Awaitable[Any]]) -> float:
    """The median CPU time of 15 runs, in seconds of a quiet machine: beside others this one may be half as fast."""
    times: list[float] = []
    for run in range(15):
        begun = process_time()
        yardstick()
        before = process_time()
        await command(run)
        times.append((process_time() - before) / (before - begun) * YARD)
    return median(times)


def yardstick() -> None:
    """Some work that is always the same."""
    sorted((number * 7919 % 10_007 for number in range(YARD_SIZE)), key=str)


@pytest.mark.parametrize(
    ("mode", "turns"), [*((mode, TurnMeasure.COUNT) for mode in Mode), (Mode.FAIR, TurnMeasure.AIRTIME)]
)
async def test_ten_thousand_entries(page: World, mode: Mode, turns: TurnMeasure) -> None:
    await fill(page)
    page.room.mode, page.room.settings = mode, replace(page.room.settings, turns=turns)
    assert len(page.room.entries) == PEOPLE * EACH - 1
    ids = sorted(page.room.entries)
    for number in range(0, len(ids), 10):
        voter = (number // 10 * 7) % PEOPLE
        if page.room.entries[ids[number]].person != f"p{voter}":
            await page.jukebox.vote(ROOM, actor(voter), ids[number], 1)

    async def vote(run: int) -> None:
        entry = page.room.entries[ids[run * 600 + 30]]
        voter = 1 if entry.person == "p0" else 0
        await page.jukebox.vote(ROOM, actor(voter), entry.id, 1)

    async def lock_and_join(run: int) -> None:
        entry = await page.reports.lock_next(ROOM)
        assert entry is not None
        await page.reports.track_started(ROOM, EntryId(entry), node="n")

    commands: dict[str, Callable[[int], Awaitable[Any]]] = {
        "vote": vote,
        "add": lambda run: page.jukebox.add(ROOM, actor(run), [track("new")]),
        "remove": lambda run: page.jukebox.remove(ROOM, actor(0), ids[run * 500 + 20]),
        "skip": lambda run: page.jukebox.skip(ROOM, actor(0)),
        "join": lock_and_join,
        "why": lambda run: page.jukebox.why(ROOM, max(page.room.entries)),
        "page": lambda run: page.jukebox.view(ROOM, PersonId("p1"), page=run * 60),
    }
    slow = {name: spent for name, command in commands.items() if (spent := await cost(command)) > BUDGET[mode]}
    assert not slow


@pytest.mark.parametrize("mode", Mode)
async def test_the_whole_queue_in_another_order(page: World, mode: Mode) -> None:
    await fill(page)
    others = cycle([Mode.FIFO if mode is not Mode.FIFO else Mode.FAIR, mode])
    admin = replace(actor(0), admin=True)

    async def change(run: int) -> None:
        await page.jukebox.set_mode(ROOM, admin, next(others))
        await page.jukebox.view(ROOM, PersonId("p1"))

    async def shuffle(run: int) -> None:
        await page.jukebox.shuffle(ROOM, admin)
        await page.jukebox.view(ROOM, PersonId("p1"))

    async def clear(run: int) -> None:
        await page.jukebox.clear(ROOM, admin)
        await page.jukebox.undo(ROOM, admin)
        assert len(page.room.entries) == PEOPLE * EACH - 1

    commands: dict[str, Callable[[int], Awaitable[Any]]] = {"mode": change, "shuffle": shuffle, "clear": clear}
    slow = {name: spent for name, command in commands.items() if (spent := await cost(command)) > WHOLE}
    assert not slow
