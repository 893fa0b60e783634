"""Repairs of Wavelink 3.5.2, made before its first node connects.

Its reader ends for good, with the node still called connected, on a close frame (every graceful restart of a node), on
a lost heartbeat and on an event it cannot read; its requests lose the server's message; its retries slow down to
minutes. The subclasses here mend that and are the only place that touches its private parts.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import structlog
import wavelink
from wavelink.enums import DiscordVoiceCloseType
from wavelink.websocket import Websocket

CLOSE_TIMEOUT = 1.0
RETRY_DELAYS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


class NodeRequestError(Exception):
    """A node refused a request. `status` is the HTTP status, `message` what the node said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


def install() -> None:
    """Let voice close codes that Wavelink does not list (1001, 1006, 4000, 4900) be read, and quiet its loggers.

    Its loggers print what nodes say, which may hold addresses of media.
    """
    DiscordVoiceCloseType._missing_ = classmethod(_unlisted)  # type: ignore[method-assign]
    logging.getLogger("TrackException").setLevel(logging.CRITICAL)
    logging.getLogger("wavelink").setLevel(logging.ERROR)


def _unlisted(cls: type[DiscordVoiceCloseType], value: object) -> DiscordVoiceCloseType:
    member = object.__new__(cls)
    member._name_, member._value_ = f"CODE_{value}", cast("int", value)
    return member


def delays() -> Iterator[float]:
    """Seconds between attempts: quick first, then every five."""
    yield from RETRY_DELAYS
    while True:
        yield RETRY_DELAYS[-1]


