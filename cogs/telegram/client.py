"""The Telegram client: connects the ports to the Bot API."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from telegram import Bot
from telegram.request import HTTPXRequest

from cogs.ports import Ports
from cogs.telegram.dispatch import Dispatch
from cogs.telegram.files import Files
from cogs.telegram.lanes import Lanes
from cogs.telegram.members import ChatMembers
from cogs.telegram.outbox import Outbox
from cogs.telegram.panel import Panels
from cogs.telegram.people import People
from cogs.telegram.receiving import CONNECTIONS, Receiver, Webhook
from cogs.telegram.sharing import Sharing
from cogs.telegram.stars_only import StarsOnly
from cogs.telegram.surface import Surface
from cogs.telegram.till import StarWatch, TelegramTill
from core.ports.chats import Chats
from core.ports.copies import Copies
from core.ports.rates import RateCounter
from core.ports.stars import Stars

log = structlog.get_logger()


class _DiscreetBot(Bot):
    """A bot that does not show its token wherever it is printed."""

    def __repr__(self) -> str:
        return "Bot[…]"


def _bot(token: str, api_url: str) -> Bot:
    return _DiscreetBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=StarsOnly(connection_pool_size=CONNECTIONS, read_timeout=10, pool_timeout=5),
        get_updates_request=HTTPXRequest(connection_pool_size=2, read_timeout=10),
    )


class TelegramClient:
    """Chorus on Telegram. `holds` says whether this process is the one that polls and draws for this bot.

    `app` is the name under which @BotFather knows the rooms' pages as a Mini App. `terms` and `pay_support` are the
    operator's words for /terms and /paysupport; `stars` sells plans.
    """

    def __init__(
        self,
        token: str,
        ports: Ports,
        *,
        api_url: str,
        chats: Chats,
        holds: Callable[[], bool],
        counter: RateCounter,
        copies: Copies | None = None,
        app: str | None = None,
        terms: str | None = None,
        pay_support: str | None = None,
        stars: Stars | None = None,
        webhook: Webhook | None = None,
    ) -> None:
        self.bot = _bot(token, api_url)
        outbox = Outbox(self.bot, counter)
        people = People(self.bot, ports.reports, ports.places, chats, ports.clock)
        self.panels = Panels(ports, outbox, chats, holds=holds, app=app)
        files, sharing = Files(self.bot), Sharing(copies)
        self.surface = surface = Surface(
            ports, self.bot, people, self.panels, outbox, files, sharing, terms, pay_support, stars
        )
        self.members = ChatMembers(people)
        self.lanes = Lanes(Dispatch(surface).handle)
        self.receiver = Receiver(self.bot, self.lanes, self.panels, holds=holds, webhook=webhook, sells=surface.sells)
        self._watch = StarWatch(stars, TelegramTill(self.bot), holds) if stars is not None else None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask who we are, and learn the chats. Raises TelegramError; InvalidToken when the token is refused."""
        await self.bot.initialize()
        await self.panels.start()
        if self._watch is not None:
            self._watching = asyncio.create_task(self._watch.run(), name="stars")
        log.info("telegram.ready", bot=self.bot.username)

    async def stop(self) -> None:
        """Disconnect; live messages stay."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self.lanes.stop()
        await self.panels.stop()
        await self.bot.shutdown()

    async def run(self) -> None:
        """Take updates until cancelled. Raises TelegramError."""
        await self.receiver.run()

    async def receive(self, data: dict[str, Any]) -> bool:
        """Handle an update that was brought; whether it is done, else it has to be brought again."""
        return await self.receiver.receive(data)
