"""Everything that goes into chats: within each chat's budget, and never before its `retry_after`."""

import asyncio
import time
from typing import Any

import structlog
from limits import parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut

from cogs.telegram.stars_only import without_links
from core.ports.copies import Copy
from core.types import Track

GROUP = parse("19 per 1 minute")
"""Telegram stops a group's messages and edits at 20 a minute."""
PRIVATE = parse("40 per 1 minute")
SPARE = 6
"""How many of a chat's minute edits leave to answers."""
TRIES = 3
PAUSE = 0.5
UPLOAD = 60.0
"""Seconds for a file of the largest kind."""
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

log = structlog.get_logger()


class Outbox:
    """Sends and edits. With Redis the budget is that of all processes; while it is away, of this one."""

    def __init__(self, bot: Bot, redis_url: str | None = None) -> None:
        self.bot = bot
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._pool = _pool(redis_url) if redis_url else None
        self._shared = MovingWindowRateLimiter(_storage(redis_url, self._pool)) if redis_url else None
        self._held: dict[int, float] = {}

    async def close(self) -> None:
        """Let go of Redis."""
        if self._pool is not None:
            await self._pool.disconnect()

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
        """A file, as the answer to a message. Raises TelegramError."""
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
            title=track.title,
            performer=track.artist or None,
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
        if self._held.get(chat, 0) > time.monotonic() or await self._left(chat) <= SPARE:
            return False
        return await self._hit(chat)

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
            await asyncio.sleep(0.5)

    async def _hit(self, chat: int) -> bool:
        item = GROUP if chat < 0 else PRIVATE
        try:
            return await (self._shared or self._own).hit(item, "telegram", str(chat))
        except StorageError as error:
            log.warning("redis away", error=type(error.storage_error).__name__)
            return await self._own.hit(item, "telegram", str(chat))

    async def _left(self, chat: int) -> int:
        item = GROUP if chat < 0 else PRIVATE
        try:
            stats = await (self._shared or self._own).get_window_stats(item, "telegram", str(chat))
        except StorageError:
            stats = await self._own.get_window_stats(item, "telegram", str(chat))
        return stats.remaining


def _seconds(error: RetryAfter) -> float:
    after: Any = error.retry_after
    return float(after if isinstance(after, int | float) else after.total_seconds())


def _pool(url: str) -> Any:
    return ConnectionPool.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)  # pyright: ignore[reportUnknownMemberType] - half typed


def _storage(url: str, pool: Any) -> RedisStorage:
    return RedisStorage(
        f"async+{url}", implementation="redispy", key_prefix="chorus", wrap_exceptions=True, connection_pool=pool
    )
