"""Live HLS a few segments ahead of the ear: the playlist is followed and its segments are fetched before they are due.

FFmpeg reads both just in time, so that a server that hesitates for half a second would be heard. Here nodes are
answered from memory, and a stall is over before the segments in hand have been played.
"""

import asyncio
import re
import time
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from audio import playlists
from audio.guard import Guard
from audio.sources import Located
from core.errors import UnplayableError

AHEAD = 3
"""Segments before the end at which a player begins, by the specification."""
KEPT = 8
LARGEST = 2 << 20
"""Bytes of a segment that is kept: those of films are passed on as they come."""
IDLE = 20.0
"""Seconds after which nobody listens any more."""
STALE = 15.0
"""Seconds for which a playlist is good: longer silences are the node's business."""
MOST = 64

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of sound as it was fetched."""

    body: bytes
    media_type: str


class Window:
    """One live playlist of one entry, followed until nobody asks for it."""

    def __init__(self, guard: Guard, located: Located, text: str, base: str) -> None:
        self.text = text
        self.base = base
        self._guard = guard
        self._located = located
        self._segments: OrderedDict[str, asyncio.Task[Segment | None]] = OrderedDict()
        self._asked = self._fresh = time.monotonic()
        self._heavy = False
        self._task = asyncio.create_task(self._follow())

    def ask(self) -> bool:
        """Somebody listens; whether the playlist is good still."""
        self._asked = time.monotonic()
        return not self._task.done() and self._asked - self._fresh < STALE

    async def segment(self, address: str) -> Segment | None:
        """A segment that is here or on its way; None if it has to be fetched."""
        self._asked = time.monotonic()
        task = self._segments.get(address)
        if task is None:
            return None
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    async def close(self) -> None:
        """Follow it no longer."""
        tasks = [self._task, *self._segments.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def ended(self) -> bool:
        """Whether nobody asks any more."""
        return self._task.done()

    async def _follow(self) -> None:
        while time.monotonic() - self._asked < IDLE:
            self._fetch_ahead()
            await asyncio.sleep(playlists.hls_target(self.text) / 2)
            try:
                async with asyncio.timeout(STALE):
                    await self._reload()
            except UnplayableError as error:
                log.info("hls.not_reloaded", reason=error.reason)
            except TimeoutError:
                log.info("hls.not_reloaded", reason="timeout")

    async def _reload(self) -> None:
        async with self._guard.open(self._located.url, headers=self._located.headers) as response:
            body = bytearray()
            while chunk := await response.content.readany():
                body += chunk
                if len(body) > playlists.BYTES:
                    raise UnplayableError("too_large")
            text = playlists.decode(bytes(body))
            if not re.search(r"^#EXTINF:", text, re.MULTILINE):
                raise UnplayableError("corrupt")
            self.text, self.base, self._fresh = text, str(response.url), time.monotonic()

    def _fetch_ahead(self) -> None:
        if "#EXT-X-BYTERANGE" in self.text:  # one file, which grows
            return
        items = playlists.parse("m3u", self.text, self.base).items[-KEPT:]
        wanted = [it.address for it in items[-AHEAD:] if it.address not in self._segments]
        for address in wanted if not self._heavy else ():
            self._segments[address] = asyncio.create_task(self._fetch(address))
        while len(self._segments) > KEPT:
            _, gone = self._segments.popitem(last=False)
            gone.cancel()

    async def _fetch(self, address: str) -> Segment | None:
        """Tried twice: what a server could not send at once it may send soon."""
        for _ in range(2):
            try:
                async with self._guard.open(address, headers=self._located.headers) as response:
                    body = bytearray()
                    while chunk := await response.content.readany():
                        body += chunk
                        if len(body) > LARGEST:
                            self._heavy = True
                            return None
                    return Segment(bytes(body), response.headers.get("Content-Type", "video/mp2t"))
            except UnplayableError:
                await asyncio.sleep(0.1)
        return None


class Windows:
    """The live playlists that nodes read now, by what their addresses are bound to."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._open: OrderedDict[tuple[str, str], Window] = OrderedDict()

    def playlist(self, bound_to: str, address: str) -> Window | None:
        """The window of a playlist, if what it shows is good."""
        window = self._open.get((bound_to, address))
        return window if window is not None and window.ask() else None

    async def segment(self, bound_to: str, address: str) -> Segment | None:
        """A segment that one of an entry's windows has."""
        for key, window in tuple(self._open.items()):
            if key[0] == bound_to and (found := await window.segment(address)) is not None:
                return found
        return None

    async def follow(self, bound_to: str, located: Located, text: str, base: str) -> None:
        """Begin with a live playlist that was fetched just now."""
        new = bound_to, located.url
        gone = [self._open.pop(key) for key, window in tuple(self._open.items()) if window.ended or key == new]
        while len(self._open) >= MOST:
            gone.append(self._open.popitem(last=False)[1])
        self._open[new] = Window(self._guard, located, text, base)
        for window in gone:  # only now: meanwhile another node may ask
            await window.close()

    async def close(self) -> None:
        """Follow none any longer."""
        for window in self._open.values():
            await window.close()
        self._open.clear()
