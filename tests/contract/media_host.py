"""A loopback web server with good files and every kind of bad one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from aiohttp import web

from tests.sound import tone, write_sound, write_tone

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.typedefs import Handler

SLOW_CHUNK = 4096
CHORD = (400, 3000, 7000)
"""Hz: in both ears, in the left one, in the right one."""


class MediaHost:
    """Serves tones by name (`/tone-440-2.wav`: 440 Hz, 2 s) and the faults below; `requests` are the paths asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self._release = asyncio.Event()
        self._transports: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._note_transport])
        app.router.add_get("/tone-{hz:\\d+}-{seconds:[\\d.]+}.{suffix:wav|mp3|flac|opus|ogg|m4a}", self._tone)
        app.router.add_static("/files", self.folder)
        app.router.add_get("/chord.wav", self._chord)
        app.router.add_get("/hang", self._hang)
        app.router.add_get("/stall-{hz:\\d+}-{seconds:[\\d.]+}.wav", self._stall)
        app.router.add_get("/page.html", self._page)
        app.router.add_get("/broken.mp3", self._broken)
        app.router.add_get("/empty.mp3", self._empty)
        app.router.add_get("/error.mp3", self._error)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release.set()
        for transport in self._transports:
            transport.abort()  # a node that reads no further would keep a polite close waiting
        await self._runner.cleanup()
        await asyncio.sleep(0)

    @web.middleware
    async def _note_transport(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if isinstance(request.transport, asyncio.Transport):
            self._transports.add(request.transport)
        return await handler(request)

    def tone(self, hz: int, seconds: float, suffix: str = "wav") -> str:
        """The address of a tone."""
        return f"{self.url}/tone-{hz}-{seconds}.{suffix}"

    def _file(self, request: web.Request, suffix: str) -> Path:
        hz, seconds = request.match_info["hz"], request.match_info["seconds"]
        path = self.folder / f"{hz}-{seconds}.{suffix}"
        return path if path.exists() else write_tone(path, float(hz), float(seconds))

    async def _tone(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        return web.FileResponse(self._file(request, request.match_info["suffix"]))

    async def _chord(self, _: web.Request) -> web.StreamResponse:
        """20 s of CHORD."""
        path = self.folder / "chord.wav"
        if not path.exists():
            both, left, right = (tone(hz, 20, db=-18) for hz in CHORD)
            both[:, 0] += left[:, 0]
            both[:, 1] += right[:, 1]
            write_sound(path, both)
        return web.FileResponse(path)

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        """Accepts and never answers."""
        self.requests.append(request.path)
        await self._release.wait()
        return web.Response()

    async def _stall(self, request: web.Request) -> web.StreamResponse:
        """Sends half of a file and then nothing, nor when asked for the rest."""
        self.requests.append(request.path)
        data = self._file(request, "wav").read_bytes()
        start = request.http_range.start or 0
        headers = {"Content-Type": "audio/wav", "Content-Length": str(len(data) - start), "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        await response.write(data[start : len(data) // 2])
        await self._release.wait()
        return response

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text="<html><body>not music</body></html>", content_type="text/html")

    async def _broken(self, _: web.Request) -> web.Response:
        return web.Response(body=b"\x00\x01\x02garbage" * 500, content_type="audio/mpeg")

    async def _empty(self, _: web.Request) -> web.Response:
        return web.Response(body=b"", content_type="audio/mpeg")

    async def _error(self, _: web.Request) -> web.Response:
        return web.Response(status=503)
