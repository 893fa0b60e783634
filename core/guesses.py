"""How often somebody may enter a code, counted by one process."""

from collections import OrderedDict, deque

from core.errors import RateLimitedError
from core.limits import MINUTE
from core.ports.clock import Clock
from core.types import PersonId

MOST = 5
"""Codes that one person may enter a minute."""
KNOWN = 10_000
"""People of whom it is remembered, those who entered one last."""


class OwnGuesses:
    """`core.ports.guesses.Guesses` in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entered: OrderedDict[PersonId, deque[int]] = OrderedDict()

    async def count(self, person: PersonId) -> None:
        """One more (see the port)."""
        now, entered = self._clock.now(), self._entered.setdefault(person, deque(maxlen=MOST))
        self._entered.move_to_end(person)
        if len(self._entered) > KNOWN:
            self._entered.popitem(last=False)
        if len(entered) == MOST and now - entered[0] < MINUTE:
            raise RateLimitedError((entered[0] + MINUTE - now) / 1000)
        entered.append(now)
