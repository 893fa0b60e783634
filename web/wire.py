"""One endless answer each, written by whoever has news instead of by a task per listener."""

import asyncio
from typing import NamedTuple

from aiohttp import HttpVersion11, web


class Frame(NamedTuple):
    """Bytes for many listeners, framed once: as they are, and as a chunk of HTTP/1.1 (RFC 9112 §7.1)."""

    plain: bytes
    chunk: bytes


def frame(data: bytes) -> Frame:
    """Frame bytes for any listener; empty ones would end the answer, so there have to be some."""
    return Frame(data, b"%x\r\n%b\r\n" % (len(data), data))


class Wire:
    """A listener's endless answer. Writing never waits: look at `backlog`, drop who cannot keep up."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request, self.response = request, response
        self._chunked = request.version >= HttpVersion11
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, request: web.Request, response: web.StreamResponse) -> "Wire":
        """Send the response's headers; the body is the wire's from now on."""
        response.force_close()
        await response.prepare(request)
        return cls(request, response)

    @property
    def _transport(self) -> asyncio.Transport | None:
        return self._request.transport

    @property
    def closed(self) -> bool:
        """Whether the other side has gone."""
        transport = self._transport
        return transport is None or transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes written and not yet taken by the network."""
        transport = self._transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def send(self, data: Frame) -> None:
        """Write to a listener that is still there."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(data.chunk if self._chunked else data.plain)

    def drop(self) -> None:
        """Cut a listener off at once, what is unsent included."""
        if self._transport is not None:
            self._transport.abort()
        self.end()

    def end(self) -> None:
        """Let the handler return: the answer ends as it should."""
        if not self._done.done():
            self._done.set_result(None)

    async def finished(self, *, within: float | None = None) -> bool:
        """Wait until the answer is over, some seconds at most; whether it is."""
        await asyncio.wait([self._done], timeout=within)
        return self._done.done()
