"""Telegram, for as long as the process runs: connected, connected again, or off with a reason."""

import asyncio
from collections.abc import Callable

import structlog
from pydantic import SecretStr
from telegram.error import InvalidToken, TelegramError

from bot.ownership import Ownership
from cogs.telegram.client import TelegramClient
from core.errors import ChorusError

RETRY = (1.0, 60.0)
"""The first and the longest pause in seconds before another try."""

log = structlog.get_logger()


class Telegram:
    """Keeps a client running. `make` builds one, told how to ask whether this process holds the bot."""

    def __init__(
        self, token: SecretStr, ownership: Ownership, *, make: Callable[[Callable[[], bool]], TelegramClient]
    ) -> None:
        self._slot = f"telegram:{token.get_secret_value().partition(':')[0]}"
        self._ownership = ownership
        self._make = make
        self._task: asyncio.Task[None] | None = None
        self.state = "connecting"
        """`up`, `connecting`, or why it is off."""

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._run(), name="telegram")

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
            except InvalidToken:
                self.state = "the token was refused: ask @BotFather for a new one"
                log.error("telegram is off", reason=self.state)  # noqa: TRY400 - the message says it all
                return
            except (TelegramError, ChorusError, OSError) as error:
                pause = RETRY[0] if self.state == "up" else min(pause * 2, longest)
                self.state = f"cannot be reached ({type(error).__name__}), trying again"
                log.warning("telegram not reached", error=type(error).__name__, pause=pause)
            await asyncio.sleep(pause)

    async def _connect(self) -> None:
        client = self._make(lambda: self._ownership.holds_slot(self._slot))
        try:
            await client.start()
            await self._ownership.want([self._slot])
            self.state = "up"
            await client.poll()
        finally:
            await client.stop()
