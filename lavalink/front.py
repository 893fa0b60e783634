"""One port for several processes: holds clients' sessions, and passes each request to where the player lives.

What it answers itself is worded as one process words it; players, tracks and taps are the processes' business.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import structlog
from aiohttp import web
from yarl import URL

from lavalink import PROTOCOL_VERSION
from lavalink.clients import attend, change, guild_id_of
from lavalink.limits import FULL
from lavalink.metrics import METRICS_PATH, Metrics
from lavalink.middleware import WEBSOCKET_PATH, error_bodies, name_version, password_guard
from lavalink.protocol import ApiError
from lavalink.relay import RelayedSession
from lavalink.sessions import Sessions
from lavalink.stats import Stats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from lavalink.processes import Process, Processes
    from lavalink.relay import Seat

PLAYERS = "/v4/sessions/{session}/players"
REFUSED = 400
NOT_FOUND = 404
AWAY = "A process of this node is starting again"
NO_BODY = frozenset({204, 304})
NOTICED = 1.0
"""Seconds until the end of a process is known, at most."""

routes = web.RouteTableDef()
log = structlog.get_logger()


class Front:
    """The sessions of all clients, and the processes behind them."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.sessions = Sessions(RelayedSession)
        self._own = Stats(())

    def stats(self) -> dict[str, Any]:
        """The load of the whole node."""
        return self.processes.add_to(self._own.wire())

    def session(self, request: web.Request) -> RelayedSession:
        """The session that a path names; raises ApiError 404."""
        return cast("RelayedSession", self.sessions.get(request.match_info["session"]))


FRONT = web.AppKey("front", Front)
METRICS = web.AppKey("metrics", Metrics)


def make_front(front: Front, password: str) -> web.Application:
    """The HTTP side of a node of several processes, which are started and stopped with it."""
    metrics = Metrics(front.stats, front.sessions)
    app = web.Application(middlewares=[metrics.count, password_guard(password), error_bodies])
    app[FRONT], app[METRICS] = front, metrics
    app.on_response_prepare.append(name_version)
    app.add_routes(routes)
    app.cleanup_ctx.append(_run)
    app.on_shutdown.append(_end_sessions)
    return app


async def _run(app: web.Application) -> AsyncIterator[None]:
    processes = app[FRONT].processes
    try:
        await processes.start()
        yield
    finally:
        await processes.stop()


async def _end_sessions(app: web.Application) -> None:
    await app[FRONT].sessions.close()


@routes.get(WEBSOCKET_PATH)
async def websocket(request: web.Request) -> web.WebSocketResponse:
    """A client's event stream."""
    front = request.app[FRONT]
    return await attend(request, front.sessions, front.stats)


@routes.get("/version")
async def version(_: web.Request) -> web.Response:
    """The protocol's version. Clients ask for it to see whether the node lives: so it does, though a process hangs."""
    return web.Response(text=PROTOCOL_VERSION)


@routes.get("/v4/stats")
async def stats(request: web.Request) -> web.Response:
    """The load of the whole node, as it is now."""
    front = request.app[FRONT]
    await front.processes.look()
    return web.json_response(front.stats())


@routes.get(METRICS_PATH)
async def metrics(request: web.Request) -> web.Response:
    """What Prometheus asks for: the whole node's load, and each process's work."""
    processes = request.app[FRONT].processes
    await processes.look()
    return request.app[METRICS].answer(await processes.metrics())


@routes.patch("/v4/sessions/{session}")
async def update_session(request: web.Request) -> web.Response:
    """Turns resuming on or off."""
    return await change(request, request.app[FRONT].session(request))


@routes.get(PLAYERS)
async def get_players(request: web.Request) -> web.Response:
    """All players of a session, of whichever process."""
    session = request.app[FRONT].session(request)
    found = await asyncio.gather(*(process.players_of(session.id) for process in session.processes))
    return web.json_response([player for players in found for player in players])


@routes.patch(f"{PLAYERS}/{{guild}}")
async def update_player(request: web.Request) -> web.Response:
    """Changes a player, or makes one in the process that has the fewest, of those that take it."""
    body = await request.read()
    full: dict[Process, web.Response] = {}
    while True:
        try:
            answer, process = await _update(request, body, full)
        except ApiError:
            if not full:
                raise
            return [*full.values()][-1]
        if process is None or answer.status != FULL:
            return answer
        full[process] = answer  # it has reached its share of a limit: others may not have


