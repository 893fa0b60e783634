"""Editing a queue of 10,000 entries by hand, and undoing it: no command holds up the others."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from core.enums import Duplicates, Mode
from core.ordering import order_of
from core.types import PersonId
from tests.core.conftest import ROOM, World
from tests.core.test_speed import actor, cost, fill
from tests.fakes import track

BUDGET = 0.02


@pytest.mark.parametrize("mode", [Mode.FAIR, Mode.FIFO, Mode.VOTES])
async def test_ten_thousand_entries_are_edited_by_hand(page: World, mode: Mode) -> None:
    await fill(page)
    page.clock.move(20_000)  # the streams are old enough to count
    page.room.mode = mode
    page.room.settings = replace(page.room.settings, duplicates=Duplicates.WARN)
    dj, jukebox = actor(0), page.jukebox
    own = replace(actor(7), dj=False)
    ids = sorted(page.room.entries)
    mine = [entry.id for entry in page.room.entries.values() if entry.person == own.person]

    def undone(command: Callable[[int], Awaitable[Any]]) -> Callable[[int], Awaitable[Any]]:
        async def both(run: int) -> None:
            await command(run)
            await jukebox.undo(ROOM, dj)

        return both

    commands: dict[str, Callable[[int], Awaitable[Any]]] = {
        "move": lambda run: jukebox.move(ROOM, dj, ids[run * 600 + 30], 5 + 2 * run),
        "move own": lambda run: jukebox.move(ROOM, own, mine[run], 300 * run + 1),
        "swap": lambda run: jukebox.swap(ROOM, dj, *order_of(page.room, page.clock.now()).entries(run, 12)[::11]),
        "next": lambda run: jukebox.add(ROOM, dj, [track(f"next {run}")], next=True),
        "jump": lambda run: jukebox.jump(ROOM, dj, ids[run * 500 + 77]),
        "previous": lambda _run: jukebox.previous(ROOM, dj),
        "move and undo": undone(lambda run: jukebox.move(ROOM, dj, ids[run * 500 + 31], 5 + 2 * run)),
        "remove 50 and undo": undone(lambda run: jukebox.remove_many(ROOM, dj, ids[run * 500 + 100 :][:50])),
        "clear and undo": undone(lambda _run: jukebox.clear(ROOM, dj)),
        "remove a person and undo": undone(lambda run: jukebox.remove_many(ROOM, dj, person=PersonId(f"p{run + 9}"))),
    }
    slow = {name: spent for name, command in commands.items() if (spent := await cost(command)) > BUDGET}
    assert not slow
