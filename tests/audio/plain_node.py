"""A real node that does not say what it can do beyond Lavalink: what a Java one is to us."""

import asyncio
from typing import Any, Self

import aiohttp
from aiohttp import web

from audio.node import NodeAddress

HOP = {"host", "connection", "upgrade", "transfer-encoding", "content-length"}


class PlainNode:
    """Passes everything on to `node`, but lists no plugins and refuses what only the extension knows."""

    def __init__(self, node: NodeAddress, name: str = "java") -> None:
        self._node = node
        self._name = name
        self.chorus_keys: list[Any] = []

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_get("/v4/websocket", self._websocket)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = NodeAddress(self._name, f"http://127.0.0.1:{self._runner.addresses[0][1]}", self._node.password)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        await self._runner.cleanup()

    def took(self, body: dict[str, Any]) -> None:
        """A PATCH arrived."""

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        async with self._http.ws_connect(f"{self._node.uri}/v4/websocket", headers=_kept(request)) as upstream:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            down = asyncio.create_task(_copy(upstream, socket))
            async for _ in socket:
                pass
            down.cancel()
            await asyncio.gather(down, return_exceptions=True)
        return socket

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "PATCH":
            found = await request.json()
            self.took(found)
            self.chorus_keys += [found["chorus"]] if "chorus" in found else []
        url = f"{self._node.uri}{request.path_qs}"
        async with self._http.request(request.method, url, data=body, headers=_kept(request)) as answer:
            if request.path == "/v4/info":
                return web.json_response({**await answer.json(), "plugins": []})
            kept = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def _copy(upstream: aiohttp.ClientWebSocketResponse, socket: web.WebSocketResponse) -> None:
    async for message in upstream:
        await socket.send_str(message.data)
    await socket.close()


def _kept(request: web.Request) -> dict[str, str]:
    kept = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
    return {name: value for name, value in kept.items() if not name.lower().startswith("sec-")}
