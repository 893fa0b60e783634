"""One node: its connection, its health, what it can do, and how busy it is."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, cast
from urllib.parse import quote

import aiohttp
import structlog
import wavelink

from audio.client import NodeClient
from audio.former_session import FormerSession
from audio.probe import NODE_ERRORS, Probe
from audio.wavelink_guard import GuardedNode, NodeRequestError, Seat
from core.tracing import span

PATCH_TIMEOUT = 12.0
"""A node itself gives up a source, or a voice server, after ten seconds; its answer says which it was."""
HEARTBEAT = 4.0
RESUME_TIMEOUT = 120
"""Seconds that a node keeps our players while we are away."""
FULL = 503
"""What a node answers that has reached a limit, or whose processes are starting again."""
FULL_SECONDS = 3.0
"""Seconds until a node that was full is asked again."""
CROWDED_SECONDS = 8.0
"""Seconds after which a node that was full is no longer expected to be so again at once."""
RETURN_TIMEOUT = 2.0
"""Seconds that a node which still answers has to take us back before its rooms move."""

EVENTS = frozenset({"track_start", "track_end", "track_exception", "track_stuck", "websocket_closed", "extra_event"})

log = structlog.get_logger()


class Health(StrEnum):
    """`lost`: the event stream broke, but the node may take us back; rooms wait for that before they move."""

    UP = "up"
    LOST = "lost"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node is."""

    name: str
    uri: str
    password: str = field(repr=False)
    regions: tuple[str, ...] = ()
    """Discord's voice regions that it is close to, such as `rotterdam` or `us-east`; empty: it is for all."""

    def distance(self, region: str) -> int:
        """How far from a voice region (endpoints begin with it: `rotterdam1234`, `c-fra05-…`); 0: near or unknown."""
        if not region or not self.regions:
            return int(bool(region))
        parts = f"-{region.lower()}"
        return 0 if any(f"-{name.lower()}" in parts for name in self.regions) else 2


class NodeListener(Protocol):
    """Who is told what nodes say. Called synchronously; must not block or raise."""

    def node_up(self, node: "Node", players: dict[int, dict[str, Any]]) -> None:
        """It can be used, and has these players of ours (by id, as its REST answers show them)."""
        ...

    def node_down(self, node: "Node") -> None:
        """Its players have to be moved."""
        ...

    def node_event(self, node: "Node", kind: str, payload: Any) -> None:
        """An event of a player: Wavelink's name and payload."""
        ...


class SessionIds(Protocol):
    """Where session ids outlive the process."""

    def get(self, address: NodeAddress) -> str | None:
        """The last session with the node at that address."""
        ...

    def put(self, address: NodeAddress, session: str) -> None:
        """Remember it."""
        ...


