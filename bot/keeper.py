"""A chat platform, for as long as the process runs: connected, connected again, or off with a reason."""

import asyncio
from abc import ABC, abstractmethod

import structlog

RETRY = (1.0, 60.0)
"""The first and the longest pause in seconds before another try."""

log = structlog.get_logger()


class Keeper(ABC):
    """`_connect` works until it fails: again after one of `retried`, never after `refused`."""

    def __init__(
        self, name: str, *, refused: type[Exception], advice: str, retried: tuple[type[Exception], ...]
    ) -> None:
        self._name = name
        self._refused = refused
        self._advice = advice
        self._retried = retried
        self._task: asyncio.Task[None] | None = None
        self.state = "connecting"
        """`up`, `connecting`, or why it is off."""

    @abstractmethod
    async def _connect(self) -> None:
        """Connect, say in `state` that it is up, and work until cancelled."""

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def trouble(self) -> str | None:
        """What keeps it from working now."""
        return None if self.state == "up" else self.state

    async def _run(self) -> None:
        pause, longest = RETRY
        while True:
            try:
                await self._connect()
            except self._refused:
                self.state = f"the token was refused: {self._advice}"
                log.error("chat is off", chat=self._name, reason=self.state)  # noqa: TRY400 - the message says it all
                return
            except self._retried as error:
                if self.state == "up":
                    pause = RETRY[0]
                self.state = f"cannot be reached ({type(error).__name__}), trying again"
                log.warning("chat not reached", chat=self._name, error=type(error).__name__, pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
