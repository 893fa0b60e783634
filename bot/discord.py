"""Discord, for as long as the process runs: connected, connected again, or off with a reason."""

import base64
import binascii
import contextlib
from collections.abc import Awaitable, Callable

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr
from yarl import URL

from bot.keeper import Keeper
from cogs.discord.client import ChorusClient

RETRIED = (aiohttp.ClientError, OSError, TimeoutError, discord.HTTPException, discord.GatewayNotFound)


def account_of(token: SecretStr | None) -> int:
    """The bot account's id, which a token's first segment holds in base64; 1 when it cannot be told."""
    first = token.get_secret_value().partition(".")[0] if token else ""
    with contextlib.suppress(ValueError, binascii.Error):
        return int(base64.b64decode(first + "=" * (-len(first) % 4))) or 1
    return 1


class Discord(Keeper):
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
        advice = "make a new one in Discord's developer portal"
        super().__init__("discord", refused=discord.LoginFailure, advice=advice, retried=RETRIED)
        Route.BASE = api_url
        self._token = token
        self._make = make
        self._attach = attach
        self._detach = detach
        self._client: ChorusClient | None = None

    async def stop(self) -> None:
        """Disconnect. The voice channels are kept in mind, not left by hand."""
        self._detach()
        if self._client is not None:
            await self._client.close()
        await super().stop()

    @property
    def client(self) -> ChorusClient | None:
        """Who may be asked to act, while it is connected."""
        return self._client if self.state == "up" and self._client and not self._client.is_closed() else None

    async def _connect(self) -> None:
        self._client = client = self._make(self._ready)
        async with client:
            await client.login(self._token.get_secret_value())
            client.shard_count, gateway, _ = await client.http.get_bot_gateway()
            # Once a session is invalid discord.py dials this, which is not where a proxy of Discord's API sends us.
            DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway)
            await client.connect()

    async def _ready(self, client: discord.Client) -> None:
        await self._attach(client)
        self.state = "up"