class Node:
    """A node that we are, or try to be, connected to."""

    def __init__(self, address: NodeAddress, *, user_id: int, sessions: SessionIds, listener: NodeListener) -> None:
        self.address = address
        self.health = Health.DOWN
        self.chorus = False
        """Whether it has the extension: runs without voice, `next`, taps."""
        self.managers: tuple[str, ...] = ()
        """Names of its source managers."""
        self.draining = False
        """Whether its rooms are to move away."""
        self.frozen: Callable[[], None] = lambda: None
        """Called while it does not answer; set before `start`."""
        self._sessions = sessions
        self._listener = listener
        self._client = NodeClient(user_id, self._receive)
        self._refused = -math.inf
        self._early: list[tuple[str, Any]] = []  # events that came before we knew what is there
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """The name that people know it by."""
        return self.address.name

    @property
    def trouble(self) -> str:
        """Why it is down."""
        return self._wave.trouble or self.health.value

    @property
    def penalty(self) -> float:
        """How busy it is; less is better."""
        return self._probe.penalty

    @property
    def session_id(self) -> str | None:
        """The session that our players belong to."""
        return self._wave.session_id

    @property
    def wave(self) -> wavelink.Node:
        """Wavelink's side of it."""
        return self._wave

    @property
    def full(self) -> bool:
        """Whether it has just refused to take on more."""
        return time.monotonic() - self._refused < FULL_SECONDS

    @property
    def crowded(self) -> bool:
        """Whether it refused to take on more not long ago: what place there is goes to those who come first."""
        return time.monotonic() - self._refused < CROWDED_SECONDS

    @property
    def welcomes(self) -> bool:
        """Whether rooms may come to it."""
        return self.health is Health.UP and not self.draining and not self.full

    def fill(self) -> None:
        """It takes on no more for now."""
        self._refused = time.monotonic()

    def offers(self, manager: str | None) -> bool:
        """Whether it has this source manager; None asks for none."""
        return manager is None or manager in self.managers

    def start(self) -> None:
        """Connect and watch, in the background."""
        timeout = aiohttp.ClientTimeout(total=10, sock_connect=3)
        self._wave = GuardedNode(
            identifier=self.name,
            uri=self.address.uri,
            password=self.address.password,
            session=aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout),  # taps stay open
            heartbeat=HEARTBEAT,
            client=cast("Any", self._client),
            resume_timeout=RESUME_TIMEOUT,
            inactive_player_timeout=None,
            inactive_channel_tokens=None,
        )
        self._wave.start(self._sessions.get(self.address))
        self._probe = Probe(self._wave.request, answered=self._rise, down=self._fall, frozen=self.frozen)
        self._spawn(self._probe.run())

    async def stop(self) -> None:
        """Leave; players go on playing and can be resumed."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.health = Health.DOWN
        await self._wave.shut()

    # requests

    async def patch(self, player_id: int, body: dict[str, Any]) -> dict[str, Any]:
        """Change a player; the player as it then is. Raises what `GuardedNode.request` raises."""
        self._wave.seat(player_id, Seat(player_id))
        if "identifier" in body.get("track", ()):
            self._probe.placed += 1
        with span("node request", node=self.name, player=str(player_id)):
            return await self._wave.request("PATCH", self._player_path(player_id), body, within=PATCH_TIMEOUT)

    async def player(self, player_id: int) -> dict[str, Any] | None:
        """A player as it is."""
        try:
            return await self._wave.request("GET", self._player_path(player_id), within=3)
        except NodeRequestError as error:
            if error.status == 404:  # noqa: PLR2004
                return None
            raise

    async def players(self) -> dict[int, dict[str, Any]]:
        """All players of our session by id."""
        found = await self._wave.request("GET", f"/v4/sessions/{self.session_id}/players", within=3)
        players = {int(player["guildId"]): player for player in found}
        for player_id in players:
            self._wave.seat(player_id, Seat(player_id))
        return players

    async def drop(self, player_id: int) -> None:
        """End a player if the node can be asked; never raises."""
        self._wave.unseat(player_id)
        with contextlib.suppress(*NODE_ERRORS):
            await self._wave.request("DELETE", self._player_path(player_id), within=2)

    async def load(self, identifier: str) -> dict[str, Any]:
        """`loadType` and `data` for an identifier, such as `prefix:words`."""
        return await self._wave.request("GET", f"/v4/loadtracks?identifier={quote(identifier, safe='')}")

    async def tap(self, player_id: int, tap: str, *, recent: int = 0) -> aiohttp.ClientResponse:
        """A tap's endless answer, from `recent` ms ago on; the caller closes it."""
        return await self._wave.open_stream(f"{self._player_path(player_id)}/taps/{tap}?recent={recent}")

    def former_session(self, session: str) -> FormerSession:
        """Another session with this node than the present one."""
        return FormerSession(self._wave, session)

    def _player_path(self, player_id: int) -> str:
        return f"/v4/sessions/{self.session_id}/players/{player_id}"

    # connection and health

    def _receive(self, kind: str, payload: Any) -> None:
        if kind == "node_ready":
            former = self._sessions.get(self.address)
            self._sessions.put(self.address, payload.session_id)
            self._spawn(self._ready(resumed=payload.resumed))
            if former is not None and former != payload.session_id:
                self._spawn(self.former_session(former).clear())
        elif kind == "node_disconnected":
            self._lose()
        elif self.health is Health.UP:
            self._listener.node_event(self, kind, payload)
        elif kind in EVENTS:
            self._early.append((kind, payload))

    async def _ready(self, *, resumed: bool) -> None:
        try:
            info = await self._wave.request("GET", "/v4/info", within=3)
            players = await self.players() if resumed else {}
        except NODE_ERRORS:
            return  # the connection or the probe will tell
        self.chorus = any(plugin["name"] == "chorus" for plugin in info["plugins"])
        self.managers = tuple(info["sourceManagers"])
        self.health = Health.UP
        log.info("node up", node=self.name, resumed=resumed, chorus=self.chorus)
        self._listener.node_up(self, players)
        early, self._early = self._early, []
        for event in early:
            self._listener.node_event(self, *event)

    def _lose(self) -> None:
        if self.health is Health.UP:
            self.health = Health.LOST
            self._spawn(self._await_return())

    async def _await_return(self) -> None:
        """A node that broke the connection may take us back at once; one that is gone refuses at once."""
        if await self._probe.answers():
            await asyncio.sleep(RETURN_TIMEOUT)
        if self.health is Health.LOST:
            self._fall()

    def _fall(self) -> None:
        if self.health is not Health.DOWN:
            self.health = Health.DOWN
            log.warning("node down", node=self.name, reason=self.trouble)
            self._listener.node_down(self)
            self._wave.give_up()

    def _rise(self) -> None:
        """It answers again and the event stream never broke (it was frozen, shortly): usable once more."""
        if self.health is Health.DOWN and self._wave.status is wavelink.NodeStatus.CONNECTED:
            self._spawn(self._ready(resumed=True))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