class GuardedWebsocket(Websocket):
    """A websocket whose reader, however it ends, is followed by another connection."""

    node: "GuardedNode"

    async def connect(self) -> None:
        """Connect, trying until it is left; says once that the node is lost if it was connected.

        Wavelink calls this in a task that nobody knows, so it may still run when the node was left long ago.
        """
        if self.node.left(self):
            return
        self.node.lose(self)
        if self.keep_alive_task is not None and self.keep_alive_task is not asyncio.current_task():
            self.keep_alive_task.cancel()
        for delay in delays():
            if await self._open():
                break
            await asyncio.sleep(delay)
            if self.node.left(self):
                return
        self.keep_alive_task = asyncio.create_task(self.keep_alive())

    async def _open(self) -> bool:
        try:
            self.socket = await self.node.open_socket(self.headers)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.node.trouble = _reason(error)
            return False
        self.node.trouble = ""
        return True

    async def keep_alive(self) -> None:
        """Read until the connection ends, then connect again: closing first, or the node would not resume us."""
        try:
            await super().keep_alive()
        except Exception as error:  # noqa: BLE001 - whatever killed the reader, another one takes over
            log.info("node reader ended", node=self.node.identifier, error=type(error).__name__)
            await self._close_socket()
            self.node.reconnect(self)

    async def _close_socket(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self.socket.close()

    async def shut(self) -> None:
        """End reading and the connection, leaving the session to be resumed."""
        if self.keep_alive_task is not None:
            self.keep_alive_task.cancel()
        await self._close_socket()


class GuardedNode(wavelink.Node):
    """A node that reconnects by itself, is resumable by another process and keeps what servers say in errors."""

    trouble = ""
    """Why the last attempt to connect failed."""

    def start(self, session_id: str | None) -> None:
        """Connect in the background, resuming a session if its id is known."""
        self._session_id = session_id
        self._tasks: set[asyncio.Task[None]] = set()
        self._waits: set[asyncio.Timeout] = set()
        self._guarded = GuardedWebsocket(node=self)
        self._websocket = self._guarded
        self.reconnect(self._guarded)

    def reconnect(self, websocket: GuardedWebsocket) -> None:
        """Connect again, unless closed meanwhile."""
        if not self.left(websocket):
            task = asyncio.create_task(websocket.connect(), name=f"connect-{self.identifier}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def left(self, websocket: GuardedWebsocket) -> bool:
        """Whether this connection is wanted no more."""
        return self._websocket is not websocket

    def lose(self, websocket: GuardedWebsocket) -> None:
        """Say that the connection is lost, if there was one."""
        was_connected = self._status is wavelink.NodeStatus.CONNECTED
        self._status = wavelink.NodeStatus.CONNECTING
        if was_connected:
            websocket.dispatch("node_disconnected", wavelink.NodeDisconnectedEventPayload(node=self))

    async def open_socket(self, headers: dict[str, str]) -> aiohttp.ClientWebSocketResponse:
        """The event stream; raises what aiohttp raises."""
        return await self._session.ws_connect(f"{self.uri}/v4/websocket", heartbeat=self.heartbeat, headers=headers)

    @asynccontextmanager
    async def connected(self, session_id: str) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """Another session's event stream for a moment; raises what aiohttp raises."""
        async with await self.open_socket({**self._guarded.headers, "Session-Id": session_id}) as socket:
            yield socket

    async def shut(self) -> None:
        """End the connection without a word to any player: the session stays resumable."""
        self._websocket = None
        self._status = wavelink.NodeStatus.DISCONNECTED
        for task in self._tasks:
            task.cancel()
        await self._guarded.shut()
        await self._session.close()

    def seat(self, player_id: int, seat: "Seat") -> None:
        """Have events of this player carry `seat`, so that they can be told apart."""
        self._players[player_id] = cast("wavelink.Player", cast("object", seat))

    def unseat(self, player_id: int) -> None:
        """Forget a player."""
        self._players.pop(player_id, None)

    async def request(self, method: str, path: str, body: Any = None, *, within: float = 10.0) -> Any:
        """Parsed JSON (text or None where there is none) of a request to `path` (`/…`), `within` seconds.

        Raises:
            NodeRequestError: the node refused.
            aiohttp.ClientError, TimeoutError: it could not be asked, or did not answer in time, or was given up.
        """
        self._check_open()
        async with asyncio.timeout(None) as wait:
            self._waits.add(wait)
            try:
                return await self._ask(method, path, body, within)
            finally:
                self._waits.discard(wait)

    async def _ask(self, method: str, path: str, body: Any, within: float) -> Any:
        limit = aiohttp.ClientTimeout(total=within, sock_connect=3)
        async with self._session.request(
            method, self.uri + path, json=body, headers=self.headers, timeout=limit
        ) as answer:
            if answer.status >= 300:  # noqa: PLR2004
                raise NodeRequestError(answer.status, await _message(answer))
            if answer.status == 204:  # noqa: PLR2004
                return None
            return await (answer.json() if answer.content_type == "application/json" else answer.text())

    def give_up(self) -> None:
        """It is down: whoever waits for an answer need not wait until their time is over."""
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(now)

    def _check_open(self) -> None:
        """A node that was left cannot be asked, like any other that is gone."""
        if self._session.closed:
            raise aiohttp.ClientConnectionError("the node was left")

    async def open_stream(self, path: str) -> aiohttp.ClientResponse:
        """An endless answer; raises as `request` does. The caller closes it."""
        limit = aiohttp.ClientTimeout(total=None, sock_connect=3)
        self._check_open()
        answer = await self._session.get(self.uri + path, headers=self.headers, timeout=limit)
        if answer.status != 200:  # noqa: PLR2004
            message = await _message(answer)
            answer.close()
            raise NodeRequestError(answer.status, message)
        return answer


class Seat:
    """Stands in Wavelink's table of players, so that events name the player: Wavelink drops the id of others."""

    def __init__(self, player_id: int) -> None:
        self.player_id = player_id
        self._original = self._previous = self._current = None  # Wavelink's payloads show them

    async def _ignore(self, *_: object) -> None:
        """Nothing: what plays is decided elsewhere."""

    _update_event = _track_start = _auto_play_event = _disconnected_wait = _ignore
    disconnect = _ignore


async def _message(answer: aiohttp.ClientResponse) -> str:
    try:
        return str((await answer.json())["message"])
    except (aiohttp.ClientError, ValueError, KeyError, TypeError):
        return answer.reason or ""


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return "wrong password" if error.status in {401, 403} else f"answered {error.status}"
    return "unreachable"
