"""A small Icecast: takes sources by PUT, gives their sound to listeners, shows titles and counts."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class FakeIcecast:
    """Strict where the real one is: the password, the method, the type, a mount that is there."""

    password: str
    port: int = 0
    sound: dict[str, bytearray] = field(default_factory=dict[str, bytearray])
    """Of the sources that are connected."""
    past: list[bytes] = field(default_factory=list[bytes])
    titles: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    listeners: int = 0
    status: str | None = None
    """What it answers in place of who listens."""
    refused: int = 0
    stalled: asyncio.Event | None = None
    """While it is not set sources are let in, and nothing of theirs is read."""
    requests: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    def cut(self) -> None:
        """End every source."""
        for writer in self.writers:
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            self.requests.append(headers)
            if method == "PUT":
                await self._source(target, headers, reader, writer)
            else:
                self._answer(target, headers, writer)
            await writer.drain()
        writer.close()

    def _right(self, headers: dict[str, str]) -> bool:
        wanted = base64.b64encode(f"source:{self.password}".encode()).decode()
        return headers.get("authorization") == f"Basic {wanted}"

    async def _source(
        self, mount: str, headers: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not self._right(headers) or headers.get("content-type") != "audio/mpeg" or mount in self.sound:
            self.refused += 1
            writer.write(b"HTTP/1.1 401 Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.sound[mount] = bytearray()
        self.writers.append(writer)
        try:
            if self.stalled is not None:
                await self.stalled.wait()
            while data := await reader.read(65_536):
                self.sound[mount] += data
        finally:
            self.writers.remove(writer)
            self.past.append(bytes(self.sound.pop(mount)))

    def _answer(self, target: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        body, status, kind = b"", "200 OK", "text/xml"
        if path == "/status-json.xsl":
            url = f"http://127.0.0.1:{self.port}"
            source = ", ".join(f'{{"listenurl": "{url}{it}", "listeners": {self.listeners}}}' for it in self.sound)
            listed = source if len(self.sound) == 1 else f"[{source}]"  # as the real one does
            body, kind = f'{{"icestats": {{"source": {listed}}}}}'.encode(), "application/json"
            body = body if self.status is None else self.status.encode()
        elif path == "/admin/metadata" and self._right(headers) and query["mount"][0] in self.sound:
            self.titles.append((query["mount"][0], query["song"][0]))
        else:
            status = "400 Bad Request"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)


@asynccontextmanager
async def icecast(password: str = "hackme", port: int = 0) -> AsyncGenerator[FakeIcecast]:
    fake = FakeIcecast(password)
    server = await asyncio.start_server(fake.handle, "127.0.0.1", port)
    fake.port = server.sockets[0].getsockname()[1]
    yield fake
    server.close()
    fake.cut()
    await server.wait_closed()
