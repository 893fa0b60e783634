"""Background work that must go on whatever happens."""

import asyncio
from functools import partial

import pytest

from billing.entitlements import Entitlements
from billing.plans import Plans
from bot.upkeep import hourly, prune_plays
from core.entitlements import EVERYBODY
from core.errors import StoreUnavailableError
from core.records.grants import Span
from core.types import Limits, PlaceId
from db.plays import LimitsOf, PlayLog
from tests.billing.test_entitlements import Store
from tests.fakes import FakeClock
from tests.waiting import until


class Log(PlayLog):
    """A log whose database is away at first."""

    def __init__(self) -> None:
        self.asked: list[tuple[int | None, int, int]] = []

    async def prune(self, limits: LimitsOf, now: int, *, spared: int = 0) -> int:
        self.asked.append((limits(PlaceId("web:lobby")).history_days, now, spared))
        if len(self.asked) == 1:
            raise StoreUnavailableError
        return 1


async def test_plays_are_pruned_by_the_clock_and_again_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.upkeep.SWEEP", 0.0)
    log, clock = Log(), FakeClock()
    store, plans = Store(), Plans({"free": Limits("free", history_days=30), "elite": Limits("elite")}, "free")
    entitlements = Entitlements(store, plans, clock)
    store.put(EVERYBODY, 1, Span("elite", 0, 99), Span("free", 99))
    await entitlements.refresh()
    task = asyncio.create_task(hourly("plays", partial(prune_plays, log, entitlements, clock)))
    await until(lambda: len(log.asked) >= 3)
    task.cancel()
    await asyncio.wait([task])
    assert set(log.asked) == {(30, clock.now(), 99)}
