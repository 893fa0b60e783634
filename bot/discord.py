"""Discord, for as long as the process runs: connected, connected again, or off with a reason."""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Awaitable, Callable

import aiohttp
import discord
import structlog
from discord.http import Route
from pydantic import SecretStr

from cogs.discord.client import ChorusClient

RETRY = (1.0, 60.0)
"""The first and the longest pause in seconds before another try."""
RETRIED = (aiohttp.ClientError, OSError, TimeoutError, discord.HTTPException, discord.GatewayNotFound)

log = structlog.get_logger()


def account_of(token: SecretStr | None) -> int:
    """The bot account's id, which a token's first segment holds in base64; 1 when it cannot be told."""
    first = token.get_secret_value().partition(".")[0] if token else ""
    with contextlib.suppress(ValueError, binascii.Error):
        return int(base64.b64decode(first + "=" * (-len(first) % 4))) or 1
    return 1


class Discord:
    """Keeps a client connected. `make` builds one; `detach` is told before it closes."""

    def __init__(
        self,
        token: SecretStr,
        *,
        api_url: str,
        make: Callable[[Callable[[discord.Client], Awaitable[None]]], ChorusClient],
        attach: Callable[[discord.Client], Awaitable[None]],
        detach: Callable[[], None],
    ) -> None:
        Route.BASE = api_url
        self._token = token
        self._make = make
        self._attach = attach
        self._detach = detach
        self._client: ChorusClient | None = None
        self._task: asyncio.Task[None] | None = None
        self.state = "connecting"
        """`up`, `connecting`, or why it is off."""

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._run(), name="discord")

    async def stop(self) -> None:
        """Disconnect. The voice channels are kept in mind, not left by hand."""
        self._detach()
        if self._client is not None:
            await self._client.close()
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
            except discord.LoginFailure:
                self.state = "the token was refused: make a new one in Discord's developer portal"
                log.error("discord is off", reason=self.state)  # noqa: TRY400 - the message says it all
                return
            except RETRIED as error:
                self.state = f"cannot be reached ({type(error).__name__}), trying again"
                log.warning("discord not reached", error=type(error).__name__, pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _connect(self) -> None:
        self._client = self._make(self._ready)
        async with self._client:
            await self._client.start(self._token.get_secret_value())

    async def _ready(self, client: discord.Client) -> None:
        await self._attach(client)
        self.state = "up"
