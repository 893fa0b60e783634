"""The bus of several processes: one Redis stream that each of them reads to the end."""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import structlog

from core.bus import LocalBus
from core.errors import ChorusError
from core.events import Event
from db.event_wire import decoded, encoded
from db.redis_connection import persist, stay_cancelled

STREAM = "chorus:events"
KEPT = 10_000
"""About how many events the stream holds: what a reader may be behind."""
WAITING = 10_000
"""How many events wait for a Redis that is away before the oldest are dropped."""
TOGETHER = 256
BLOCK = 2_000
"""ms that Redis holds a question for news: less than the connection's patience."""

log = structlog.get_logger()

Id = tuple[int, int]
"""Of a stream's entry: ms by the server's clock, and a number within them."""


class RedisBus:
    """`core.ports.bus.Bus`: own events are delivered here at once, with or without Redis; those of others by `follow`.

    Events are hints, so Redis may lose them all: whoever follows looks again when it is back.
    """

    def __init__(self, url: str, *, stream: str = STREAM) -> None:
        self._url = url
        self._stream = stream
        self._origin = secrets.token_hex(8)
        self._local = LocalBus()
        self._waiting: deque[Event] = deque(maxlen=WAITING)
        self._more = asyncio.Event()

    def publish(self, event: Event) -> None:
        """Queue an event for delivery here and everywhere; to be called on the loop. Never blocks."""
        self._local.publish(event)
        self._waiting.append(event)
        self._more.set()

    def subscribe(self, handler: Callable[[Event], None]) -> Callable[[], None]:
        """Call `handler` with each event of every process; returns a function that unsubscribes."""
        return self._local.subscribe(handler)

    async def follow(self, look_again: Callable[[], Awaitable[object]]) -> None:
        """Carry events to the other processes and theirs to us, until cancelled.

        `look_again` is awaited after Redis was away: events of that time may never come.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(persist(self._url, self._send))
            tasks.create_task(persist(self._url, _Reader(self._stream, self._origin, self._local, look_again).read))

    async def _send(self, redis: Any) -> None:
        """What was not acknowledged is sent again: twice does no harm."""
        while True:
            self._more.clear()
            while batch := list(islice(self._waiting, TOGETHER)):
                async with redis.pipeline(transaction=False) as pipe:
                    for event in batch:
                        fields = {**encoded(event), "origin": self._origin}
                        pipe.xadd(self._stream, fields, maxlen=KEPT, approximate=True)
                    await pipe.execute()
                for _ in batch:
                    self._waiting.popleft()
            stay_cancelled()
            await self._more.wait()


class _Reader:
    """Where a process is in the stream."""

    def __init__(self, stream: str, origin: str, local: LocalBus, look_again: Callable[[], Awaitable[object]]) -> None:
        self._stream = stream
        self._origin = origin
        self._local = local
        self._look_again = look_again
        self._last: Id | None = None

    async def read(self, redis: Any) -> None:
        """Deliver what others publish from now on, or from where we were when the connection broke."""
        await self._resume(redis)
        while True:
            stay_cancelled()
            assert self._last
            answer = await redis.xread({self._stream: _text(self._last)}, count=TOGETHER, block=BLOCK)
            for _, entries in answer or ():
                for key, fields in entries:
                    self._last = _id(key)
                    self._deliver(fields)

    async def _resume(self, redis: Any) -> None:
        """A server that came back empty counts from its own clock again, which may be before where we were."""
        newest = [_id(key) for key, _ in await redis.xrevrange(self._stream, count=1)]
        before, end = self._last, newest[0] if newest else (0, 0)
        self._last = end if before is None else min(before, end)
        if before is not None:
            log.info("redis is back")
            with suppress(ChorusError):  # the database is away too: whoever polls it will notice
                await self._look_again()

    def _deliver(self, fields: Mapping[str, str]) -> None:
        if fields.get("origin") != self._origin and (event := decoded(dict(fields))):
            self._local.publish(event)


def _id(key: str) -> Id:
    time, _, number = key.partition("-")
    return int(time), int(number)


def _text(key: Id) -> str:
    return f"{key[0]}-{key[1]}"
