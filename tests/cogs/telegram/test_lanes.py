"""The lanes end with the process: nothing of them touches a database that is closed."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest
from telegram import Update

from cogs.telegram.lanes import Lanes
from tests.cogs.telegram.conftest import Party
from tests.waiting import until


@dataclass
class Handler:
    """Notes when an update is begun and how it ends; it waits for the gate."""

    begun: list[int] = field(default_factory=list[int])
    ended: list[int] = field(default_factory=list[int])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, update: Update) -> None:
        self.begun.append(update.update_id)
        try:
            await self.gate.wait()
        finally:
            self.ended.append(update.update_id)


@pytest.fixture
async def lanes(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[Lanes, Handler]]:
    monkeypatch.setattr("cogs.telegram.lanes.FAREWELL", 0.05)
    handler = Handler()
    yield Lanes(handler), handler
    handler.gate.set()


async def test_the_one_in_work_ends_too_when_others_wait_behind_it(lanes: tuple[Lanes, Handler]) -> None:
    line, handler = lanes
    tasks = [line.put(Update(number)) for number in (1, 2, 3)]
    await until(lambda: handler.begun == [1])
    await line.stop()
    assert all(task.done() for task in tasks)
    assert handler.ended == handler.begun


async def test_what_is_nearly_done_gets_a_moment(lanes: tuple[Lanes, Handler]) -> None:
    line, handler = lanes
    task = line.put(Update(1))
    await until(lambda: handler.begun == [1])
    asyncio.get_running_loop().call_later(0.01, handler.gate.set)
    await line.stop()
    assert not task.cancelled()


async def test_a_panel_of_a_chat_that_moved_has_ended_when_the_move_is_done(party: Party) -> None:
    await party.ann.say("/play aria", party.group)
    await party.shows("Aria")
    panels = party.client.panels
    (before,) = [panel.task for panel in panels._panels.values()]
    await panels.migrate(party.group.id, party.group.id - 1)
    assert before.done()
