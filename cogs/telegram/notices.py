"""Private messages about plans on Telegram. Nothing in them leads to a payment elsewhere."""

import html
from collections.abc import Callable
from datetime import timedelta

import httpx
from telegram import Bot, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter

from cogs.notices import Style, choices, day, told
from cogs.telegram.stars_only import without_links
from core.ports.notices import NotSentError, UndeliverableError
from core.records.notices import Letter
from core.types import PersonId

_STYLE = Style(html.escape, day, links=False)
_BEFORE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What fails before a request has left."""


class PrivateMessages:
    """`core.ports.notices.Messenger`. `bot` is the running one; `link` leads to where a person chooses what they are
    told. Telegram knows no nonce: what may have arrived is never sent again.
    """

    repeatable = 0

    def __init__(self, bot: Callable[[], Bot | None], link: Callable[[PersonId], str | None]) -> None:
        self._bot = bot
        self._link = link

    @property
    def ready(self) -> bool:
        """Whether the bot runs."""
        return self._bot() is not None

    async def send(self, letter: Letter) -> None:
        """Write to a person (see the port)."""
        bot = self._bot()
        if bot is None:
            raise NotSentError("not connected")
        try:
            await bot.send_message(
                int(letter.address or 0),
                without_links(self._text(letter)),
                parse_mode=ParseMode.HTML,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except RetryAfter as error:
            after = error.retry_after
            raise NotSentError("flood", after.total_seconds() if isinstance(after, timedelta) else after) from error
        except (Forbidden, BadRequest) as error:
            raise UndeliverableError(error.message) from error
        except InvalidToken as error:
            raise NotSentError("the token was refused") from error
        except NetworkError as error:
            if isinstance(error.__cause__, _BEFORE):
                raise NotSentError(type(error.__cause__).__name__) from error
            raise

    def _text(self, letter: Letter) -> str:
        text = told(letter, _STYLE)
        link = self._link(letter.person) if letter.person else None
        return "\n\n".join([text, choices(html.escape(link), letter.language)]) if link else text
