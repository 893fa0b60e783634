"""A gateway session and the websocket that carries it."""

import asyncio
import json
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING

from tests.simulators.discord.errors import CloseError
from tests.simulators.discord.ids import secret

if TYPE_CHECKING:
    from aiohttp import web

    from tests.simulators.discord.bodies import Json
    from tests.simulators.discord.guilds import Guild

DISPATCH = 0
SENDS_PER_MINUTE = 120
KEPT_EVENTS = 2000


class GatewaySession:
    """A session, with or without a connection at the moment; it keeps its events for a resume."""

    def __init__(self, intents: int, shard: tuple[int, int]) -> None:
        self.id = secret()
        self.intents = intents
        self.shard = shard
        self.sequence = 0
        self.connection: Connection | None = None
        self.end_timer: asyncio.TimerHandle | None = None
        self._log: deque[tuple[int, str]] = deque(maxlen=KEPT_EVENTS)

    def sees(self, guild: "Guild") -> bool:
        return (guild.id >> 22) % self.shard[1] == self.shard[0]

    def dispatch(self, event: str, data: "Json") -> None:
        """Send an event, or keep it until the client resumes."""
        self.sequence += 1
        text = json.dumps({"op": DISPATCH, "t": event, "s": self.sequence, "d": data})
        self._log.append((self.sequence, text))
        if self.connection:
            self.connection.send_text(text)

    def missed(self, sequence: int) -> list[str] | None:
        """The events after that one; None when not all of them are kept any more."""
        missed = [text for number, text in self._log if number > sequence]
        return missed if len(missed) == self.sequence - sequence else None


class Connection:
    """One websocket: writes in order, from a queue."""

    def __init__(self, ws: "web.WebSocketResponse", *, compressed: bool) -> None:
        self.ws = ws
        self.session: GatewaySession | None = None
        self._received: deque[float] = deque(maxlen=SENDS_PER_MINUTE)
        self.heartbeats = 0
        self.closed_here = False
        self._compressor = zlib.compressobj() if compressed else None
        self._queue: asyncio.Queue[str | CloseError] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def send(self, payload: "Json") -> None:
        self.send_text(json.dumps(payload))

    def send_text(self, text: str) -> None:
        self._queue.put_nowait(text)

    def count(self) -> None:
        """Count a message of the client. Raises CloseError when there are too many."""
        now = time.monotonic()
        if len(self._received) == SENDS_PER_MINUTE and now - self._received[0] < 60:
            raise CloseError(4008, "Rate limited", mistake=True)
        self._received.append(now)

    def close(self, code: int, reason: str = "") -> None:
        """Close after what was sent before."""
        self._queue.put_nowait(CloseError(code, reason))

    def abort(self) -> None:
        """Cut the TCP connection."""
        transport = self.ws._req.transport if self.ws._req else None
        if transport:
            transport.abort()

    async def flushed(self) -> None:
        """Wait until what was sent so far is written, or cannot be."""
        join = asyncio.ensure_future(self._queue.join())
        await asyncio.wait([join, self._writer], return_when=asyncio.FIRST_COMPLETED)
        join.cancel()

    def stop(self) -> None:
        self._writer.cancel()

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            try:
                await self._put(item)
            except (ConnectionError, RuntimeError):
                pass  # the client has gone; a resume brings it again
            finally:
                self._queue.task_done()

    async def _put(self, item: str | CloseError) -> None:
        if isinstance(item, CloseError):
            self.closed_here = True
            await self.ws.close(code=item.code, message=item.reason.encode())
            return
        if self._compressor is None:
            await self.ws.send_str(item)
        else:
            data = self._compressor.compress(item.encode()) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
            await self.ws.send_bytes(data)
