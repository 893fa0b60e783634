"""REST and websocket of Lavalink's v4 protocol, with the `chorus` extension (docs/nodes.md)."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING

import av
import structlog
from aiohttp import web
from pydantic import TypeAdapter

from lavalink import PROTOCOL_VERSION, filters
from lavalink.clients import SESSION_HEADER, attend, change, guild_id_of
from lavalink.metrics import METRICS_PATH, Metrics
from lavalink.middleware import WEBSOCKET_PATH, error_bodies, name_version, password_guard
from lavalink.node import Node, decode, make_track
from lavalink.protocol import ApiError, LoadError, PlayerPatch
from lavalink.traffic import TRAFFIC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lavalink.sessions import Session

CHORUS_VERSION = "1"

NODE = web.AppKey("node", Node)
METRICS = web.AppKey("metrics", Metrics)
RECENT = re.compile(r"[0-9]{1,9}")
YES, NO = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})
routes = web.RouteTableDef()
track_strings = TypeAdapter(list[str])
log = structlog.get_logger()


def make_app(node: Node, password: str) -> web.Application:
    """The node's HTTP side; the node is started and stopped with it."""
    metrics = Metrics(node.stats.wire, node.sessions)
    app = web.Application(middlewares=[metrics.count, password_guard(password), error_bodies])
    app[NODE], app[METRICS] = node, metrics
    app.on_response_prepare.append(name_version)
    app.add_routes(routes)
    app.cleanup_ctx.append(_run_node)
    app.on_shutdown.append(_end_sessions)
    return app


async def _run_node(app: web.Application) -> AsyncIterator[None]:
    await app[NODE].start()
    yield
    await app[NODE].stop()


async def _end_sessions(app: web.Application) -> None:
    """Clients are told to go (1001) while their connections still stand."""
    await app[NODE].sessions.close()


@routes.get("/version")
async def version(_: web.Request) -> web.Response:
    """The protocol's version as text."""
    return web.Response(text=PROTOCOL_VERSION)


@routes.get(METRICS_PATH)
async def metrics(request: web.Request) -> web.Response:
    """What Prometheus asks for."""
    return request.app[METRICS].answer()


@routes.get("/v4/info")
async def info(_: web.Request) -> web.Response:
    """What this node is and can."""
    major, minor, patch = map(int, PROTOCOL_VERSION.split("."))
    semver = {"semver": PROTOCOL_VERSION, "major": major, "minor": minor, "patch": patch, "preRelease": None}
    return web.json_response(
        {
            "version": semver,
            "buildTime": 0,
            "git": {"branch": "", "commit": "", "commitTime": 0},
            "jvm": f"{platform.python_implementation()} {platform.python_version()}",
            "lavaplayer": f"PyAV {av.__version__}",
            "sourceManagers": ["http"],
            "filters": list(filters.NAMES),
            "plugins": [{"name": "chorus", "version": CHORUS_VERSION}],
        }
    )


@routes.get("/v4/stats")
async def stats(request: web.Request) -> web.Response:
    """The node's load."""
    return web.json_response(request.app[NODE].stats.wire())


@routes.get("/v4/loadtracks")
async def load_tracks(request: web.Request) -> web.Response:
    """What an identifier stands for."""
    identifier = request.query.get("identifier")
    if identifier is None:
        raise ApiError(400, "Required parameter 'identifier' is not present.")
    try:
        found = await request.app[NODE].load(identifier)
    except LoadError as error:
        return web.json_response({"loadType": "error", "data": error.wire()})
    if found is None:
        return web.json_response({"loadType": "empty", "data": None})
    return web.json_response({"loadType": "track", "data": make_track(found).wire()})


@routes.get("/v4/decodetrack")
async def decode_track(request: web.Request) -> web.Response:
    """The track of one track string."""
    encoded = request.query.get("encodedTrack", request.query.get("track"))
    if encoded is None:
        raise ApiError(400, "No track to decode provided")
    return web.json_response(decode(encoded.replace(" ", "+")).wire())  # an unescaped + of base64


@routes.post("/v4/decodetracks")
async def decode_tracks(request: web.Request) -> web.Response:
    """The tracks of a JSON array of track strings."""
    encoded = track_strings.validate_json(await request.read())
    if not encoded:
        raise ApiError(400, "No tracks to decode provided")
    return web.json_response([decode(text).wire() for text in encoded])


@routes.get("/v4/routeplanner/status")
async def route_planner_status(_: web.Request) -> web.Response:
    """There is no route planner."""
    return web.Response(status=204)


@routes.post("/v4/routeplanner/free/{what:address|all}")
async def free_address(_: web.Request) -> web.Response:
    """There is no route planner."""
    raise ApiError(500, "Can't access disabled route planner")


@routes.get(WEBSOCKET_PATH)
async def websocket(request: web.Request) -> web.WebSocketResponse:
    """A client's event stream; its session lives as long, or longer when it is resumable."""
    node = request.app[NODE]
    named = request.headers.get(SESSION_HEADER) if node.behind else None
    return await attend(request, node.sessions, node.stats.wire, session_id=named)


@routes.patch("/v4/sessions/{session}")
async def update_session(request: web.Request) -> web.Response:
    """Turns resuming on or off."""
    return await change(request, _session(request))


@routes.get("/v4/sessions/{session}/players")
async def get_players(request: web.Request) -> web.Response:
    """All players of a session."""
    return web.json_response([player.model().wire() for player in _session(request).players.values()])


@routes.get("/v4/sessions/{session}/players/{guild}")
async def get_player(request: web.Request) -> web.Response:
    """One player."""
    return web.json_response(_session(request).player(guild_id_of(request)).model().wire())


@routes.patch("/v4/sessions/{session}/players/{guild}")
async def update_player(request: web.Request) -> web.Response:
    """Makes or changes a player."""
    session, guild_id = _session(request), guild_id_of(request)
    patch = PlayerPatch.model_validate_json(await request.read())
    player = await request.app[NODE].update_player(session, guild_id, patch, no_replace=_no_replace(request))
    return web.json_response(player.wire())


@routes.delete("/v4/sessions/{session}/players/{guild}")
async def delete_player(request: web.Request) -> web.Response:
    """Ends a player; there need not be one."""
    await request.app[NODE].delete_player(_session(request), guild_id_of(request))
    return web.Response(status=204)


@routes.get("/v4/sessions/{session}/players/{guild}/taps/{tap}")
async def read_tap(request: web.Request) -> web.StreamResponse:
    """A player's packets in real time, until the tap ends or its reader leaves."""
    player = _session(request).player(guild_id_of(request))
    tap = player.tap(request.match_info["tap"], recent=_recent(request))
    if tap is None:
        raise ApiError(404, "Tap not found")
    if request.transport is not None:
        tap.when_dropped(request.transport.abort)
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        async for frames in tap:
            TRAFFIC.total += len(frames)
            await response.write(frames)
    except ConnectionError:
        log.debug("tap reader left", tap=request.match_info["tap"])
    finally:
        tap.close()
    return response


def _session(request: web.Request) -> Session:
    return request.app[NODE].sessions.get(request.match_info["session"])


def _no_replace(request: web.Request) -> bool:
    """In any word that a Java node takes."""
    given = request.query.get("noReplace", "false").lower()
    if given not in YES | NO:
        raise ApiError(400, "noReplace must be true or false")
    return given in YES


def _recent(request: web.Request) -> int:
    given = request.query.get("recent", "0")
    if not RECENT.fullmatch(given):
        raise ApiError(400, "recent must be a number of milliseconds")
    return int(given)
