"""Background work that must go on whatever happens."""

import asyncio

import pytest

from bot.upkeep import prune_plays
from core.errors import StoreUnavailableError
from core.types import Limits, PlaceId
from db.plays import LimitsOf, PlayLog
from tests.fakes import FakeClock
from tests.waiting import until


class Log(PlayLog):
    """A log whose database is away at first."""

    def __init__(self) -> None:
        self.asked: list[tuple[int | None, int]] = []

    async def prune(self, limits: LimitsOf, now: int) -> int:
        self.asked.append((limits(PlaceId("web:lobby")).history_days, now))
        if len(self.asked) == 1:
            raise StoreUnavailableError
        return 1


async def test_plays_are_pruned_by_the_clock_and_again_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.upkeep.SWEEP", 0.0)
    log, clock = Log(), FakeClock()
    task = asyncio.create_task(prune_plays(log, lambda _place: Limits(history_days=30), clock))
    await until(lambda: len(log.asked) >= 3)
    task.cancel()
    await asyncio.wait([task])
    assert set(log.asked) == {(30, clock.now())}
