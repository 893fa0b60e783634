"""A radio station on loopback, as Icecast and SHOUTcast behave."""

import asyncio
import itertools
from collections.abc import Callable

from aiohttp import web

INTERVAL = 1_024


def block(title: str) -> bytes:
    """A title as it lies between the sound."""
    text = f"StreamTitle='{title}';StreamUrl='';".encode()
    length = -(-len(text) // 16)
    return bytes([length]) + text.ljust(16 * length, b"\0")


class Station:
    """Sends `sound` (asked for by byte) at `rate` bytes a second after a burst; every listener hears the same place.

    `title` is what is on; `silence` holds everybody up, `drop` hangs up, `gone` answers 404.
    """

    def __init__(self, sound: Callable[[int, int], bytes], rate: int, *, burst: float = 3.0) -> None:
        self.sound = sound
        self.rate = rate
        self.burst = round(burst * rate)
        self.title = ""
        self.connections = 0
        self.asked: list[str | None] = []
        self.gone = False
        self.headers: dict[str, str] = {"icy-name": "Radio Chorus", "icy-br": str(rate // 125)}
        self._began = 0.0
        self._stalled: set[asyncio.Event] = set()

    def stall(self) -> None:
        """Those who listen now hear nothing more; their connections stay open."""
        for event in self._stalled:
            event.set()

    def now(self) -> int:
        """The byte that is on air."""
        self._began = self._began or asyncio.get_running_loop().time()
        return self.burst + round((asyncio.get_running_loop().time() - self._began) * self.rate)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        self.asked.append(request.headers.get("Icy-MetaData"))
        if self.gone:
            raise web.HTTPNotFound
        titled = request.headers.get("Icy-MetaData") == "1" and "icy-name" in self.headers
        more = {"icy-metaint": str(INTERVAL)} if titled else {}
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg", **self.headers, **more})
        await response.prepare(request)
        stalled = asyncio.Event()
        self._stalled.add(stalled)
        try:
            await self._send(response, stalled, titled=titled)
        finally:
            self._stalled.discard(stalled)
        return response

    async def _send(self, response: web.StreamResponse, stalled: asyncio.Event, *, titled: bool) -> None:
        place, told = self.now() - self.burst, ""
        for _ in itertools.count():
            while place + INTERVAL <= self.now():
                if stalled.is_set():
                    await asyncio.Event().wait()
                await response.write(self.sound(place, place + INTERVAL))
                place += INTERVAL
                if titled:
                    await response.write(block(self.title) if self.title != told else b"\0")
                    told = self.title
            await asyncio.sleep(0.02)
