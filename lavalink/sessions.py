"""Clients' sessions: their websocket, their players, and what waits while they are away."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import string
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from lavalink.protocol import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiohttp import web

    from lavalink.player import Player

ID_ALPHABET = string.ascii_lowercase + string.digits
ID_LENGTH = 16
RESUME_TIMEOUT = 60
STATS_INTERVAL = 60.0
GOING_AWAY = 1001
CLOSE_TIMEOUT = 1.0

log = structlog.get_logger()


class Session:
    """One client: it outlives its websocket for `timeout` seconds when `resuming` is on."""

    def __init__(self, session_id: str, user_id: int) -> None:
        self.id = session_id
        self.user_id = user_id
        self.resuming = False
        self.timeout = RESUME_TIMEOUT
        self.players: dict[int, Player] = {}
        self.closed = False
        self.websocket: web.WebSocketResponse | None = None
        self._waiting: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()

    def player(self, guild_id: int) -> Player:
        """The player of a guild; raises ApiError 404."""
        try:
            return self.players[guild_id]
        except KeyError:
            raise ApiError(404, "Player not found") from None

    def emit(self, message: dict[str, Any]) -> None:
        """Sends in order; while the client is away events wait for it and all else is dropped."""
        if self.websocket is None and message["op"] != "event":
            return
        self._waiting.append(message)
        self._wake.set()

    def update_player(self, player: Player) -> None:
        """Sends a playerUpdate."""
        self.emit({"op": "playerUpdate", "guildId": str(player.guild_id), "state": player.state.wire()})

    def attach(self, websocket: web.WebSocketResponse, *, resumed: bool) -> None:
        """Hands the session to a client: `ready` first, then what waited, then where each player is."""
        self.websocket = websocket
        self._waiting.appendleft({"op": "ready", "resumed": resumed, "sessionId": self.id})
        for player in self.players.values():
            self.update_player(player)
        self._wake.set()

    def detach(self) -> None:
        """The client is gone: only events go on waiting."""
        self.websocket = None
        self._waiting = deque(message for message in self._waiting if message["op"] == "event")

    async def serve(self, websocket: web.WebSocketResponse, stats: Callable[[], dict[str, Any]]) -> None:
        """Writes to a prepared websocket until its client leaves."""
        tasks = [asyncio.create_task(self._write(websocket)), asyncio.create_task(self._report(stats))]
        try:
            async for _ in websocket:
                pass  # clients of version 4 have nothing to say here
        finally:
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Ends all players; there will be no more."""
        self.closed = True
        players, self.players = self.players, {}
        for player in players.values():
            await player.close()

    async def _write(self, websocket: web.WebSocketResponse) -> None:
        while self.websocket is websocket:
            while self._waiting and self.websocket is websocket:
                message = self._waiting.popleft()
                try:
                    await websocket.send_json(message)
                except ConnectionError:
                    if self.websocket is websocket:
                        self._waiting.appendleft(message)
                    return
            await self._wake.wait()
            self._wake.clear()

    async def _report(self, stats: Callable[[], dict[str, Any]]) -> None:
        while True:
            self.emit({"op": "stats", **stats()})
            await asyncio.sleep(STATS_INTERVAL)


class Sessions:
    """All sessions: held by a client, or waiting for theirs to come back."""

    def __init__(self, make: Callable[[str, int], Session] = Session) -> None:
        """`make(session_id, user_id)` makes each of them."""
        self._make = make
        self._held: dict[str, Session] = {}
        self._away: dict[str, tuple[Session, asyncio.Task[None]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Session]:
        """Held ones first, then those that wait."""
        yield from self._held.values()
        yield from (session for session, _ in self._away.values())

    @property
    def players(self) -> list[Player]:
        """Those of all sessions."""
        return [player for session in self for player in session.players.values()]

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._held)

    def get(self, session_id: str) -> Session:
        """A held session; raises ApiError 404 for any other, also for one that waits to be resumed."""
        try:
            return self._held[session_id]
        except KeyError:
            raise ApiError(404, "Session not found") from None

    def open(self, websocket: web.WebSocketResponse, user_id: int, session_id: str | None = None) -> Session:
        """A new session, by an id of its own unless one is given."""
        made = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        session = self._make(session_id or made, user_id)
        self._held[session.id] = session
        session.attach(websocket, resumed=False)
        return session

    def resume(self, websocket: web.WebSocketResponse, session_id: str | None) -> Session | None:
        """The session of a returning client, if it may be resumed.

        It need not wait yet: a client may be back before its old, dead connection has been noticed.
        """
        session = self._take(session_id or "")
        if session is not None:
            self._held[session.id] = session
            session.attach(websocket, resumed=True)
        return session

    async def release(self, session: Session, websocket: web.WebSocketResponse) -> None:
        """A client's websocket has ended: its session waits, or ends."""
        if session.websocket is not websocket:
            return  # resumed through another one meanwhile
        session.detach()
        self._held.pop(session.id, None)
        if session.resuming:
            timer = asyncio.create_task(self._expire(session), name=f"expire-{session.id}")
            self._away[session.id] = (session, timer)
            log.info("session waits", session=session.id, seconds=session.timeout)
        else:
            log.info("session ended", session=session.id)
            await session.close()

    async def close(self) -> None:
        """Closes every websocket with 1001 and ends every player."""
        sessions = list(self)
        for _, timer in self._away.values():
            timer.cancel()
        self._held.clear()
        self._away.clear()
        websockets = [session.websocket for session in sessions]
        for session in sessions:
            session.websocket = None
        await asyncio.gather(*map(_hang_up, websockets), *self._closing)
        await asyncio.gather(*(session.close() for session in sessions))

    def _take(self, session_id: str) -> Session | None:
        if session_id in self._away:
            session, timer = self._away.pop(session_id)
            timer.cancel()
            return session
        held = self._held.get(session_id)
        if held is None or not held.resuming:
            return None
        log.info("session taken over", session=session_id)
        task = asyncio.create_task(_hang_up(held.websocket), name=f"taken-over-{session_id}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return held

    async def _expire(self, session: Session) -> None:
        await asyncio.sleep(session.timeout)
        del self._away[session.id]
        log.info("session expired", session=session.id)
        await session.close()


async def _hang_up(websocket: web.WebSocketResponse | None) -> None:
    if websocket is not None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await websocket.close(code=GOING_AWAY)
