"""A radio station on its way to a node: ahead of the ear by two seconds, and joined again before they have run out.

A station that falls silent is asked a second time beside the first connection; whichever sends something first wins.
Stations begin with their last few seconds: what of them was passed on already is found again and left out.
A stream that does not say that it is a station is taken for one while it comes no faster than it is heard.
"""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncGenerator, Callable

import aiohttp
import structlog

from audio import ogg_titles
from audio.guard import Guard
from audio.icy import ASK, Description, IcyReader, Piece
from audio.ogg_titles import OggReader
from audio.sources import Located
from core.errors import UnplayableError

RESERVE = 2.0
"""Seconds of sound that a node has in advance."""
STALL = 0.8
"""Seconds of silence after which the station is asked again."""
BURST = 0.25
"""Seconds for which the beginning of a new connection is collected."""
PATIENCE = 8.0
"""Seconds of silence after which a station is given up."""
PAUSES = (0.0, 0.25, 0.5, 1.0)
"""Seconds before each further attempt; the last one again and again."""
TAIL = 4_096
"""Bytes that are kept to find the place again where a connection broke off."""
NEEDLE = 1_024
"""Bytes at their beginning that have to be found for it."""
MOST = 1 << 20
"""Bytes that are collected at most."""
HELD = 0.5
"""Seconds after which a node that takes nothing has enough in advance: no station is that far ahead of time."""
LONGEST_LEAD = 10.0
"""Seconds that a station may be ahead of time."""
TITLES = 1.0
"""Seconds between two titles that are told; of those that come faster, the last one."""
UNTOLD = 40_000.0
"""Bytes a second of a station that does not say: too many is on the safe side."""
_AHEAD = 16

OnTitle = Callable[[str, float], None]
"""Told a title and where it begins, in seconds of the sound that is passed on."""

log = structlog.get_logger()


