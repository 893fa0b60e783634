"""The smallest client of Lavalink's v4 protocol, so that tests see exactly what goes over the wire."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

Json = dict[str, Any]


@dataclass(frozen=True)
class NodeAddress:
    """Where a node under test listens; `chorus`: whether it has our extension."""

    url: str
    password: str
    chorus: bool
    pid: int | None = None


def java_lavalink() -> NodeAddress | None:
    """The one that LAVALINK_URL names, if it does, with LAVALINK_PASSWORD."""
    url, password = os.environ.get("LAVALINK_URL"), os.environ.get("LAVALINK_PASSWORD", "youshallnotpass")
    return NodeAddress(url, password, chorus=False) if url else None


@dataclass
class Answer:
    """A REST answer: `json` is None when the body is empty."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text) if self.text else None


@dataclass
class NodeClient:
    """One client with one session; collects what the websocket says in `messages`."""

    address: NodeAddress
    user_id: int = 42
    messages: list[Json] = field(default_factory=list[Json])
    session_id: str = ""
    resumed_header: str | None = None
    close_code: int | None = None

    async def __aenter__(self) -> Self:
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self._came = asyncio.Condition()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()
        await self.http.close()

    async def connect(self, session_id: str | None = None) -> Self:
        """Opens the websocket and waits for `ready`."""
        headers = {
            "Authorization": self.address.password,
            "User-Id": str(self.user_id),
            "Client-Name": "contract/1",
        }
        if session_id:
            headers["Session-Id"] = session_id
        self.messages.clear()
        self.socket = await self.http.ws_connect(f"{self.address.url}/v4/websocket", headers=headers)
        self.resumed_header = self.socket._response.headers.get("Session-Resumed")
        self._reader = asyncio.create_task(self._read(self.socket))
        ready = await self.message(op="ready")
        self.session_id = ready["sessionId"]
        return self

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            async with self._came:
                self.messages.append(message.json())
                self._came.notify_all()
        async with self._came:
            self.close_code = socket.close_code
            self._came.notify_all()

    async def hang_up(self) -> None:
        """Closes the websocket politely."""
        if self.socket is not None:
            await self.socket.close()
            await self._reader
            self.socket = None

    def abort(self) -> None:
        """Cuts the connection as a killed process does."""
        connection = self.socket._response.connection if self.socket else None
        if connection is not None and connection.transport is not None:
            connection.transport.abort()

    async def closed(self, within: float = 5) -> int | None:
        """Waits until the node closes the websocket; its code."""
        await asyncio.wait_for(asyncio.shield(self._reader), within)
        return self.close_code

    async def message(self, *, within: float = 10, after: int = 0, **keys: Any) -> Json:
        """The first message with these keys, waited for; `after` passes over that many messages."""

        def found() -> Json | None:
            return next((m for m in self.messages[after:] if keys.items() <= m.items()), None)

        async with self._came:
            try:
                await asyncio.wait_for(self._came.wait_for(lambda: found() is not None), within)
            except TimeoutError:
                raise AssertionError(f"no {keys} within {within} s; came: {self.messages}") from None
            return found() or {}

    async def event(self, kind: str, *, within: float = 10, after: int = 0, **keys: Any) -> Json:
        """The first event of a type, waited for."""
        return await self.message(op="event", type=kind, within=within, after=after, **keys)

    def events(self) -> list[str]:
        """The types of the events so far, in order."""
        return [m["type"] for m in self.messages if m["op"] == "event"]

    async def rest(self, method: str, path: str, *, password: str | None = "", **options: Any) -> Answer:
        """A request; `password=None` sends none, "" the right one."""
        headers: dict[str, str] = options.pop("headers", {})
        if password is not None:
            headers = {"Authorization": password or self.address.password, **headers}
        timeout = aiohttp.ClientTimeout(total=options.pop("timeout", 20))
        url = f"{self.address.url}{path}"
        async with self.http.request(method, url, headers=headers, timeout=timeout, **options) as response:
            return Answer(response.status, dict(response.headers), await response.text())

    @property
    def session_path(self) -> str:
        return f"/v4/sessions/{self.session_id}"

    def player_path(self, guild_id: int) -> str:
        return f"{self.session_path}/players/{guild_id}"

    async def patch(self, guild_id: int, body: Json, **options: Any) -> Answer:
        """PATCHes a player."""
        return await self.rest("PATCH", self.player_path(guild_id), json=body, **options)

    async def player(self, guild_id: int) -> Json:
        """The player, which must exist."""
        answer = await self.rest("GET", self.player_path(guild_id))
        assert answer.status == 200, answer
        return answer.json

    async def load(self, identifier: str, **options: Any) -> Json:
        """What an identifier stands for."""
        answer = await self.rest("GET", "/v4/loadtracks", params={"identifier": identifier}, **options)
        assert answer.status == 200, answer
        return answer.json

    async def read_tap(self, guild_id: int, tap: str, packets: int, *, within: float = 15) -> list[bytes]:
        """That many packets of a tap, from now on."""
        url = f"{self.address.url}{self.player_path(guild_id)}/taps/{tap}"
        async with (
            asyncio.timeout(within),
            self.http.get(url, headers={"Authorization": self.address.password}) as response,
        ):
            assert response.status == 200, await response.text()
            return [await _packet(response.content) for _ in range(packets)]


async def _packet(stream: aiohttp.StreamReader) -> bytes:
    size = int.from_bytes(await stream.readexactly(2), "big")
    return await stream.readexactly(size)
