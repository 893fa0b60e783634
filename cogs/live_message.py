"""A message that shows a room as it is, and the task that keeps it in step."""

import asyncio
import time
from abc import ABC, abstractmethod

from core.events import PlayFailed, TipGiven

SETTLE = 0.1
"""Seconds in which changes that come together become one."""
NOTE = 60.0
"""Seconds for which news are shown."""

News = PlayFailed | TipGiven


class LiveMessage(ABC):
    """Looks again whenever it is `dirty`; `gap` is the least time in seconds between two changes of the message."""

    def __init__(self, name: str, *, gap: float) -> None:
        self.dirty = asyncio.Event()
        self._name = name
        self._gap = gap
        self._news: News | None = None
        self._news_at = 0.0
        self.task = self.start()

    def start(self) -> asyncio.Task[None]:
        """Keep the message in step for as long as something changes."""
        return asyncio.create_task(self._run(), name=f"panel-{self._name}")

    def note(self, news: News) -> None:
        """Say for a while what happened."""
        self._news, self._news_at = news, time.monotonic()

    @property
    def news(self) -> News | None:
        """What happened lately."""
        return self._news if time.monotonic() - self._news_at < NOTE else None

    @abstractmethod
    async def _step(self) -> tuple[bool, float]:
        """Whether the message changed, and after how many seconds to look again (0: when told)."""

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SETTLE)
            self.dirty.clear()
            changed, again = await self._step()
            if changed:
                await asyncio.sleep(self._gap)
            try:
                async with asyncio.timeout(again):
                    await self.dirty.wait()
            except TimeoutError:
                if not again and not self.dirty.is_set():  # set between the timeout and this line, it would be lost
                    return
