"""A node that speaks just enough of the protocol to misbehave on demand."""

import asyncio
from typing import Any, Self

from aiohttp import WSCloseCode, web

PASSWORD = "secret"


class FakeNode:
    """`patches` are the bodies it was sent; `go` cleared: it answers nobody; `hang_patches`: PATCHes wait.

    `managers` are the sources that it says it has, `answers` what it loads, `loads` what it was asked for.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.sockets: list[web.WebSocketResponse] = []
        self.resumed: list[str | None] = []
        self.users: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.deleted: list[int] = []
        self.players: dict[int, dict[str, Any]] = {}
        self.plugins: list[dict[str, str]] = [{"name": "chorus", "version": "1"}]
        self.go = asyncio.Event()
        self.go.set()
        self.refuse: tuple[int, str] | None = None
        self.deaf = False
        self.hang_patches = self.forget_patches = False
        self.patch_seconds = 0.0
        self.managers = ["http"]
        self.answers: dict[str, dict[str, Any]] = {}
        self.loads: list[str] = []
        self.patches_now = self.most_patches_at_once = 0

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/v4/websocket", self._websocket)
        app.router.add_get("/version", self._version)
        app.router.add_get("/v4/info", self._info)
        app.router.add_get("/v4/stats", self._stats)
        app.router.add_get("/v4/loadtracks", self._load)
        app.router.add_patch("/v4/sessions/{session}", self._session)
        app.router.add_get("/v4/sessions/{session}/players", self._list)
        app.router.add_get("/v4/sessions/{session}/players/{player}", self._get)
        app.router.add_patch("/v4/sessions/{session}/players/{player}", self._patch)
        app.router.add_delete("/v4/sessions/{session}/players/{player}", self._delete)
        app.router.add_get("/v4/sessions/{session}/players/{player}/taps/{tap}", self._tap)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        for socket in self.sockets:
            if not socket.closed and socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()
        await self._runner.cleanup()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket(self) -> web.WebSocketResponse:
        return self.sockets[-1]

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def event(self, kind: str, player: int = 1, **fields: Any) -> None:
        await self.send(op="event", type=kind, guildId=str(player), **fields)

    async def say_goodbye(self) -> None:
        """What every graceful restart does."""
        await self.socket.close(code=WSCloseCode.GOING_AWAY)

    def abort(self) -> None:
        request = self.socket._req
        assert request is not None
        assert request.transport is not None
        request.transport.abort()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != PASSWORD:
            return web.Response(status=403)
        return await handler(request)

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=not self.deaf)
        await socket.prepare(request)
        self.resumed.append(request.headers.get("Session-Id"))
        self.users.append(request.headers["User-Id"])
        self.sockets.append(socket)
        session = request.headers.get("Session-Id")
        await socket.send_json({"op": "ready", "resumed": session is not None, "sessionId": session or "s1"})
        async for _ in socket:
            pass
        return socket

    async def _version(self, _: web.Request) -> web.Response:
        await self.go.wait()
        return web.Response(text="4.2.2")

    async def _info(self, _: web.Request) -> web.Response:
        return web.json_response({"sourceManagers": self.managers, "plugins": self.plugins, "filters": []})

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response({"players": 0, "playingPlayers": 0, "cpu": {"systemLoad": 0.0}, "frameStats": None})

    async def _load(self, request: web.Request) -> web.Response:
        identifier = request.query["identifier"]
        self.loads.append(identifier)
        if self.refuse is not None:
            return _error(*self.refuse)
        return web.json_response(self.answers.get(identifier, {"loadType": "empty", "data": None}))

    async def _session(self, request: web.Request) -> web.Response:
        return web.json_response(await request.json())

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response(list(self.players.values()))

    async def _get(self, request: web.Request) -> web.Response:
        player = self.players.get(int(request.match_info["player"]))
        return web.json_response(player) if player else _error(404, "Player not found")

    async def _patch(self, request: web.Request) -> web.Response:
        body = await request.json()
        player_id = int(request.match_info["player"])
        player = _player(player_id) if self.forget_patches else self._change(player_id, body)
        self.patches.append(body)
        self.patches_now += 1
        self.most_patches_at_once = max(self.most_patches_at_once, self.patches_now)
        await asyncio.sleep(30 if self.hang_patches else self.patch_seconds)
        self.patches_now -= 1
        if self.refuse is not None:
            return _error(*self.refuse)
        return web.json_response(player)

    def _change(self, player_id: int, body: dict[str, Any]) -> dict[str, Any]:
        player = self.players.setdefault(player_id, _player(player_id))
        if "identifier" in body.get("track", {}):
            player["track"] = track(body["track"]["userData"])
        elif "track" in body:
            player["track"] = None
        player |= {key: body[key] for key in ("volume", "paused") if key in body}
        player["state"]["position"] = body.get("position", 0)
        if "next" in body.get("chorus", {}):
            following = body["chorus"]["next"]
            player["chorus"]["next"] = following and track(following["userData"])
        if "taps" in body.get("chorus", {}):
            pushing = {"state": "connecting"}
            shown = [{"id": it["id"], "type": it["type"]} for it in body["chorus"]["taps"]]
            player["chorus"]["taps"] = [it | (pushing if it["type"] == "rtmp" else {}) for it in shown]
        if "voice" in body:
            player["voice"] = body["voice"]
            player["state"]["connected"] = True
        return player

    async def _tap(self, request: web.Request) -> web.StreamResponse:
        """Nothing is heard there."""
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return response

    async def _delete(self, request: web.Request) -> web.Response:
        player = int(request.match_info["player"])
        self.deleted.append(player)
        self.players.pop(player, None)
        return web.Response(status=204)


def track(user_data: dict[str, Any]) -> dict[str, Any]:
    info = {
        "identifier": "x",
        "isSeekable": True,
        "author": "A",
        "length": 60_000,
        "isStream": False,
        "position": 0,
        "title": "T",
        "uri": None,
        "artworkUrl": None,
        "isrc": None,
        "sourceName": "http",
    }
    return {"encoded": "QAAA", "info": info, "pluginInfo": {}, "userData": user_data}


def _player(player_id: int) -> dict[str, Any]:
    return {
        "guildId": str(player_id),
        "track": None,
        "volume": 100,
        "paused": False,
        "state": {"time": 0, "position": 0, "connected": False, "ping": -1},
        "voice": {"token": "", "endpoint": "", "sessionId": "", "channelId": ""},
        "filters": {},
        "chorus": {"next": None, "taps": []},
    }


def _error(status: int, message: str) -> web.Response:
    body = {"timestamp": 0, "status": status, "error": "Error", "message": message, "path": "/"}
    return web.json_response(body, status=status)
