"""Which plan a place has now: asked for each command, so from memory."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from billing.plans import Plans
from core.entitlements import EVERYBODY, began, next_change, plans_at
from core.errors import StoreUnavailableError
from core.ports import grants
from core.ports.clock import Clock
from core.records.grants import Entitlement
from core.types import Limits, PlaceId

if TYPE_CHECKING:
    from core.records.grants import Span

NOTICE = 0.5
"""Seconds until what another process granted is noticed, though nobody tells of it."""

log = structlog.get_logger()


class Entitlements:
    """The entitlement of every place that has one, kept in step with the store; `tidings` say sooner what is new.

    Without the store everybody keeps what is known: spans say by themselves when they begin and end.
    """

    def __init__(
        self, store: grants.Entitlements, plans: Plans, clock: Clock, tidings: grants.Tidings | None = None
    ) -> None:
        self._store = store
        self._plans = plans
        self._clock = clock
        self._tidings = tidings
        self._version = 0
        self._known: dict[PlaceId, int] = {}
        self._spans: dict[PlaceId, Sequence[Span]] = {}
        self._floor = plans.highest(())
        self._now: dict[PlaceId, Limits] = {}
        self._seen = clock.now()
        self._due: dict[PlaceId, int] = {}
        self._next: int | None = None
        self._woken = asyncio.Event()
        self._changed: Callable[[Collection[PlaceId]], object] = len

    def limits(self, place: PlaceId) -> Limits:
        """What a place's plan allows now."""
        spans = self._spans.get(place)
        if not spans:
            return self._floor
        now = self._clock.now()
        if now < self._seen or (self._next is not None and now >= self._next):
            return self._plans.highest(plans_at(spans, now))  # `follow` is about to come by
        return self._now[place]

    def anchor(self, place: PlaceId) -> int | None:
        """Since when (UTC ms) a place has its present plan, from which its periods are counted; None: always."""
        plan = self.limits(place).plan
        return began(self._spans.get(place, ()), plan, self._clock.now())

    def kept(self, place: PlaceId) -> Limits:
        """The best that a place ever had: what it gathered under it is not thrown away."""
        return self._plans.highest({span.plan for span in self._spans.get(place, ())})

    def spared(self) -> int:
        """What was gathered before (UTC ms) is kept: the plan that everybody had then kept it for longer."""
        past = self._spans.get(EVERYBODY, ())
        return max((it.until for it in past if it.until is not None and self._kept_longer(it.plan)), default=0)

    def _kept_longer(self, plan: str) -> bool:
        now = self._floor.history_days
        days = self._plans.allows(plan).history_days if plan in self._plans.names else None
        return now is not None and (days is None or days > now)

    async def refresh(self) -> Collection[PlaceId]:
        """Learn what is new; the places that may have another plan than before. Raises StoreUnavailableError."""
        since = self._version
        news = await self._store.news(since)
        if news:
            self._version = max(self._version, news[-1].version)
            if since and self._tidings is not None:
                self._tidings.tell(self._newer(news))
        return self._learn(news)

    async def follow(self, changed: Callable[[Collection[PlaceId]], object]) -> None:
        """Call `changed` with the places that may have another plan, until cancelled."""
        self._changed = changed
        while True:
            try:
                self._say(await self.refresh())
            except Exception as error:
                expected = isinstance(error, StoreUnavailableError)
                log.warning("plans not read", error=type(error).__name__, exc_info=not expected)
                self._say(self._learn(()))
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTICE):
                    await self._woken.wait()
            self._woken.clear()

    async def attend(self) -> None:
        """Hear what other processes tell, until cancelled."""
        if self._tidings is not None:
            await self._tidings.follow(self.hear)

    def hear(self, news: Sequence[Entitlement] = ()) -> None:
        """These were committed; without any: something was, and the store is looked at."""
        if news:
            self._say(self._learn(news))
        else:
            self._woken.set()

    def strangers(self) -> Collection[str]:
        """Plans that somebody has now, or will have, though the file has them not."""
        now = self._clock.now()
        spans = (span for place, each in self._spans.items() if place != EVERYBODY for span in each)
        return {it.plan for it in spans if it.plan not in self._plans.names and (it.until is None or it.until > now)}

    def _say(self, places: Collection[PlaceId]) -> None:
        if places:
            self._changed(places)

    def _learn(self, news: Sequence[Entitlement]) -> Collection[PlaceId]:
        """Take over what is newer than what is known; the places that may have another plan than before.

        All of that at one time: between two looks at the clock a plan might begin or end unseen.
        """
        now = self._clock.now()
        newer = self._newer(news)
        changed = {*self._turned(now), *(it.place for it in newer)}
        self._known.update((it.place, it.version) for it in newer)
        self._spans.update((it.place, it.spans) for it in newer)
        if changed:
            self._settle(changed, now)
        return changed

    def _newer(self, news: Sequence[Entitlement]) -> Sequence[Entitlement]:
        return [it for it in news if it.version > self._known.get(it.place, 0)]

    def _turned(self, now: int) -> Collection[PlaceId]:
        """The places for which a plan began or ended since the last look."""
        before = self._seen
        if now < before:  # the clock was put back
            return [place for place, spans in self._spans.items() if plans_at(spans, before) != plans_at(spans, now)]
        if self._next is None or now < self._next:
            return ()
        return [place for place, at in self._due.items() if at <= now]

    def _settle(self, places: Collection[PlaceId], now: int) -> None:
        """Work out the limits of these places."""
        for place in places:
            self._now[place] = self._plans.highest(plans_at(self._spans[place], now))
        for place in self._spans if now < self._seen else places:
            due = next_change(self._spans[place], now)
            self._due.pop(place, None)
            if due is not None:
                self._due[place] = due
        self._next = min(self._due.values(), default=None)
        self._seen = now
