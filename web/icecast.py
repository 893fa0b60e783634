"""Rooms as mounts of an Icecast server, for audiences beyond one machine: MP3 with titles."""

import asyncio
import base64
import re
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
import structlog
from yarl import URL

from core.enums import Guests, Meter
from core.errors import ChorusError, UsedUpError
from core.ports.places import Places, RoomRef
from core.ports.rooms import Rooms
from core.ports.stream import Audience
from core.ports.usage import Quotas
from core.room import Room
from core.types import LOBBY, RoomId
from web.stream import Streams
from web.wire import Frame

LOOK = 5.0
"""Seconds between two looks at the rooms, their titles and who listens."""
PATIENCE = 10.0
PAUSES = (1.0, 60.0)
"""Seconds before the first attempt after a failure, doubled each time, and at most."""
PROVED = 20.0
"""Seconds after which a mount counts as up, so that its end is the first failure again."""
SEND_BUFFER = 64 * 1024
"""Small, so that the system does not hide for minutes that the server takes nothing."""
_OK = (100, 200)
Owns = Callable[[RoomRef], bool]

log = structlog.get_logger()


class Mount:
    """A source's connection, as a relay's listener."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.ended = False

    @property
    def backlog(self) -> int:
        """Bytes that the server has not taken yet."""
        transport: Any = self._writer.transport
        return transport.get_write_buffer_size()

    @property
    def closed(self) -> bool:
        """Whether the connection has gone."""
        return self.ended or self._writer.transport.is_closing()

    def send(self, data: Frame) -> None:
        """Give it more of the stream."""
        self._writer.write(data.plain)

    def drop(self) -> None:
        """It takes too little."""
        self._writer.transport.abort()
        self.end()

    def end(self) -> None:
        """The stream is over."""
        self.ended = True


class Server:
    """The Icecast server: `http[s]://source:password@host:port`."""

    def __init__(self, url: str) -> None:
        parsed = URL(url)
        self.name = parsed.host or ""
        self._url = parsed.with_user(None)
        credentials = f"{parsed.user or 'source'}:{parsed.password or ''}"
        self._login = "Basic " + base64.b64encode(credentials.encode()).decode()
        self._http: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def mounted(self, path: str, name: str) -> AsyncGenerator[tuple[Mount, asyncio.StreamReader]]:
        """A source at a path. Raises OSError, TimeoutError, EOFError; ConnectionRefusedError if it is not let in."""
        tls = ssl.create_default_context() if self._url.scheme == "https" else None
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(self._url.host, self._url.port, ssl=tls)
            try:
                _limit(writer.get_extra_info("socket"))
                writer.write(self._request(path, name))
                await _let_in(reader)
            except BaseException:
                writer.close()
                raise
        try:
            yield Mount(writer), reader
        finally:
            writer.close()

    def _request(self, path: str, name: str) -> bytes:
        """PUT, without a length: the body is the stream."""
        shown = "".join(mark for mark in name if mark.isprintable())[:100]
        lines = [
            f"PUT {path} HTTP/1.1",
            f"Host: {self._url.host}:{self._url.port}",
            f"Authorization: {self._login}",
            "User-Agent: Chorus",
            "Content-Type: audio/mpeg",
            "Ice-Public: 0",
            f"Ice-Name: {shown}",
            "Ice-Audio-Info: samplerate=48000;channels=2;bitrate=128",
            "Expect: 100-continue",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    async def title(self, path: str, title: str) -> None:
        """Tell what plays there. Raises aiohttp.ClientError, TimeoutError."""
        query = urlencode({"mount": path, "mode": "updinfo", "charset": "UTF-8", "song": title})
        await self._get(f"/admin/metadata?{query}")

    async def listeners(self) -> dict[str, int]:
        """Path → listeners. Raises aiohttp.ClientError, TimeoutError, ValueError."""
        try:
            found: Any = (await self._get("/status-json.xsl"))["icestats"].get("source", [])
            sources = cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])
            return {URL(str(it.get("listenurl", ""))).path: int(it.get("listeners", 0)) for it in sources}
        except (AttributeError, LookupError, TypeError):
            raise ValueError("no status") from None

    async def _get(self, path: str) -> Any:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        url = self._url.join(URL(path, encoded=True))
        async with self._http.get(url, headers={"Authorization": self._login}, raise_for_status=True) as answer:
            return await answer.json() if answer.content_type == "application/json" else None

    async def close(self) -> None:
        """End all connections."""
        if self._http is not None:
            await self._http.close()


def _limit(sock: socket.socket) -> None:
    """Have a server noticed that takes nothing any more, or is gone without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(PATIENCE * 1000))


