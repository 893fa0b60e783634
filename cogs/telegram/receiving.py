"""How updates come: asked for by one process, or brought to a webhook."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, NetworkError, RetryAfter, TelegramError

from cogs.telegram.lanes import Lanes
from cogs.telegram.menus import set_menus
from cogs.telegram.panel import Panels

ALLOWED = (
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.CHANNEL_POST,
    Update.CALLBACK_QUERY,
    Update.INLINE_QUERY,
    Update.MY_CHAT_MEMBER,
    Update.CHAT_MEMBER,
    Update.MESSAGE_REACTION,
    Update.PRE_CHECKOUT_QUERY,
    "subscription",
)
"""What the bot hears of; reactions and members have to be asked for by name.

`subscription` is in Bot API 10.2, python-telegram-bot 22 has no name for it: whoever pays by Stars, or no longer.
"""
POLL = 25
"""Seconds that a request for updates may wait for one."""
PATIENCE = 0.25
"""Seconds for which the next request waits for the handlers of the last one: it confirms what they have done."""
MOST = 100
"""Updates that one request brings."""
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


class Receiver:
    """Hands updates to `lanes`. `holds` says whether this process is the one that polls and draws for the bot."""

    def __init__(
        self,
        bot: Bot,
        lanes: Lanes,
        panels: Panels,
        *,
        holds: Callable[[], bool],
        webhook: Webhook | None = None,
        sells: bool = False,
    ) -> None:
        self._bot = bot
        self._lanes = lanes
        self._panels = panels
        self._holds = holds
        self._webhook = webhook
        self._sells = sells
        self._failures = 0

    async def run(self) -> None:
        """Take updates until cancelled. Raises TelegramError."""
        await (self._serve(self._webhook) if self._webhook is not None else self.poll())

    async def receive(self, data: dict[str, Any]) -> bool:
        """Handle an update that was brought; whether it is done, else it has to be brought again."""
        try:
            update = Update.de_json(data, self._bot)
        except (TypeError, KeyError, ValueError) as error:  # it would be brought again for ever
            log.warning("telegram.strange_update", error=repr(error))
            return True
        task = self._lanes.put(update)
        await asyncio.wait([task], timeout=POLL)
        return task.done()

    async def _serve(self, webhook: Webhook) -> None:
        """Tell Telegram where to bring updates, for as long as this process holds the bot."""
        holding = False
        while True:
            if self._holds() and not holding:
                await self._bot.set_webhook(
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
        self._panels.wake()
        await set_menus(self._bot, sells=self._sells)

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
            updates = await self._bot.get_updates(offset, timeout=POLL, allowed_updates=ALLOWED)
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
        return await self._handle(updates) if updates else offset

    async def _handle(self, updates: Sequence[Update]) -> int:
        """The first that is still in work: what was not confirmed comes again, even to the next process."""
        stuck = len(updates) == MOST and all(update in self._lanes for update in updates)
        tasks = [self._lanes.put(update) for update in updates]
        await asyncio.wait(tasks, timeout=PATIENCE)
        after = updates[-1].update_id + 1
        if stuck:  # nothing else would ever come
            return after
        return next((update.update_id for update, task in zip(updates, tasks, strict=True) if not task.done()), after)

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
            if (await self._bot.get_webhook_info()).url:
                await self._bot.delete_webhook()
        except TelegramError as error:
            log.info("telegram.webhook_not_removed", error=type(error).__name__)
        await asyncio.sleep(PAUSE)
