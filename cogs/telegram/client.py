"""The Telegram client: connects the ports to the Bot API."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from cogs.telegram.dispatch import Dispatch
from cogs.telegram.files import Files
from cogs.telegram.lanes import Lanes
from cogs.telegram.menus import set_menus
from cogs.telegram.outbox import Outbox
from cogs.telegram.panel import Panels
from cogs.telegram.people import People
from cogs.telegram.surface import Surface
from core.joining import Joining
from core.jukebox import Jukebox
from core.live import Live
from core.ports.bus import Bus
from core.ports.chats import Chats
from core.ports.clock import Clock
from core.ports.places import Places
from core.ports.pushes import PushStates
from core.ports.stream import Playback
from core.ports.tracks import Library, Resolver
from core.reports import Reports

ALLOWED = (
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.CHANNEL_POST,
    Update.CALLBACK_QUERY,
    Update.INLINE_QUERY,
    Update.MY_CHAT_MEMBER,
    Update.CHAT_MEMBER,
    Update.MESSAGE_REACTION,
)
"""What the bot hears of; reactions and members have to be asked for by name."""
POLL = 25
"""Seconds that a request for updates may wait for one."""
PATIENCE = 0.5
"""Seconds for which the next request waits for the handlers of the last one: what they did not finish comes again."""
PAUSE = 1.0
TRIES = 5
"""Failed requests in a row after which the client gives up."""
CONNECTIONS = 64

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Telegram is to bring updates, and what proves that it is Telegram."""

    url: str
    secret: str


class _DiscreetBot(Bot):
    """A bot that does not show its token wherever it is printed."""

    def __repr__(self) -> str:
        return "Bot[…]"


class TelegramClient:
    """Chorus on Telegram. `holds` says whether this process is the one that polls and draws for this bot.

    `page_url` is where the rooms' pages are, if people can reach them.
    """

    def __init__(
        self,
        token: str,
        *,
        api_url: str,
        jukebox: Jukebox,
        reports: Reports,
        places: Places,
        chats: Chats,
        resolver: Resolver,
        library: Library,
        bus: Bus,
        clock: Clock,
        holds: Callable[[], bool],
        joining: Joining,
        live: Live,
        push_states: PushStates | None = None,
        playback: Playback | None = None,
        page_url: str | None = None,
        redis_url: str | None = None,
        webhook: Webhook | None = None,
    ) -> None:
        self.bot = _DiscreetBot(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=HTTPXRequest(connection_pool_size=CONNECTIONS, read_timeout=10, pool_timeout=5),
            get_updates_request=HTTPXRequest(connection_pool_size=2, read_timeout=10),
        )
        outbox = Outbox(self.bot, redis_url)
        people = People(self.bot, reports, places, chats, clock)
        self.panels = Panels(
            outbox,
            jukebox=jukebox,
            places=places,
            chats=chats,
            bus=bus,
            clock=clock,
            holds=holds,
            playback=playback,
            page_url=page_url,
        )
        surface = Surface(
            self.bot,
            jukebox,
            resolver,
            library,
            people,
            self.panels,
            outbox,
            Files(self.bot),
            clock,
            joining,
            live,
            push_states,
        )
        self.surface = surface
        self.lanes = Lanes(Dispatch(surface).handle)
        self._holds = holds
        self._failures = 0
        self._webhook = webhook

    async def start(self) -> None:
        """Ask who we are, and learn the chats. Raises TelegramError; InvalidToken when the token is refused."""
        await self.bot.initialize()
        await self.panels.start()
        log.info("telegram.ready", bot=self.bot.username)

    async def stop(self) -> None:
        """Disconnect; live messages stay."""
        await self.lanes.stop()
        await self.panels.stop()
        await self.surface.outbox.close()
        await self.bot.shutdown()

    async def run(self) -> None:
        """Take updates until cancelled. Raises TelegramError."""
        await (self._serve(self._webhook) if self._webhook is not None else self.poll())

    async def receive(self, data: dict[str, Any]) -> None:
        """Handle an update that was brought; ends when it is done, or takes too long to wait for."""
        try:
            update = Update.de_json(data, self.bot)
        except (TypeError, KeyError, ValueError) as error:  # it would be brought again for ever
            log.warning("telegram.strange_update", error=repr(error))
            return
        await asyncio.wait([self.lanes.put(update)], timeout=POLL)

    async def _serve(self, webhook: Webhook) -> None:
        """Tell Telegram where to bring updates, for as long as this process holds the bot."""
        holding = False
        while True:
            if self._holds() and not holding:
                await self.bot.set_webhook(
                    webhook.url,
                    secret_token=webhook.secret,
                    allowed_updates=ALLOWED,
                    max_connections=CONNECTIONS,
                )
                await self._take_over()
            holding = self._holds()
            await asyncio.sleep(PAUSE / 4)

    async def _take_over(self) -> None:
        """What only one process does: the menus, and all live messages as they are now."""
        self.panels.wake()
        await set_menus(self.bot)

    async def poll(self) -> None:
        """Ask for updates for as long as this process holds the bot; until cancelled. Raises TelegramError."""
        holding, offset = False, 0
        while True:
            if not self._holds():
                holding, offset = False, 0
                await asyncio.sleep(PAUSE / 4)
                continue
            if not holding:
                holding = True
                await self._take_over()
            offset = await self._take(offset)

    async def _take(self, offset: int) -> int:
        """Handle what came; the offset to ask from next."""
        try:
            updates = await self.bot.get_updates(offset, timeout=POLL, allowed_updates=ALLOWED)
        except Conflict as error:  # another process, or a webhook that somebody set
            log.warning("telegram.conflict", error=error.message)
            await self._unhook()
            return offset
        except NetworkError as error:
            await self._bear(error)
            return offset
        except RetryAfter as error:
            log.warning("telegram.flood", error=error.message)
            await asyncio.sleep(PAUSE)
            return offset
        self._failures = 0
        tasks = [self.lanes.put(update) for update in updates]
        if not tasks:
            return offset
        await asyncio.wait(tasks, timeout=PATIENCE)
        return updates[-1].update_id + 1

    async def _bear(self, error: NetworkError) -> None:
        """A server that fails now and then is asked again soon; one that does not come back is somebody else's."""
        self._failures += 1
        log.info("telegram.no_updates", error=type(error).__name__, failures=self._failures)
        if self._failures >= TRIES:
            raise error
        await asyncio.sleep(PAUSE / 2)

    async def _unhook(self) -> None:
        """Polling works without a webhook only; then a pause, so that two pollers do not throw each other out fast."""
        try:
            if (await self.bot.get_webhook_info()).url:
                await self.bot.delete_webhook()
        except TelegramError as error:
            log.info("telegram.webhook_not_removed", error=type(error).__name__)
        await asyncio.sleep(PAUSE)
