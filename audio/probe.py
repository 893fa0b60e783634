"""Looking after a node: does it answer, and how busy is it?"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import aiohttp

from audio.wavelink_guard import NodeRequestError

INTERVAL = 2.0
TIMEOUT = 1.0
DOWN = 2
FROZEN = 3
"""Missed probes in a row after which a node is down, and after which it is called frozen."""
LOAD_EVERY = 5
"""Probes between two looks at the load."""
NODE_ERRORS = (NodeRequestError, aiohttp.ClientError, OSError, TimeoutError)
"""What a request to a node may raise."""


class Request(Protocol):
    """Asks the node; see `GuardedNode.request`."""

    def __call__(self, method: str, path: str, body: Any = None, *, within: float = 10.0) -> Awaitable[Any]:
        """Parsed JSON, text or None."""
        ...


class Probe:
    """Asks for the version every two seconds, at once again after a miss.

    `answered`, `down` and `frozen` are called after each probe that says so.
    """

    def __init__(
        self, request: Request, *, answered: Callable[[], None], down: Callable[[], None], frozen: Callable[[], None]
    ) -> None:
        self.placed = 0
        """Tracks that we placed since the last look at the load."""
        self._request = request
        self._answered = answered
        self._down = down
        self._frozen = frozen
        self._misses = 0
        self._load: dict[str, Any] = {}

    async def run(self) -> None:
        """Probe until cancelled."""
        for count in itertools.count():
            if await self.answers():
                self._misses = 0
                if count % LOAD_EVERY == 0:
                    await self._look_at_load()
                await asyncio.sleep(INTERVAL)
                self._answered()
            else:
                self._miss()
                await asyncio.sleep(INTERVAL if self._misses >= FROZEN else 0)

    async def answers(self) -> bool:
        """Whether it answers within a second."""
        try:
            await self._request("GET", "/version", within=TIMEOUT)
        except NODE_ERRORS:
            return False
        return True

    def _miss(self) -> None:
        self._misses += 1
        if self._misses >= DOWN:
            self._down()
        if self._misses >= FROZEN:
            self._frozen()

    async def _look_at_load(self) -> None:
        with contextlib.suppress(*NODE_ERRORS):
            self._load = await self._request("GET", "/v4/stats", within=TIMEOUT)
            self.placed = 0

    @property
    def penalty(self) -> float:
        """How busy it is, as Lavalink's clients reckon; less is better. Own placements since then are counted in."""
        empty: dict[str, Any] = {}
        cpu = cast("dict[str, Any]", self._load.get("cpu") or empty)
        frames = cast("dict[str, Any]", self._load.get("frameStats") or empty)
        load = 1.05 ** (100 * float(cpu.get("systemLoad", 0))) * 10 - 10
        lost = sum(
            1.03 ** (500 * max(0, float(frames.get(key, 0))) / 3000) * weight - weight
            for key, weight in (("deficit", 600), ("nulled", 600))  # their formula has 300 here, and doubles it
        )
        return float(self._load.get("playingPlayers", 0)) + self.placed + load + lost
