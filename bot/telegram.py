"""Telegram, for as long as the process runs: connected, connected again, or off with a reason."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import structlog
from aiohttp import web
from pydantic import SecretStr
from telegram.error import InvalidToken, TelegramError

from bot.config import Settings
from bot.keys import Keys
from bot.ownership import Ownership
from cogs.telegram.client import TelegramClient
from cogs.telegram.receiving import Webhook
from cogs.telegram.webhook import secret_of, webhook_app
from core.errors import ChorusError
from core.ports.places import RoomRef
from core.types import Actor, Identity, PlaceId

WEBHOOK = "/webhooks/telegram"
PURPOSE = "telegram"
RETRY = (1.0, 60.0)
"""The first and the longest pause in seconds before another try."""

log = structlog.get_logger()


def webhook_of(settings: Settings, keys: Keys) -> Webhook | None:
    """Updates are brought where the page is reached by https; else they are asked for."""
    if not settings.public_url.startswith("https://"):
        return None
    return Webhook(f"{settings.public_url}{WEBHOOK}", secret_of(keys.derive(PURPOSE)[0]))


class Telegram:
    """Keeps a client running. `make` builds one, told how to ask whether this process holds the bot."""

    def __init__(
        self, token: SecretStr, ownership: Ownership, *, make: Callable[[Callable[[], bool]], TelegramClient]
    ) -> None:
        self._slot = f"telegram:{token.get_secret_value().partition(':')[0]}"
        self._ownership = ownership
        self._make = make
        self._client: TelegramClient | None = None
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

    def mount(self, app: web.Application, keys: Keys) -> None:
        """Where the webhook leads, beside the page and without its guard."""
        app.add_subapp(WEBHOOK, webhook_app(self.receive, keys.derive(PURPOSE)))

    async def receive(self, update: dict[str, Any]) -> bool:
        """Handle what the webhook was brought; False while not connected or still at work: it is brought again."""
        return self._client is not None and await self._client.receive(update)

    async def actor(self, ref: RoomRef, places: Collection[PlaceId], identity: Identity) -> Actor | None:
        """Who somebody of the page is to the room's chats (`core.ports.members`); a guest while not connected."""
        return await self._client.members.actor(ref, places, identity) if self._client is not None else None

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
            self._client = client
            await client.run()
        finally:
            self._client = None
            await client.stop()
