"""How often somebody may do something, counted by one process."""

from collections import OrderedDict, deque

from core.errors import RateLimitedError
from core.limits import SECOND
from core.ports.clock import Clock
from core.ports.rates import Rate

SOONEST = 1.0
"""Seconds after which to try again, at least."""
KNOWN = 10_000
"""Keys that are remembered, those that were counted last."""


class OwnCounter:
    """`core.ports.rates.RateCounter` in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: OrderedDict[tuple[Rate, tuple[str, ...]], deque[int]] = OrderedDict()

    async def count(self, rate: Rate, *key: str) -> None:
        """One more (see the port)."""
        now, times = self._clock.now(), self._known(rate, key)
        free_at = times[0] + rate.seconds * SECOND if len(times) == rate.most else now
        if free_at > now:
            raise RateLimitedError(max(SOONEST, (free_at - now) / SECOND))
        times.append(now)

    async def left(self, rate: Rate, *key: str) -> int:
        """How many more (see the port)."""
        since = self._clock.now() - rate.seconds * SECOND
        return rate.most - sum(time > since for time in self._times.get((rate, key), ()))

    def _known(self, rate: Rate, key: tuple[str, ...]) -> deque[int]:
        times = self._times.setdefault((rate, key), deque(maxlen=rate.most))
        self._times.move_to_end((rate, key))
        if len(self._times) > KNOWN:
            self._times.popitem(last=False)
        return times
