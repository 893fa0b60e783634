"""Telegram, for as long as the process runs: connected, connected again, or off with a reason."""

from collections.abc import Callable, Collection
from typing import Any

from aiohttp import web
from pydantic import SecretStr
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.config import Settings
from bot.keeper import Keeper
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
RETRIED = (TelegramError, ChorusError, OSError)


def webhook_of(settings: Settings, keys: Keys) -> Webhook | None:
    """Updates are brought where the page is reached by https; else they are asked for."""
    if not settings.public_url.startswith("https://"):
        return None
    return Webhook(f"{settings.public_url}{WEBHOOK}", secret_of(keys.derive(PURPOSE)[0]))


class Telegram(Keeper):
    """Keeps a client running. `make` builds one, told how to ask whether this process holds the bot."""

    def __init__(
        self, token: SecretStr, ownership: Ownership, *, make: Callable[[Callable[[], bool]], TelegramClient]
    ) -> None:
        super().__init__("telegram", refused=InvalidToken, advice="ask @BotFather for a new one", retried=RETRIED)
        self._slot = f"telegram:{token.get_secret_value().partition(':')[0]}"
        self._ownership = ownership
        self._make = make
        self._client: TelegramClient | None = None

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
    def bot(self) -> Bot | None:
        """Who may be asked to act, while it runs."""
        return self._client.bot if self._client is not None else None

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
