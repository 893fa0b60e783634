"""What every request passes: the password, and Lavalink's form for errors."""

from __future__ import annotations

import hmac
import time
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from lavalink.metrics import METRICS_PATH
from lavalink.protocol import ApiError, validation_message

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

WEBSOCKET_PATH = "/v4/websocket"

log = structlog.get_logger()


def password_guard(password: str) -> Middleware:
    """Refuses with an empty body: 401 without a password, 403 with a wrong one (401 too at the websocket).

    As on a Java node, metrics are for all who reach the port.
    """
    expected = password.encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == METRICS_PATH:
            return await handler(request)
        given = request.headers.get("Authorization")
        if given is not None and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected):
            return await handler(request)
        log.warning("request refused", path=request.path, remote=request.remote, password=given is not None)
        refusal = web.Response(status=401 if given is None or request.path == WEBSOCKET_PATH else 403)
        refusal.force_close()  # a stranger holds no connection open
        return refusal

    return guard


@web.middleware
async def error_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every failure with Lavalink's error object."""
    try:
        return await handler(request)
    except ApiError as error:
        return _answer(request, error.status, error.message)
    except ValidationError as error:
        return _answer(request, HTTPStatus.BAD_REQUEST, validation_message(error))
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        too_large = error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return _answer(request, error.status, error.reason, last=too_large)
    except (web.RequestPayloadError, ConnectionError) as error:
        log.info("request not read", path=request.path, error=type(error).__name__)
        return _answer(request, HTTPStatus.BAD_REQUEST, "The body is broken, or came in part only", last=True)
    except Exception as error:
        log.exception("request failed", path=request.path)
        return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__} in the node")


async def name_version(_: web.Request, response: web.StreamResponse) -> None:
    """As a Java node: every answer says which version of the protocol it is, and JSON without a charset."""
    response.headers["Lavalink-Api-Version"] = "4"
    if response.content_type == "application/json":
        response.headers["Content-Type"] = "application/json"


def _answer(request: web.Request, status: int, message: str, *, last: bool = False) -> web.Response:
    """`last`: the connection ends with what is not read of the body, so the client had better send no more by it."""
    body: dict[str, Any] = {
        "timestamp": int(time.time() * 1000),
        "status": status,
        "error": HTTPStatus(status).phrase,
        "message": message,
        "path": request.rel_url.raw_path,
    }
    if request.query.get("trace", "false").lower() != "false":  # `?trace` is enough for a Java node
        body["trace"] = traceback.format_exc()
    answer = web.json_response(body, status=status)
    if last:
        answer.force_close()
    return answer
