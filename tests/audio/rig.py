"""Players over real nodes, with rooms in memory and media on loopback."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from audio.loudness import Levels
from audio.managed import ManagedNode
from audio.node import Health, NodeAddress
from audio.nodes import Nodes
from audio.players import Players
from audio.push_guard import PushGuard
from audio.session_book import SessionBook
from audio.stream import Taps
from core.bus import LocalBus
from core.enums import Hearing, Surface
from core.jukebox import Jukebox
from core.ports.places import RoomRef
from core.reports import Reports
from core.room import Room
from core.types import Actor, PersonId, Presence, RoomId, Track, TrackRef
from tests.audio.session_rows import FakeNodeSessions, Rows
from tests.contract.media_host import MediaHost
from tests.fake_pushes import FakePushes
from tests.fakes import FakeLibrary, FakeMeasures, FakePlaces, FakeResolver, FakeRooms, FakeShelf
from tests.sound import FRAME, decode, frequency, mono
from tests.waiting import until


class SystemClock:
    """The real time, moved by `ahead` ms."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead


class HostMedia:
    """Addresses of the loopback host: `tone:440:30` is 440 Hz for 30 s; anything else is a path (`url:/x` or `/x`)."""

    def __init__(self) -> None:
        self.host: MediaHost

    def media_url(self, track: Track, *, bound_to: str) -> str:
        kind, _, rest = track.ref.partition(":")
        if kind == "url":
            return f"{self.host.url}{rest}"
        if kind != "tone":
            return f"{self.host.url}{track.ref}"
        hz, _, seconds = rest.partition(":")
        return self.host.tone(int(hz), float(seconds))


def tone(hz: int, seconds: float = 60) -> Track:
    return Track(TrackRef(f"tone:{hz}:{seconds}"), f"{hz} Hz", length=round(seconds * 1000))


def broken(path: str) -> Track:
    return Track(TrackRef(path), path, length=10_000)


class World:
    """What outlives a process: rooms, the media host, the data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bus = LocalBus()
        self.rooms = FakeRooms(self.bus)
        self.places = FakePlaces(self.rooms)
        self.clock = SystemClock()
        self.media = HostMedia()
        self.rows = Rows()
        self.pushes = FakePushes()
        self.measures = FakeMeasures()
        self.levels = Levels(self.measures)
        self.reports = Reports(self.rooms, self.clock)
        self.jukebox = Jukebox(self.rooms, self.clock, FakeResolver(FakeLibrary()), FakeShelf(self.rooms))

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        (self.folder / "media").mkdir()
        self.media.host = await self._stack.enter_async_context(MediaHost(self.folder / "media"))
        self.lobby = (await self.places.lobby()).room
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def sessions(self, instance: str = "one") -> FakeNodeSessions:
        return FakeNodeSessions(self.rows, instance)

    @property
    def room(self) -> Room:
        return self.rooms.rooms[self.lobby]

    async def listen(self, person: str = "ann") -> None:
        presence = Presence(PersonId(person), self.room.place, Hearing.STREAM, person, self.clock.now())
        await self.reports.arrived(self.lobby, presence)

    async def add(self, *tracks: Track) -> None:
        await self.jukebox.add(self.lobby, self.actor, tracks)

    @property
    def actor(self) -> Actor:
        return Actor(PersonId("ann"), "Ann", self.room.place, Surface.WEB, dj=True)


class Rig:
    """One process's side: nodes, players, taps. `crash` drops it as a kill would."""

    def __init__(
        self,
        world: World,
        *,
        addresses: Sequence[NodeAddress] = (),
        managed: bool = True,
        user_id: int = 1,
        instance: str = "one",
        owns: Callable[[RoomRef], bool] = lambda _room: True,
    ) -> None:
        data = world.folder / "data"
        self.world = world
        self.managed = ManagedNode(data, media_origins=[world.media.host.url]) if managed else None
        self.book = SessionBook(world.sessions(instance))
        self.nodes = Nodes(addresses, managed=self.managed, sessions=self.book, user_id=user_id)
        self.players = Players(
            self.nodes,
            rooms=world.rooms,
            reports=world.reports,
            places=world.places,
            bus=world.bus,
            clock=world.clock,
            media=world.media,
            levels=world.levels,
            owns=owns,
            pushes=world.pushes,
            push_guard=PushGuard(["127.0.0.1"]),
        )
        self.taps = Taps(self.players)
        self._running = False

    async def __aenter__(self) -> Self:
        await self.players.start()
        await self.nodes.start()
        self._running = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running:
            await self.players.stop()
            await self.nodes.stop()

    async def crash(self) -> None:
        """Vanish without a word to the node."""
        self._running = False
        await self.players.stop()
        await self.nodes.stop(leave=True)

    async def up(self, name: str = "builtin", within: float = 10) -> None:
        await until(lambda: (node := self.nodes.get(name)) and node.health is Health.UP, within=within, what=name)


class Ear:
    """Hears a room through its tap as the relay does, opening it again whenever it ends."""

    def __init__(self, rig: Rig, room: RoomId) -> None:
        self.packets: list[bytes] = []
        self.times: list[float] = []
        self._rig, self._room = rig, room

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            async for packet in self._rig.taps.packets(self._room):
                self.packets.append(packet)
                self.times.append(time.monotonic())
            await asyncio.sleep(0.05)

    async def hears(self, hz: float, *, within: float = 10) -> None:
        """The latest half second is this pitch."""

        def found() -> bool:
            latest = self.packets[-25:]
            return len(latest) == 25 and abs(frequency(mono(decode(latest))[FRAME * 5 :]) - hz) < 12

        await until(found, within=within, every=0.1, what=f"{hz} Hz")

    def longest_gap(self, since: int = 0) -> float:
        """Seconds between two packets, at most."""
        times = self.times[since:]
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)
