"""What people are told, by every channel that there is: the outbox emptied, the page's desk, and how it does."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import discord
import structlog
from prometheus_client import Gauge
from telegram import Bot

from billing.notices import Courier, Jobs
from bot.config import Settings, reachable, revealed
from bot.keys import Keys
from bot.mail import Mail
from bot.mail_server import server_of
from bot.tasks import Tasks
from bot.upkeep import hourly
from cogs.discord.notices import DirectMessages
from cogs.notices import Style, day, told
from cogs.telegram.notices import PrivateMessages
from core.errors import StoreUnavailableError
from core.notices import TOPICS
from core.ports.clock import Clock
from core.records.notices import Channel, Letter, NoticeKind
from core.types import PersonId
from db.board import SqlBoard
from db.engine import Database
from db.outbox import SqlOutbox
from web.desk import Desk, Tickets

if TYPE_CHECKING:
    from core.ports.notices import Messenger

PURPOSE = "notices"
LOOK = 30.0
"""Seconds between two looks at how it does."""
WAITING = Gauge("chorus_notices_oldest_seconds", "How long what is due to be told or done waits already")
LOST = Gauge("chorus_notices_lost", "What was given up, or may not have arrived", ["state"])
_ON_THE_PAGE = Style(lambda text: text, day, links=False)

log = structlog.get_logger()


class Notices:
    """`discord` and `telegram` give the connected clients; a channel whose setting is missing is off."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        keys: Keys,
        jobs: Jobs,
        *,
        discord: Callable[[], discord.Client | None],
        telegram: Callable[[], Bot | None],
    ) -> None:
        self._page = reachable(settings.public_url)
        self._tickets = Tickets(keys.derive(PURPOSE), clock)
        self.outbox = SqlOutbox(database, clock)
        channels: dict[Channel, Messenger] = {Channel.JOB: jobs}
        if settings.discord_token is not None:
            channels[Channel.DISCORD] = DirectMessages(discord, self.link)
        if settings.telegram_token is not None:
            channels[Channel.TELEGRAM] = PrivateMessages(telegram, self.link)
        if (url := revealed(settings.smtp_url)) is not None:
            channels[Channel.EMAIL] = Mail(server_of(url), clock, self.link, self.off)
        self.courier = Courier(self.outbox, channels, clock)
        self.desk = Desk(SqlBoard(database, clock), self._tickets, _shown)

    def start(self, tasks: Tasks) -> None:
        """Send what waits, from now on."""
        tasks.start("notices", self.courier.run())
        tasks.start("notices counted", self._measure())
        tasks.start("notices pruned", hourly("outbox", self.outbox.prune))

    def link(self, person: PersonId) -> str | None:
        """Where a person reads and chooses what they are told; None while people cannot reach the page."""
        return f"{self._page}/notices/{self._tickets.issue(person)}" if self._page else None

    def off(self, letter: Letter) -> str | None:
        """Where a mail program ends letters of this topic."""
        if self._page is None or letter.person is None:
            return None
        topic = TOPICS[NoticeKind(letter.kind)]
        return f"{self._page}/unsubscribe/{self._tickets.issue(letter.person)}/{topic}"

    async def _measure(self) -> None:
        """Keep the figures for /metrics, until cancelled."""
        while True:
            try:
                figures = await self.outbox.figures()
                WAITING.set(figures["oldest"] / 1000)
                for state in ("dead", "unsure"):
                    LOST.labels(state).set(figures[state])
            except StoreUnavailableError as error:
                log.warning("outbox not read", error=type(error).__name__)
            await asyncio.sleep(LOOK)


def _shown(letter: Letter, language: str) -> str:
    return told(letter, _ON_THE_PAGE, language)
