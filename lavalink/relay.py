"""A client's session whose players live in several processes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from lavalink.clients import SESSION_HEADER
from lavalink.protocol import ApiError
from lavalink.sessions import Session

if TYPE_CHECKING:
    from lavalink.processes import Process

Message = dict[str, Any]
LOST = 1006
OPEN_TIMEOUT = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class Seat:
    """Where a player lives, and what was last said of it: its playerUpdate, and the track that began last."""

    process: Process
    update: Message | None = None
    track: Message | None = None


class RelayedSession(Session):
    """Passes on what the processes say of its players; has a session by the same id with each that has one."""

    def __init__(self, session_id: str, user_id: int) -> None:
        super().__init__(session_id, user_id)
        self.seats: dict[int, Seat] = {}
        self._channels: dict[Process, asyncio.Task[None]] = {}
        self._opening: dict[Process, asyncio.Future[None]] = {}
        self._telling: asyncio.Task[None] | None = None

    @property
    def processes(self) -> list[Process]:
        """Those that have players of this session."""
        return list({seat.process: None for seat in self.seats.values()})

    def place(self, guild_id: int, process: Process) -> Seat:
        """A new player belongs there."""
        seat = self.seats[guild_id] = Seat(process)
        process.players += 1
        return seat

    def displace(self, guild_id: int) -> None:
        """A player is gone."""
        seat = self.seats.pop(guild_id, None)
        if seat is not None:
            seat.process.players -= 1

    async def reach(self, process: Process) -> None:
        """Returns when the process knows this session; raises ApiError 503."""
        if self.closed:
            raise ApiError(404, "Session not found")
        if process not in self._channels:
            self._opening[process] = asyncio.get_running_loop().create_future()
            self._channels[process] = asyncio.create_task(self._follow(process), name=f"relay-{self.id}")
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await asyncio.shield(self._opening[process])
        except (OSError, TimeoutError):
            raise ApiError(503, "A process of this node is starting again") from None

    def attach(self, websocket: Any, *, resumed: bool) -> None:
        """Hands the session to a client; soon after, where each player is (see `Session.attach`)."""
        super().attach(websocket, resumed=resumed)
        if self.seats:
            self._telling = asyncio.create_task(self._tell_where())

    async def _tell_where(self) -> None:
        found = await asyncio.gather(*(process.players_of(self.id) for process in self.processes))
        for player in (player for players in found for player in players):
            self.emit({"op": "playerUpdate", "guildId": player["guildId"], "state": player["state"]})

    async def close(self) -> None:
        """Ends all players, by leaving the processes."""
        self.closed = True
        channels = [*self._channels.values(), *([self._telling] if self._telling else [])]
        for channel in channels:
            channel.cancel()
        await asyncio.gather(*channels, return_exceptions=True)
        for guild_id in list(self.seats):
            self.displace(guild_id)

    async def _follow(self, process: Process) -> None:
        """A process's event stream, until it ends; all players that it had end with it."""
        opening = self._opening[process]
        try:
            await self._listen(process, opening)
        except (aiohttp.ClientError, OSError) as error:
            log.info("process not reached", number=process.number, error=type(error).__name__)
        finally:
            del self._channels[process], self._opening[process]
            if not opening.done():
                opening.set_exception(ConnectionError())
                opening.exception()  # whoever waits is told; nobody need
            if not self.closed:
                self._lose(process)

    async def _listen(self, process: Process, opening: asyncio.Future[None]) -> None:
        headers = {SESSION_HEADER: self.id, "User-Id": str(self.user_id), "Client-Name": "front"}
        async with process.http.ws_connect(f"{process.url}/v4/websocket", headers=headers, max_msg_size=0) as socket:
            async for message in socket:
                self._take(message.json(), opening)

    def _take(self, message: Message, opening: asyncio.Future[None]) -> None:
        if message["op"] == "ready" and not opening.done():
            opening.set_result(None)
        elif "guildId" in message:
            self._note(message)
            self.emit(message)

    def _note(self, message: Message) -> None:
        seat = self.seats.get(int(message["guildId"]))
        if seat is None:
            return
        if message["op"] == "playerUpdate":
            seat.update = message
        elif message["type"] == "TrackStartEvent":
            seat.track = message["track"]
        elif message["type"] == "TrackEndEvent":
            seat.track = None

    def _lose(self, process: Process) -> None:
        """Tells the client which players are no more, in words that it knows."""
        for guild_id, seat in list(self.seats.items()):
            if seat.process is process:
                log.warning("player lost", session=self.id, player=guild_id, process=process.number)
                self.displace(guild_id)
                self._report_lost(str(guild_id), seat)

    def _report_lost(self, guild_id: str, seat: Seat) -> None:
        event = {"op": "event", "guildId": guild_id}
        state = seat.update["state"] if seat.update else None
        if seat.track is not None:
            self.emit({**event, "type": "TrackEndEvent", "track": seat.track, "reason": "cleanup"})
        if state and state["connected"]:
            reason = "The node's process ended"
            closed = {"code": LOST, "reason": reason, "byRemote": False}
            self.emit({**event, "type": "WebSocketClosedEvent", **closed})
        if state:
            self.emit({"op": "playerUpdate", "guildId": guild_id, "state": {**state, "connected": False, "ping": -1}})
