"""Updates that Telegram brings by itself, over https: proved by a secret that only it was told."""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from aiohttp import web

HEADER = "X-Telegram-Bot-Api-Secret-Token"

Receive = Callable[[dict[str, Any]], Awaitable[bool]]
"""Takes an update as JSON and ends when it is handled; False: not now, bring it again."""


def secret_of(key: bytes) -> str:
    """The secret that Telegram is told (1–256 of `A-Z a-z 0-9 _ -`)."""
    return key.hex()


def webhook_app(receive: Receive, keys: Sequence[bytes]) -> web.Application:
    """The application to mount where the webhook leads. Secrets of all `keys` are good; the first is the one told.

    Telegram brings the updates of one chat one after another, each when the one before was answered.
    """
    secrets = [secret_of(key).encode() for key in keys]

    async def post(request: web.Request) -> web.Response:
        told = request.headers.get(HEADER, "").encode(errors="replace")
        if not any([hmac.compare_digest(told, secret) for secret in secrets]):  # noqa: C419 - all, in the same time
            return web.Response(status=401)
        try:
            update: Any = await request.json()
        except ValueError:
            return web.Response(status=400)
        if not isinstance(update, dict):
            return web.Response(status=400)
        return web.Response(status=200 if await receive(cast("dict[str, Any]", update)) else 503)

    app = web.Application()
    app.router.add_post("", post)
    return app