class Connection:
    """One connection to a station, read a little ahead; `close` ends it."""

    def __init__(self, response: aiohttp.ClientResponse, head: bytes, stack: contextlib.AsyncExitStack) -> None:
        """`head` are bytes read already; `stack` holds what `close` has to give back."""
        self.about = Description.read(response.headers)
        self.whole = False
        """Whether it came to an end, as opposed to having been cut."""
        ogg = response.content_type.lower() in ogg_titles.TYPES
        self._reader = OggReader() if ogg else IcyReader(self.about.interval if self.about else 0)
        self._response = response
        self._stack = stack
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue(_AHEAD)
        self._task = asyncio.create_task(self._pump(head))

    async def read(self) -> Piece | None:
        """What comes next; None at the end, however often one asks."""
        piece = await self._pieces.get()
        if piece is None:
            self._pieces.put_nowait(None)
        return piece

    async def gather(self, seconds: float, enough: float = MOST) -> list[Piece]:
        """What comes within some seconds of the first bytes, until there are `enough` of them."""
        first = await self.read()
        if first is None:
            return []
        pieces, size = [first], len(first.sound)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while size < min(enough, MOST) and (piece := await self.read()):
                    pieces.append(piece)
                    size += len(piece.sound)
        return pieces

    async def close(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._response.close()
        await self._stack.aclose()

    async def _pump(self, head: bytes) -> None:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while head:
                for piece in self._reader.feed(head):
                    await self._pieces.put(piece)
                head = await self._response.content.readany()
            self.whole = True
        await self._pieces.put(None)


class Radio:
    """One station, for one node. `sound` is to be read to the end or closed.

    If it is not `endless`, it may be a file of unknown length: its end is the end, and it is not entered anew when it
    comes faster than it is heard.
    """

    def __init__(self, guard: Guard, located: Located, on_title: OnTitle, *, endless: bool = True) -> None:
        self._guard = guard
        self._located = located
        self._on_title = on_title
        self._endless = endless
        self._held = False  # whether the node ever had so much that it took no more
        self._connection: Connection
        self._title = ""  # not told yet
        self._titled = -TITLES
        self._tail = b""
        self._skip = 0  # bytes to come that were passed on already
        self._rate = 0.0
        self._sent = 0
        self._since = 0.0

    async def sound(self, response: aiohttp.ClientResponse, head: bytes) -> AsyncGenerator[bytes]:
        """The sound without the titles, from a response on whose first bytes are `head`.

        Raises:
            UnplayableError: the station is silent, or gone, for longer than PATIENCE.
        """
        self._connection = Connection(response, head, contextlib.AsyncExitStack())
        about = self._connection.about
        self._rate = about.rate if about else 0.0
        try:
            sound = self._told(await self._reserve(self._connection))
            self._since = time.monotonic()
            while sound or not self._over:
                passed = time.monotonic()
                yield self._noted(sound)
                self._held |= time.monotonic() - passed > HELD
                sound = await self._go_on()
        finally:
            await self._connection.close()

    async def _go_on(self) -> bytes:
        """The sound that follows; nothing when that was all."""
        live = self._endless or not self._held
        sound = await self._next(STALL if live else PATIENCE)
        if sound or self._over:
            return sound
        if not live:
            raise UnplayableError("timeout")
        return await self._rejoined()

    @property
    def _over(self) -> bool:
        return self._connection.whole and not self._endless

    async def _reserve(self, connection: Connection) -> list[Piece]:
        """Enough to play on for a while: stations send it at once, or as fast as it is heard."""
        return await connection.gather(RESERVE, RESERVE * (self._rate or UNTOLD))

    def _noted(self, sound: bytes) -> bytes:
        self._sent += len(sound)
        self._tail = (self._tail + sound)[-TAIL:]
        return sound

    def _told(self, pieces: list[Piece]) -> bytes:
        """The sound of some pieces, after their latest title was told."""
        self._title = next((piece.title for piece in reversed(pieces) if piece.title), self._title)
        if self._title and time.monotonic() >= self._titled + TITLES:
            self._on_title(self._title, self._place)
            self._title, self._titled = "", time.monotonic()
        sound = b"".join(piece.sound for piece in pieces)
        skipped, self._skip = sound[: self._skip], max(0, self._skip - len(sound))
        return sound[len(skipped) :]

    @property
    def _place(self) -> float:
        """Seconds of sound that were passed on, by the time that went by: not all stations' rates can be believed."""
        if not self._since:
            return 0.0
        ran = time.monotonic() - self._since
        lead = self._sent / self._rate - ran if self._rate else RESERVE
        return ran + max(0.0, min(lead, LONGEST_LEAD))

    async def _next(self, within: float) -> bytes:
        """The next sound; nothing when the connection ended or is silent."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while (piece := await self._connection.read()) is not None:
                    if sound := self._told([piece]):
                        return sound
        return b""

    async def _rejoined(self) -> bytes:
        """The first sound after a silence."""
        began, reason = time.monotonic(), "timeout"
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            try:
                if sound := await self._race(pause, began):
                    log.info("radio.rejoined", silent=round(time.monotonic() - began + STALL, 2))
                    return sound
            except UnplayableError as error:
                reason = error.reason
            if time.monotonic() > began + PATIENCE:
                break
        raise UnplayableError(reason)

    async def _race(self, pause: float, began: float) -> bytes:
        """Sound of the connection that fell silent or of a new one, whichever has some first. UnplayableError."""
        revival = asyncio.create_task(self._connection.read())
        rival = asyncio.create_task(self._rival(pause, began))
        try:
            async with asyncio.timeout(began + PATIENCE - time.monotonic()):
                await asyncio.wait({revival, rival}, return_when=asyncio.FIRST_COMPLETED)
                if not rival.done() and (piece := revival.result()):
                    return self._told([piece])
                connection, pieces = await rival
        except TimeoutError:
            raise UnplayableError("timeout") from None
        finally:
            revival.cancel()
            rival.cancel()
            await asyncio.gather(revival, rival, return_exceptions=True)
        former, self._connection, self._skip = self._connection, connection, 0
        await former.close()
        return self._beyond(self._told(pieces))

    async def _rival(self, pause: float, began: float) -> tuple[Connection, list[Piece]]:
        """A new connection and its first sound. UnplayableError."""
        await asyncio.sleep(pause)
        async with contextlib.AsyncExitStack() as stack:
            headers = {**self._located.headers, **ASK}
            response = await stack.enter_async_context(self._guard.open(self._located.url, headers=headers))
            connection = Connection(response, await response.content.readany(), stack.pop_all())
        try:
            spent = time.monotonic() - began + STALL > RESERVE  # then it is silent anyway: start over with a reserve
            return connection, await (self._reserve(connection) if spent else connection.gather(BURST))
        except asyncio.CancelledError:
            await connection.close()
            raise

    def _beyond(self, sound: bytes) -> bytes:
        """What of a new connection's beginning was not passed on yet."""
        place = sound.find(self._tail[:NEEDLE]) if len(self._tail) == TAIL else -1
        if place < 0:
            return sound
        self._skip = max(0, place + TAIL - len(sound))
        return sound[place + TAIL :]


def is_broadcast(response: aiohttp.ClientResponse) -> bool:
    """Whether it looks like a station's answer without saying so: sound without length or parts, not to be kept."""
    headers = response.headers
    kept = not {"no-cache", "no-store"} & set(re.split(r"[,\s]+", headers.get("Cache-Control", "").lower()))
    parts = "Content-Length" in headers or headers.get("Accept-Ranges", "none").lower() != "none"
    sound = response.content_type.startswith("audio/") or response.content_type in ogg_titles.TYPES
    return response.status == 200 and sound and not parts and not kept  # noqa: PLR2004
