"""Which plan a place has now: asked for each command, so from memory."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from billing.plans import Plans
from core.entitlements import began, next_change, plans_at
from core.errors import StoreUnavailableError
from core.events import Event, PlanChanged
from core.ports import grants
from core.ports.clock import Clock
from core.types import Limits, PlaceId

if TYPE_CHECKING:
    from core.records.grants import Span

NOTICE = 0.5
"""Seconds until what another process granted is noticed."""

log = structlog.get_logger()


class Entitlements:
    """The entitlement of every place that has one, kept in step with the store.

    Without the store everybody keeps what is known: spans say by themselves when they begin and end.
    """

    def __init__(self, store: grants.Entitlements, plans: Plans, clock: Clock) -> None:
        self._store = store
        self._plans = plans
        self._clock = clock
        self._version = 0
        self._spans: dict[PlaceId, Sequence[Span]] = {}
        self._floor = plans.highest(())
        self._now: dict[PlaceId, Limits] = {}
        self._seen = clock.now()
        self._next: int | None = None
        self._woken = asyncio.Event()

    def limits(self, place: PlaceId) -> Limits:
        """What a place's plan allows now."""
        spans = self._spans.get(place)
        if not spans:
            return self._floor
        now = self._clock.now()
        if now < self._seen or (self._next is not None and now >= self._next):
            return self._plans.highest(plans_at(spans, now))  # `refresh` is about to come by
        return self._now[place]

    def anchor(self, place: PlaceId) -> int | None:
        """Since when (UTC ms) a place has its present plan, from which its periods are counted; None: always."""
        plan = self.limits(place).plan
        return began(self._spans.get(place, ()), plan, self._clock.now())

    def kept(self, place: PlaceId) -> Limits:
        """The best that a place ever had: what it gathered under it is not thrown away."""
        return self._plans.highest({span.plan for span in self._spans.get(place, ())})

    async def refresh(self) -> Collection[PlaceId]:
        """Learn what is new; the places that may have another plan than before. Raises StoreUnavailableError."""
        due = self._turned()
        version, news = await self._store.news(self._version)
        if version >= self._version:  # or somebody who asked later was answered sooner
            self._version = version
            self._spans.update(news)
        changed = {*due, *news}
        if changed:
            self._settle(changed)
        return changed

    async def follow(self, changed: Callable[[Collection[PlaceId]], object]) -> None:
        """Call `changed` with the places that may have another plan, until cancelled."""
        while True:
            try:
                if places := await self.refresh():
                    changed(places)
            except StoreUnavailableError as error:
                log.warning("plans not read", error=type(error).__name__)
                if due := self._turned():
                    self._settle(due)
                    changed(due)
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTICE):
                    await self._woken.wait()
            self._woken.clear()

    def hint(self, event: Event) -> None:
        """Look at once when somebody tells of a plan that changed."""
        if isinstance(event, PlanChanged):
            self._woken.set()

    def strangers(self) -> Collection[str]:
        """Plans that somebody has now, or will have, though the file has them not."""
        now = self._clock.now()
        spans = (span for each in self._spans.values() for span in each)
        return {it.plan for it in spans if it.plan not in self._plans.names and (it.until is None or it.until > now)}

    def _turned(self) -> Collection[PlaceId]:
        """The places for which a plan began or ended since the last look."""
        now, before = self._clock.now(), self._seen
        if before <= now and (self._next is None or now < self._next):
            return ()
        return [place for place, spans in self._spans.items() if plans_at(spans, before) != plans_at(spans, now)]

    def _settle(self, places: Collection[PlaceId]) -> None:
        """Work out the limits of these places."""
        self._seen = now = self._clock.now()
        for place in places:
            self._now[place] = self._plans.highest(plans_at(self._spans[place], now))
        times = (next_change(spans, now) for spans in self._spans.values())
        self._next = min((time for time in times if time is not None), default=None)
