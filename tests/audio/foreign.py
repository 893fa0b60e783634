"""A foreign site on loopback for the tests of what fetches from people's addresses."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """Pages by path; `asked` is what was requested, `ranges` with which ranges."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.ranges: list[str | None] = []
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self.server = TestServer(app, host=host)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.ranges.append(request.headers.get("Range"))
        page = self.pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        return await page(request)


def file(path: Path, content_type: str | None = None) -> Page:
    """A file with ranges."""

    async def page(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers={"Content-Type": content_type} if content_type else None)

    return page


def body(data: bytes | str, content_type: str = "application/octet-stream") -> Page:
    """A whole body, without ranges."""

    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(body=data.encode() if isinstance(data, str) else data, content_type=content_type)

    return page


def moved(location: str) -> Page:
    """A redirect."""

    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    return page


def live(data: bytes, *, headers: dict[str, str] | None = None, then: str = "repeat", pause: float = 0.001) -> Page:
    """A stream of no known length, 8 KB per `pause`: again and again, or once and then silence (`stall`)."""

    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg", **(headers or {})})
        await response.prepare(request)
        while True:
            for start in range(0, len(data), 8_192):
                await response.write(data[start : start + 8_192])
                await asyncio.sleep(pause)
            if then == "stall":
                await asyncio.Event().wait()

    return page
