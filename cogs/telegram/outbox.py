"""Everything that goes into chats: within each chat's budget, and never before its `retry_after`."""

import asyncio
import time
from typing import Any

import structlog
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut

from cogs.telegram.stars_only import without_links
from core.errors import RateLimitedError
from core.ports.copies import Copy
from core.ports.rates import Rate, RateCounter
from core.types import Track

GROUP = Rate(19, 60)
"""Telegram stops a group's messages and edits at 20 a minute."""
PRIVATE = Rate(40, 60)
KEY = "telegram"
SPARE = 6
"""How many of a chat's minute edits leave to answers."""
TRIES = 3
PAUSE = POLL = 0.5
UPLOAD = 60.0
"""Seconds for a file of the largest kind."""
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

log = structlog.get_logger()


class Outbox:
    """Sends and edits, within what `counter` leaves to a chat."""

    def __init__(self, bot: Bot, counter: RateCounter) -> None:
        self.bot = bot
        self._counter = counter
        self._held: dict[int, float] = {}

    async def send(
        self,
        chat: int,
        text: str,
        *,
        topic: int | None = None,
        reply_to: int | None = None,
        keyboard: InlineKeyboardMarkup | None = None,
    ) -> Message:
        """A new message in HTML; waits while the chat's budget is spent. Raises TelegramError."""
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to is not None else None
        for left in reversed(range(TRIES)):
            await self._wait(chat)
            try:
                return await self.bot.send_message(
                    chat,
                    without_links(text),
                    parse_mode=ParseMode.HTML,
                    message_thread_id=topic,
                    reply_parameters=reply,
                    reply_markup=keyboard,
                    link_preview_options=_NO_PREVIEW,
                )
            except RetryAfter as error:
                self.hold(chat, error)
                if not left:
                    raise
            except NetworkError as error:
                if not left or isinstance(error, BadRequest | TimedOut):  # what timed out may have arrived
                    raise
                await asyncio.sleep(PAUSE)
        raise AssertionError("unreachable")

    async def send_file(self, chat: int, name: str, content: bytes, text: str, to: Message | None) -> None:
        """A file of text, as the answer to a message. Raises TelegramError."""
        content = without_links(content.decode()).encode()
        await self._wait(chat)
        topic = to.message_thread_id if to is not None and to.is_topic_message else None
        reply = ReplyParameters(to.message_id, allow_sending_without_reply=True) if to is not None else None
        await self.bot.send_document(
            chat, content, filename=name, caption=text, message_thread_id=topic, reply_parameters=reply
        )

    async def send_audio(self, chat: int, found: Copy | str, track: Track, to: Message | None) -> Message:
        """A track (a file, or the id of one that Telegram has), as the answer to a message. Raises TelegramError."""
        await self._wait(chat)
        topic = to.message_thread_id if to is not None and to.is_topic_message else None
        reply = ReplyParameters(to.message_id, allow_sending_without_reply=True) if to is not None else None
        content, name = (found.content, found.name) if isinstance(found, Copy) else (found, None)
        return await self.bot.send_audio(
            chat,
            content,
            filename=name,
            title=without_links(track.title),
            performer=without_links(track.artist) or None,
            duration=(track.length or 0) // 1000,
            message_thread_id=topic,
            reply_parameters=reply,
            write_timeout=UPLOAD,
            read_timeout=UPLOAD,
        )

    async def edit(self, chat: int, message: int, text: str, keyboard: InlineKeyboardMarkup | None) -> bool:
        """Change a message; False if the chat's budget does not let it now. Raises TelegramError."""
        if not await self.may_edit(chat):
            return False
        try:
            await self.bot.edit_message_text(
                without_links(text),
                chat,
                message,
                parse_mode=ParseMode.HTML,
                reply_markup=keyboard,
                link_preview_options=_NO_PREVIEW,
            )
        except RetryAfter as error:
            self.hold(chat, error)
            return False
        except BadRequest as error:
            if "not modified" not in error.message.lower():
                raise
        return True

    async def may_edit(self, chat: int) -> bool:
        """Whether an edit fits now; it is counted then."""
        if self._held.get(chat, 0) > time.monotonic():
            return False
        return await self._counter.left(_budget(chat), KEY, str(chat)) > SPARE and await self._hit(chat)

    def hold(self, chat: int, error: RetryAfter) -> None:
        """Nothing goes into this chat before that; the others do not wait."""
        seconds = _seconds(error)
        log.info("telegram.flood", chat=chat, retry_after=seconds)
        self._held[chat] = max(self._held.get(chat, 0), time.monotonic() + seconds)

    async def _wait(self, chat: int) -> None:
        while (pause := self._held.get(chat, 0) - time.monotonic()) > 0:  # noqa: ASYNC110 - a time, not an event
            await asyncio.sleep(pause)
        self._held.pop(chat, None)
        while not await self._hit(chat):  # noqa: ASYNC110 - the window slides, and nobody tells
            await asyncio.sleep(POLL)

    async def _hit(self, chat: int) -> bool:
        try:
            await self._counter.count(_budget(chat), KEY, str(chat))
        except RateLimitedError:
            return False
        return True


def _budget(chat: int) -> Rate:
    return GROUP if chat < 0 else PRIVATE


def _seconds(error: RetryAfter) -> float:
    after: Any = error.retry_after
    return float(after if isinstance(after, int | float) else after.total_seconds())
