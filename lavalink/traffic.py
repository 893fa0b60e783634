"""How much goes over the network: what is fetched, and what voice channels and taps get."""

import asyncio
import time

WINDOW = 2.0
"""Seconds over which the rate is taken."""


class Traffic:
    """Counts bytes; on the loop alone."""

    def __init__(self) -> None:
        self.total = 0
        """Bytes since the start; added to by whoever gets or sends some."""
        self._since, self._before, self._rate = time.monotonic(), 0, 0.0

    def rate(self) -> float:
        """Bytes a second, over the last window or since the last look if that is longer ago."""
        now = time.monotonic()
        taken = now - self._since
        if taken >= WINDOW:
            self._rate = (self.total - self._before) / taken
            self._since, self._before = now, self.total
        elif not self._rate:  # the first look: what there is
            return (self.total - self._before) / max(taken, WINDOW)
        return self._rate

    async def watch(self) -> None:
        """Look once in a window, until cancelled: what was long ago counts no more when somebody asks."""
        while True:
            await asyncio.sleep(WINDOW)
            self.rate()


TRAFFIC = Traffic()
"""This process's."""
