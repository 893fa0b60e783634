"""One bot and two whole processes on one PostgreSQL: one polls at any time, whichever of them lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.product import Product
from tests.e2e.world import write_tones
from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.waiting import until

TAKEN_OVER = 30.0
"""Seconds: a lease lives ten, and who waits for it looks every three."""


@dataclass
class World:
    """A group, and two processes that know its bot's token."""

    telegram: TelegramSimulator
    group: Chat
    ann: Person
    poller: Product
    other: Product


@pytest.fixture
async def world(tmp_path: Path, postgres_url: str) -> AsyncIterator[World]:
    (tmp_path / "music").mkdir()
    music = write_tones(tmp_path / "music")
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator.start())
        ann = telegram.user("Ann")
        group = telegram.group("Testers", ann)
        env = {**telegram.env(), "DATABASE_URL": postgres_url, "LIBRARY_PATHS": str(music)}
        pair = [Product(tmp_path / name, env) for name in ("one", "other")]
        for product in pair:
            await product.start()
            stack.push_async_callback(product.stop)
            await until(lambda product=product: product.logs(event="library indexed"), within=20)
            await until(lambda product=product: product.logs(event="telegram.ready"), within=20)
        await telegram.ready()
        yield World(telegram, group, ann, *pair)


def answered(product: Product) -> int:
    """How many commands a process has handled."""
    return len(product.logs(event="command", surface="telegram"))


@pytest.mark.timeout(120)
async def test_one_process_polls_and_the_other_takes_over_when_it_is_killed(world: World) -> None:
    updates = world.telegram.updates
    assert (await world.ann.say("/play Long", world.group)).text == "Long is on."
    for _ in range(3):
        assert "Long" in (await world.ann.say("/now", world.group)).text
        assert updates.pollers <= 1
    assert (answered(world.poller), answered(world.other)) == (4, 0)
    await until(lambda: not updates.waiting, what="the last command to be confirmed: else it is brought again")
    await world.poller.kill()
    lost = world.ann.post("/play Low A", world.group)
    reply = await world.ann.answered(lost, within=TAKEN_OVER)
    assert "Low A is number 1" in reply.text
    assert (answered(world.poller), answered(world.other)) == (4, 1)
    await world.poller.start()  # it finds the bot taken, and leaves it
    await until(lambda: len(world.poller.logs(event="telegram.ready")) == 2, within=20)
    await asyncio.gather(*(world.ann.say("/now", world.group) for _ in range(3)))
    assert (answered(world.poller), answered(world.other)) == (4, 4)
    assert updates.conflicts == 0
    for product in (world.poller, world.other):
        assert not product.logs(event="telegram.conflict")
        assert not product.logs(level="error")
