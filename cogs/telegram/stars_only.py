"""Nothing that leads to another way of paying than Stars leaves for Telegram, whoever wrote it.

Digital goods are sold there for Stars exclusively (core.telegram.org/bots/payments-stars); a link to a card form costs
the operator the bot.
"""

import json
import re
from typing import Any

import structlog
from telegram.error import BadRequest
from telegram.request import HTTPXRequest, RequestData

ELSEWHERE = re.compile(
    r"(?:https?://)?(?:[\w-]+\.)*stripe\.(?:com|network)(?:/[^\s\"<>]*)?|https?://[^\s\"<>\\]+/premium\b[^\s\"<>]*",
    re.IGNORECASE,
)
"""Stripe's pages, and our own that lead there. Telegram makes links of bare hosts too. A backslash ends a link: in JSON
it is where a line ends."""

log = structlog.get_logger()


def without_links(text: str) -> str:
    """Text without such links: people may name a track like one."""
    return ELSEWHERE.sub("…", text)


class StarsOnly(HTTPXRequest):
    """Refuses requests with such a link, as Telegram might refuse the bot."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **more: Any
    ) -> tuple[int, bytes]:
        """Send a request. Raises BadRequest where it shows another way to pay."""
        sent = json.dumps(request_data.parameters, default=str, ensure_ascii=False) if request_data is not None else ""
        if ELSEWHERE.search(sent):
            log.error("telegram.payment_link_held_back", method=url.rpartition("/")[2])
            raise BadRequest("a link to another way to pay is not shown in Telegram")
        return await super().do_request(url, method, request_data, *args, **more)
