"""Clients at the door: who asks for what, the event stream of a session, and its settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from lavalink.protocol import ApiError, SessionPatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from lavalink.sessions import Session, Sessions

SESSION_HEADER = "Chorus-Session"
"""By this whoever spreads players over several processes says which session of its own a websocket stands for."""
HEARTBEAT = 20.0
"""Seconds between pings: a client that vanished without a word is noticed after one and a half of it."""

NUMBER = re.compile(r"-?[0-9]{1,20}")
"""As long as one of 64 bits: `int` takes much more, and raises when it is too much."""

log = structlog.get_logger()


def guild_id_of(request: web.Request) -> int:
    """The player that a path names; raises ApiError 400."""
    given = request.match_info["guild"]
    if not NUMBER.fullmatch(given):
        raise ApiError(400, "guildId must be a number")
    guild_id = int(given)
    if not -(2**63) <= guild_id < 2**63:
        raise ApiError(400, "guildId must be a number of 64 bits")
    return guild_id


def user_id_of(request: web.Request) -> int:
    """The bot's account; raises ApiError 400."""
    given = request.headers.get("User-Id", "")
    if not NUMBER.fullmatch(given) or not 0 < int(given) < 2**63:
        raise ApiError(400, "Missing or invalid User-Id header")
    return int(given)


async def attend(
    request: web.Request, sessions: Sessions, stats: Callable[[], dict[str, Any]], *, session_id: str | None = None
) -> web.WebSocketResponse:
    """A client's event stream; its session lives as long, or longer when it is resumable.

    A new session gets `session_id`, or one of its own.
    """
    user_id = user_id_of(request)
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT)
    if not socket.can_prepare(request):  # before a session is taken from whoever has it
        raise ApiError(400, "This is a websocket: the request does not ask for one")
    session = sessions.resume(socket, request.headers.get("Session-Id"))
    socket.headers["Session-Resumed"] = "false" if session is None else "true"
    session = session or sessions.open(socket, user_id, session_id)
    log.info("client connected", session=session.id, client=request.headers.get("Client-Name"))
    try:
        await socket.prepare(request)
        await session.serve(socket, stats)
    finally:
        await sessions.release(session, socket)
    return socket


async def change(request: web.Request, session: Session) -> web.Response:
    """Turns resuming on or off."""
    patch = SessionPatch.model_validate_json(await request.read())
    session.resuming = session.resuming if patch.resuming is None else patch.resuming
    session.timeout = session.timeout if patch.timeout is None else patch.timeout
    return web.json_response({"resuming": session.resuming, "timeout": session.timeout})