async def _let_in(reader: asyncio.StreamReader) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise ConnectionRefusedError("this is no Icecast") from None
    answer = re.match(rb"HTTP/1\.[01] (\d{3})\b", head)
    if answer is None:
        raise ConnectionRefusedError("this is no Icecast")
    if int(answer[1]) not in _OK:
        raise ConnectionRefusedError(f"Icecast answered {int(answer[1])}")


class Icecast:
    """Keeps a mount for each room that plays something, is ours to act for, takes guests, and may be heard for longer:
    whoever listens there counts as a listener of the page does.
    """

    def __init__(
        self,
        server: Server,
        streams: Streams,
        *,
        rooms: Rooms,
        places: Places,
        audience: Audience,
        owns: Owns,
        quotas: Quotas,
    ) -> None:
        self._server, self._streams, self._quotas = server, streams, quotas
        self._rooms, self._places, self._audience, self._owns = rooms, places, audience, owns
        self._mounts: dict[RoomId, asyncio.Task[None]] = {}
        self._titles: dict[RoomId, str] = {}
        self._up: set[RoomId] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self._look()
                except (ChorusError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                    log.info("icecast not asked", server=self._server.name, error=type(error).__name__)
                await asyncio.sleep(LOOK)
        finally:
            for task in self._mounts.values():
                task.cancel()
            await asyncio.gather(*self._mounts.values(), return_exceptions=True)
            await self._server.close()

    async def _look(self) -> None:
        wanted = await self._wanted()
        for room in [room for room in self._mounts if room not in wanted]:
            self._mounts.pop(room).cancel()
            self._titles.pop(room, None)
        for room, (ref, state) in wanted.items():
            if room not in self._mounts:
                self._mounts[room] = asyncio.create_task(self._mount(ref, state.name))
        for room in self._up & wanted.keys():
            await self._tell(wanted[room][1])
        heard = await self._server.listeners() if self._up else {}
        for room in self._up & wanted.keys():
            self._audience.passed_on(room, heard.get(path_of(room), 0))

    async def _wanted(self) -> dict[RoomId, tuple[RoomRef, Room]]:
        found: dict[RoomId, tuple[RoomRef, Room]] = {}
        for room in await self._rooms.active():
            ref, state = await self._places.room(room), await self._rooms.read(room)
            open_ = state.current is not None and state.settings.guests is not Guests.OFF
            if ref and self._owns(ref) and open_ and self._has_left(state):
                found[room] = ref, state
        return found

    def _has_left(self, state: Room) -> bool:
        """Whether the room may be heard for longer by its plan."""
        try:
            self._quotas.require(state, Meter.LISTENING)
        except UsedUpError:
            return False
        return True

    async def _tell(self, state: Room) -> None:
        """The title, when it is another one."""
        track = state.current.entry.track if state.current else None
        title = " - ".join(part for part in (track.artist, track.title) if part) if track else ""
        if self._titles.get(state.id) != title:
            try:
                await self._server.title(path_of(state.id), title)
            except (aiohttp.ClientError, TimeoutError) as error:  # the mount may have gone this moment
                log.info("icecast title not told", room=state.id, error=type(error).__name__)
            else:
                self._titles[state.id] = title

    async def _mount(self, ref: RoomRef, name: str) -> None:
        pause, most = PAUSES
        while True:
            began = time.monotonic()
            try:
                async with self._server.mounted(path_of(ref.room), name) as (mount, reader):
                    await self._feed(ref.room, mount, reader)
            except (OSError, TimeoutError, EOFError) as error:
                reason = str(error) if isinstance(error, ConnectionRefusedError) else type(error).__name__
                log.warning("icecast mount failed", room=ref.room, server=self._server.name, reason=reason)
            if time.monotonic() - began > PROVED:
                pause = PAUSES[0]
            await asyncio.sleep(pause)
            pause = min(pause * 2, most)

    async def _feed(self, room: RoomId, mount: Mount, reader: asyncio.StreamReader) -> None:
        """Feed a mount until the server ends it."""
        log.info("icecast mount up", room=room, server=self._server.name)
        self._titles.pop(room, None)
        self._up.add(room)
        try:
            async with self._streams.hearing(room, "mp3", mount):
                while await reader.read(4096):
                    pass
        finally:
            self._up.discard(room)
            self._audience.passed_on(room, 0)


def path_of(room: RoomId) -> str:
    """Where a room is mounted.

    Icecast shows its mounts to whoever asks: only the Lobby, which is meant to be found, is called as its page is.
    """
    name = room if room == LOBBY else blake2b(room.encode(), digest_size=8).hexdigest()
    return f"/{name}.mp3"