async def _update(request: web.Request, body: bytes, full: Collection[Process]) -> tuple[web.Response, Process | None]:
    """A process's answer, and its name if it made no player where there was none; raises ApiError."""
    front, guild_id = request.app[FRONT], guild_id_of(request)
    session = front.session(request)
    failed: Process | None = None
    while True:
        known = session.seats.get(guild_id)
        seat = known or session.place(guild_id, front.processes.best(but={*full, failed}))
        asked = False
        try:
            await session.reach(seat.process)
            asked = True
            answer = await _ask(request, seat.process, body)
            break
        except ApiError:
            if known is None and not asked and session.seats.get(guild_id) is seat:
                session.displace(guild_id)
            if failed is not None or not await _left(session, guild_id, seat):
                if known is None:
                    await _forget_unmade(session, guild_id)
                raise
            failed = seat.process  # it has just ended, or was not reached: another one takes the player
    if known is None and answer.status >= REFUSED:
        await _forget_unmade(session, guild_id)
    return answer, seat.process if known is None and guild_id not in session.seats else None


async def _left(session: RelayedSession, guild_id: int, seat: Seat) -> bool:
    """Whether a player turns out to have lost its place, within a second."""
    end = time.monotonic() + NOTICED
    while session.seats.get(guild_id) is seat and time.monotonic() < end:  # noqa: ASYNC110 - rare, and for a moment
        await asyncio.sleep(0.02)
    return session.seats.get(guild_id) is not seat


async def _forget_unmade(session: RelayedSession, guild_id: int) -> None:
    """What a request that was refused, or not answered, leaves of a new player depends on the reason: ask."""
    seat = session.seats.get(guild_id)
    if seat is None:
        return
    address = f"{seat.process.url}/v4/sessions/{session.id}/players/{guild_id}"
    with suppress(aiohttp.ClientError, ValueError):  # it ends just now: so do its players
        async with seat.process.http.get(address) as found:
            if found.status == NOT_FOUND and session.seats.get(guild_id) is seat:
                session.displace(guild_id)


@routes.get(f"{PLAYERS}/{{guild}}")
async def get_player(request: web.Request) -> web.Response:
    """One player."""
    session = request.app[FRONT].session(request)
    seat = session.seats.get(guild_id_of(request))
    if seat is None:
        raise ApiError(404, "Player not found")
    return await _ask(request, seat.process)


@routes.delete(f"{PLAYERS}/{{guild}}")
async def delete_player(request: web.Request) -> web.Response:
    """Ends a player; there need not be one."""
    session, guild_id = request.app[FRONT].session(request), guild_id_of(request)
    seat = session.seats.get(guild_id)
    if seat is None:
        return web.Response(status=204)
    session.displace(guild_id)  # before it is gone: whoever asks for one meanwhile gets another, which stays
    return await _ask(request, seat.process)


@routes.get(f"{PLAYERS}/{{guild}}/{{rest:.+}}")
async def stream(request: web.Request) -> web.StreamResponse:
    """What a player sends for as long as it is read."""
    session = request.app[FRONT].session(request)
    seat = session.seats.get(guild_id_of(request))
    if seat is None:
        raise ApiError(404, "Player not found")
    try:
        async with seat.process.http.get(_address(request, seat.process)) as answer:
            return await _pass_on(request, answer)
    except (aiohttp.ClientError, ValueError):
        raise ApiError(503, AWAY) from None


@routes.route("*", "/{rest:.*}")
async def anything(request: web.Request) -> web.Response:
    """What has to do with no session: any process will do."""
    return await _ask(request, request.app[FRONT].processes.best(), await request.read())


def _address(request: web.Request, process: Process) -> URL:
    return URL(f"{process.url}{request.raw_path}", encoded=True)


async def _ask(request: web.Request, process: Process, body: bytes | None = None) -> web.Response:
    """A process's answer to a request, as it is; raises ApiError 503."""
    headers = {"Content-Type": request.headers.get("Content-Type", "application/json")} if body else {}
    try:
        async with process.http.request(
            request.method, _address(request, process), data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
            kind = {} if answer.status in NO_BODY or not content else {"Content-Type": answer.headers["Content-Type"]}
            return web.Response(status=answer.status, body=content, headers=kind)
    except (aiohttp.ClientError, ValueError):
        raise ApiError(503, AWAY) from None


async def _pass_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        async for data in answer.content.iter_any():
            await response.write(data)
    except ConnectionError:
        log.debug("reader left", path=request.path)
    except aiohttp.ClientError:
        if request.transport is not None:
            request.transport.abort()  # cut off there: so it is here
    return response
