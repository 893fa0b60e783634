"""All rooms' players: found again at the start, woken by events, moved when a node goes away."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context
from typing import Any

import discord
import structlog

from audio.loudness import Levels
from audio.nodes import Nodes
from audio.parts import Parts
from audio.player import RoomPlayer
from audio.push_book import PushBook
from audio.push_guard import PushGuard
from audio.pushes import LIVE
from audio.switchboard import Switchboard
from core.errors import ChorusError
from core.events import Event, PlayerChanged, PushesChanged
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.places import Places, RoomRef
from core.ports.pushes import Pushes
from core.ports.rooms import Rooms
from core.ports.tracks import MediaAddress
from core.ports.usage import Nothing, Quotas
from core.reports import Reports
from core.types import RoomId

RECONCILE = 30.0
CHECKPOINT = 1.0
MOVES = 10

log = structlog.get_logger()


class Players:
    """Owns one RoomPlayer for each room that has something to look after. Also the port `Playback`."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        rooms: Rooms,
        reports: Reports,
        places: Places,
        bus: Bus,
        clock: Clock,
        media: MediaAddress,
        levels: Levels,
        owns: Callable[[RoomRef], bool] = lambda _room: True,
        pushes: Pushes | None = None,
        push_guard: PushGuard | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self._nodes = nodes
        self._rooms = rooms
        self._places = places
        self._bus = bus
        moves, guard = asyncio.Semaphore(MOVES), push_guard or PushGuard()
        self._parts = Parts(
            rooms,
            reports,
            clock,
            nodes,
            media,
            levels,
            moves,
            owns,
            bus.publish,
            guard,
            time.monotonic(),
            quotas or Nothing(),
        )
        self._players: dict[RoomId, RoomPlayer] = {}
        self._pushed = PushBook(pushes, self._players)
        self._board = Switchboard(self._players, self._pushed)
        self._elsewhere: dict[RoomId, str] = {}  # what was told last, for the rooms that another process plays
        self._tasks: dict[RoomId, asyncio.Task[None]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._opening: dict[RoomId, asyncio.Task[RoomPlayer | None]] = {}
        self._client: discord.Client | None = None
        nodes.listener = self._board
        levels.told = self._on_measured

    async def start(self) -> None:
        """Take over every room that has something to look after. Start the nodes after this."""
        self._unsubscribe = self._bus.subscribe(self._on_event)
        await self.take_over()
        self._spawn(self._reconcile())
        self._spawn(self._checkpoint())

    async def stop(self) -> None:
        """Let go of all rooms, leaving players as they are. Stop the nodes after this."""
        self._unsubscribe()
        tasks = [*self._tasks.values(), *self._work]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._board.close()
        await self._write_positions()
        self._tasks.clear()
        self._players.clear()

    # Discord

    async def attach_discord(self, client: discord.Client) -> None:
        """Discord is ready; call it at every READY. Nodes that know us as another account are connected anew."""
        self._client = client
        if client.user is not None:
            await self._nodes.be(client.user.id)
        for player in self._players.values():
            if player.voice is not None:
                player.voice.attach(client)

    def detach_discord(self) -> None:
        """Before Discord's client closes: stay in the voice channels, for the next start to go on."""
        for player in self._players.values():
            if player.voice is not None:
                player.voice.detach()

    # Playback

    def status(self, room: RoomId) -> str:
        """`playing`, `waiting` (no node), `connecting`, `idle`, or a reason why voice is down."""
        player = self._players.get(room)
        if player is not None and player.status == "elsewhere":
            return self._elsewhere.get(room, "idle")
        return player.status if player is not None else "idle"

    def bitrate(self, room: RoomId) -> int | None:
        """Of the room's encoder, in bit/s; None where the node chooses it by itself."""
        player = self._players.get(room)
        return player.bitrate if player is not None else None

    def passed_on(self, room: RoomId, listeners: int) -> None:
        """So many hear it where nobody can tell who they are (see the port `Audience`)."""
        player = self._players.get(room)
        if player is not None and player.passed_on != listeners:
            player.passed_on = listeners
            player.wake()

    def elsewhere(self) -> Mapping[RoomId, int]:
        """How many hear each room where nobody can tell who they are."""
        return {room: player.passed_on for room, player in self._players.items()}

    def pushes(self, room: RoomId) -> dict[str, str]:
        """Push id → how it is doing (see the port `PushStates`)."""
        player = self._players.get(room)
        return player.push_states() if player is not None else {}

    def sent(self) -> Mapping[RoomId, int]:
        """To how many servers each room is sent just now."""
        return {room: [*player.push_states().values()].count(LIVE) for room, player in self._players.items()}

    def nodes(self) -> dict[str, str]:
        """Node name → `up`, `down` or a reason."""
        return self._nodes.status()

    async def player(self, room: RoomId) -> RoomPlayer | None:
        """The player of a room, made if need be; None when there is no such room."""
        found = self._players.get(room)
        if found is not None:
            return found
        if room not in self._opening:
            self._opening[room] = asyncio.create_task(self._open(room))
        try:
            return await asyncio.shield(self._opening[room])
        finally:
            self._opening.pop(room, None)

    async def _open(self, room: RoomId) -> RoomPlayer | None:
        ref = await self._places.room(room)
        if ref is None:
            return None
        player = RoomPlayer(ref, self._parts)
        self._pushed.open(player)
        self._players[room] = player
        self._board.add(player)
        if self._client is not None and player.voice is not None:
            player.voice.attach(self._client)
        self._tasks[room] = asyncio.create_task(player.run(), name=f"player-{room}", context=Context())
        return player

    # Rooms

    def _on_event(self, event: Event) -> None:
        player = self._players.get(event.room)
        if isinstance(event, PlayerChanged):
            self._elsewhere[event.room] = event.status
            return
        if isinstance(event, PushesChanged):
            self._spawn(self._push(event.room))
            return
        if player is not None:
            player.wake(event.trace, event.version)
        else:
            self._spawn(self._take_up(event.room, event.trace))

    def _on_measured(self, room: RoomId) -> None:
        """More is known of how loud a track of the room is: players and pages look again."""
        player = self._players.get(room)
        if player is not None and player.status != "elsewhere":
            player.wake()
            self._bus.publish(PlayerChanged(room=room, status=player.status))

    async def _push(self, *rooms: RoomId) -> None:
        """Learn which pushes are on, and look at their rooms and at these."""
        await self._pushed.read()
        for room in {*rooms, *self._pushed.rooms}:
            await self._take_up(room)

    async def _take_up(self, room: RoomId, parent: str = "") -> None:
        try:
            player = await self.player(room)
            if player is not None:
                player.wake(parent)
        except ChorusError as error:
            log.warning("room not taken up", room=room, error=type(error).__name__)

    async def take_over(self) -> None:
        """Have a player for every room that has something to look after."""
        try:
            active = await self._rooms.active()
        except ChorusError as error:
            log.warning("rooms not readable", error=type(error).__name__)
            return
        await self._pushed.read()
        for room in dict.fromkeys([*active, *self._pushed.rooms]):
            await self._take_up(room)

    async def _reconcile(self) -> None:
        while True:
            await asyncio.sleep(RECONCILE)
            self._forget_idle()
            await self.take_over()

    def _forget_idle(self) -> None:
        for room in [room for room, player in self._players.items() if player.idle]:
            self._tasks.pop(room).cancel()
            player = self._players.pop(room)
            self._elsewhere.pop(room, None)
            self._board.remove(player)

    async def _checkpoint(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT)
            await self._write_positions()

    async def _write_positions(self) -> None:
        found = {room: player.checkpoint() for room, player in self._players.items()}
        positions = {room: position for room, position in found.items() if position is not None}
        if positions:
            try:
                await self._rooms.checkpoint(positions)
            except ChorusError as error:
                log.warning("positions not stored", error=type(error).__name__)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def follows(self, player_id: int) -> bool:
        """Whether a player of ours only serves streams of a room that is played elsewhere."""
        return self._board.follows(player_id)

    def wake(self) -> None:
        """Look at every room again."""
        for player in self._players.values():
            player.wake()

    def all(self) -> Iterable[RoomPlayer]:
        """Every player."""
        return list(self._players.values())
