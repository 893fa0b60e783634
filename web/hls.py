"""HLS (RFC 8216) of rooms: segments that a CDN can keep, for more people than one machine can serve."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

from core.ports.places import RoomRef
from core.types import RoomId
from web import fmp4
from web.metrics import STREAMS
from web.presence import Guest, Presences
from web.stream import Streams
from web.turnstile import Turnstile
from web.wire import Frame

FRAMES = 240
"""Of one segment: 5.12 s."""
SECONDS = FRAMES * fmp4.SAMPLES / fmp4.RATE
TARGET = 6
LISTED = 6
KEPT = 12
"""Segments that can still be asked for: some players are late."""
FIRST_WAIT = 10.0
"""Seconds until the first segment is there."""
STAY = 20.0
"""Seconds after a look at the list in which somebody still listens."""
PLAYLIST = "application/vnd.apple.mpegurl"
_ANYWHERE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Pages elsewhere may play it, by script or by an element alone."""
_LIST_HEADERS = {"Cache-Control": "public, max-age=1", **_ANYWHERE}
_HEADERS = {"Cache-Control": "public, max-age=3600, immutable", **_ANYWHERE}


class Segment(NamedTuple):
    """A piece of the stream."""

    number: int
    data: bytes


class Segmenter:
    """Hears an AAC relay and cuts what comes into segments.

    They are numbered by the time of day, so that whoever listened to an earlier run, before a restart even, finds
    numbers and times that go on: players take a list whose numbers fall back for an old one, and wait.
    """

    backlog = 0

    def __init__(self) -> None:
        self._begun = int(time.time() / SECONDS)
        self.run = secrets.token_urlsafe(6)
        """Names of segments begin with it, so that none of an earlier run is taken for one of this."""
        self.closed = False
        self.first = asyncio.Event()
        self.segments: deque[Segment] = deque(maxlen=KEPT)
        self._frames: list[bytes] = []
        self._count = 0

    def send(self, data: Frame) -> None:
        """Take in more of the stream."""
        self._frames += fmp4.split(data.plain)
        while len(self._frames) >= FRAMES:
            frames, self._frames = self._frames[:FRAMES], self._frames[FRAMES:]
            number = self._begun + self._count
            self.segments.append(Segment(number, fmp4.segment(number, number * FRAMES, frames)))
            self._count += 1
            self.first.set()

    def drop(self) -> None:
        """It never lags."""

    def end(self) -> None:
        """The relay ends."""
        self.closed = True

    def playlist(self) -> str:
        """The last half minute."""
        listed = list(self.segments)[-LISTED:]
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{TARGET}",
            f"#EXT-X-MEDIA-SEQUENCE:{listed[0].number}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self._begun}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            f'#EXT-X-MAP:URI="live/{self.run}-init.mp4"',
        ]
        for one in listed:
            lines += [f"#EXTINF:{SECONDS:.5f},", f"live/{self.run}-{one.number}.m4s"]
        return "\n".join([*lines, ""])

    def find(self, name: str) -> bytes | None:
        """What lies under a name of the list."""
        if name == f"{self.run}-init.mp4":
            return fmp4.initialisation()
        return next((one.data for one in self.segments if name == f"{self.run}-{one.number}.m4s"), None)


class Hls:
    """A segmenter for each room whose list somebody has looked at lately."""

    def __init__(self, streams: Streams, presences: Presences, turnstile: Turnstile) -> None:
        self._streams, self._presences, self._turnstile = streams, presences, turnstile
        self._rooms: dict[RoomId, Segmenter] = {}
        self._seen: dict[tuple[RoomId, str], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def playlist(self, ref: RoomRef, guest: Guest, places: Callable[[], Awaitable[int]]) -> web.Response:
        """The list, once there is something in it; who looks at it listens. Raises StreamFullError.

        `places` is asked for newcomers alone: who listens goes on.
        """
        await self._note(ref, guest, places)
        segmenter = self._rooms.get(ref.room)
        if segmenter is None or segmenter.closed:
            segmenter = self._rooms[ref.room] = Segmenter()
            self._start(self._cut(ref.room, segmenter))
        try:
            async with asyncio.timeout(FIRST_WAIT):
                await segmenter.first.wait()
        except TimeoutError:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"}) from None
        return web.Response(text=segmenter.playlist(), content_type=PLAYLIST, headers=_LIST_HEADERS)

    def segment(self, room: RoomId, name: str) -> web.Response:
        """A piece that the list names."""
        data = self._rooms[room].find(name) if room in self._rooms else None
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type="audio/mp4", headers=_HEADERS)

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _note(self, ref: RoomRef, guest: Guest, places: Callable[[], Awaitable[int]]) -> None:
        key = ref.room, guest.person
        known = key in self._seen
        self._seen[key] = asyncio.get_running_loop().time()
        if known:
            return
        async with AsyncExitStack() as stack:
            stack.callback(self._seen.pop, key)
            await stack.enter_async_context(self._turnstile.inside(ref.room, await places()))
            self._start(self._listen(ref, guest, stack.pop_all()))

    async def _listen(self, ref: RoomRef, guest: Guest, inside: AsyncExitStack) -> None:
        """Somebody is there until they have not looked for a while."""
        async with inside, self._presences.listening(ref, guest):
            with STREAMS.track_inprogress():
                while (left := self._left((ref.room, guest.person))) > 0:  # noqa: ASYNC110 - each look moves the end
                    await asyncio.sleep(left)

    def _left(self, key: tuple[RoomId, str]) -> float:
        return self._seen[key] + STAY - asyncio.get_running_loop().time()

    async def _cut(self, room: RoomId, segmenter: Segmenter) -> None:
        """Cut while anybody looks."""
        async with self._heard(room, segmenter):
            while not segmenter.closed and any(where == room for where, _ in self._seen):  # noqa: ASYNC110
                await asyncio.sleep(1)

    @asynccontextmanager
    async def _heard(self, room: RoomId, segmenter: Segmenter) -> AsyncGenerator[None]:
        try:
            async with self._streams.hearing(room, "aac", segmenter):
                yield
        finally:
            segmenter.closed = True
            if self._rooms.get(room) is segmenter:
                del self._rooms[room]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
