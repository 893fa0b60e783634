"""What admins decide and who leaves, over a queue of 10,000 entries: nothing holds up the other commands."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.enums import BlockKind, Leavers
from core.types import Entry, PersonId
from tests.core.conftest import PAGE, ROOM, World
from tests.core.test_speed import actor, cost, fill

BUDGET = 0.015
"""Seconds; the median on a busy machine, where the slowest of a hundred take little more."""


def ascii_links(entry: Entry) -> dict[str, str]:
    return {"artist": f"Artist {entry.id}", "uri": f"https://music{entry.id}.example/listen?v={entry.id}"}


def cyrillic_titles(entry: Entry) -> dict[str, str]:
    return {"title": f"Подмосковные вечера {entry.id}", "artist": f"Группа {entry.id}"}


@pytest.mark.parametrize("texts", [ascii_links, cyrillic_titles])
async def test_a_line_of_any_kind_is_blocked_in_a_queue_of_ten_thousand(
    page: World, texts: Callable[[Entry], dict[str, Any]]
) -> None:
    await fill(page)
    admin = replace(actor(0), admin=True)
    for entry in page.room.entries.values():
        entry.track = replace(entry.track, **texts(entry))
    ids: Sequence[Any] = sorted(page.room.entries)

    def block(kind: BlockKind, value: Callable[[int], Any]) -> Callable[[int], Awaitable[Any]]:
        return lambda run: page.jukebox.block(ROOM, admin, kind, value(run))

    commands = {
        "track": block(BlockKind.TRACK, lambda run: ids[run * 100]),
        "unknown track": block(BlockKind.TRACK, lambda run: f"library:nowhere{run}"),
        "artist": block(BlockKind.ARTIST, lambda run: f"nobody {run}"),
        "word": block(BlockKind.WORD, lambda run: f"silence {run}"),
        "domain": block(BlockKind.DOMAIN, lambda run: f"nowhere{run}.example"),
    }
    slow = {name: spent for name, command in commands.items() if (spent := await cost(command)) > BUDGET}
    assert not slow


@pytest.mark.parametrize("leavers", Leavers)
async def test_somebody_leaves_a_queue_of_ten_thousand(page: World, leavers: Leavers) -> None:
    await fill(page)
    await page.jukebox.configure(ROOM, replace(actor(0), admin=True), {"leavers": leavers.value})

    async def leave(run: int) -> None:
        await page.reports.left(ROOM, PersonId(f"p{run + 1}"), PAGE)
        await page.jukebox.view(ROOM, PersonId("p0"))

    assert await cost(leave) <= BUDGET
    parked = sum(entry.parked for entry in page.room.entries.values())
    assert bool(parked) is (leavers is Leavers.PARK)
