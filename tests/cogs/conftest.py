"""The real discord.py client against the simulator, over rooms in memory."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from cogs.discord.client import ChorusClient
from cogs.ports import Ports
from core.bus import LocalBus
from core.joining import Joining
from core.jukebox import Jukebox
from core.live import Live
from core.ports.shop import Shop
from core.ports.skus import Skus
from core.ports.tips import Tips
from core.rates import OwnCounter
from core.reports import Reports
from core.room import Room
from core.types import RoomId
from tests.fake_links import FakeCodes, FakeLinks, FakePeople
from tests.fake_pushes import FakePushes
from tests.fakes import (
    FakeClock,
    FakeLibrary,
    FakeLiveMessages,
    FakePlaces,
    FakeResolver,
    FakeRooms,
    FakeShelf,
    track,
)
from tests.simulators.discord import DiscordSimulator, Guild, Member, TextChannel, VoiceChannel
from tests.waiting import until


class FakePlayback:
    """A player that plays."""

    def __init__(self) -> None:
        self.trouble = "playing"
        self.encodes: int | None = None
        self.states: dict[str, str] = {}

    def status(self, room: RoomId) -> str:
        return self.trouble

    def bitrate(self, room: RoomId) -> int | None:
        return self.encodes

    def nodes(self) -> dict[str, str]:
        return {}

    def pushes(self, room: RoomId) -> dict[str, str]:
        return self.states


@dataclass
class Party:
    """A guild with two channels, three people, and what is behind the bot."""

    discord: DiscordSimulator
    guild: Guild
    chat: TextChannel
    music: VoiceChannel
    ann: Member
    ben: Member
    cyd: Member
    rooms: FakeRooms
    places: FakePlaces
    live: FakeLiveMessages
    library: FakeLibrary
    resolver: FakeResolver
    clock: FakeClock
    bus: LocalBus
    playback: FakePlayback
    pushes: FakePushes
    codes: FakeCodes
    client: ChorusClient
    skus: Skus | None = None
    shop: Shop | None = None
    tips: Tips | None = None

    @property
    def room(self) -> Room:
        """The guild's room."""
        return self.rooms.rooms[RoomId(f"room-of-{self.guild.id}")]

    @property
    def reports(self) -> Reports:
        return Reports(self.rooms, self.clock)

    @property
    def on_air(self) -> str | None:
        return self.room.current.entry.track.title if self.room.current else None

    async def there(self, *names: str) -> None:
        """Wait until exactly these are counted as listeners."""

        def counted() -> bool:
            present = {one.name for one in self.room.people.values() if one.left_at is None}
            return present == set(names)

        await until(counted, what=f"{names} in the room")

    async def start(self) -> None:
        """Make a client over the same rooms and connect it."""
        self.client = make_client(self)
        self._task = asyncio.create_task(self.client.start(self.discord.token))
        await self.discord.until(lambda: self.client.is_ready() or self._task.done(), within=10, what="ready")
        assert not self._task.done(), self._task

    async def stop(self) -> None:
        """Disconnect."""
        await self.client.close()
        await asyncio.gather(self._task, return_exceptions=True)


def make_client(party: Party) -> ChorusClient:
    """The client under test."""
    ports = Ports(
        jukebox=Jukebox(party.rooms, party.clock, party.resolver, FakeShelf(party.rooms)),
        reports=party.reports,
        places=party.places,
        resolver=party.resolver,
        library=party.library,
        bus=party.bus,
        clock=party.clock,
        live=Live(party.rooms, party.pushes, party.bus, party.clock),
        joining=Joining(
            party.rooms, FakeLinks(party.places), FakePeople(), party.codes, party.clock, OwnCounter(party.clock)
        ),
        push_states=party.playback,
        playback=party.playback,
        page_url="https://music.example.org",
    )
    return ChorusClient(
        ports, rooms=party.rooms, live_messages=party.live, skus=party.skus, shop=party.shop, tips=party.tips
    )


@pytest.fixture
async def party(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Party]:
    """Ann, Ben and Cyd are in the voice channel; the bot is connected."""
    async with DiscordSimulator.start() as discord:
        monkeypatch.setattr("discord.http.Route.BASE", discord.api_url)
        guild = discord.guild("Testers")
        music, chat = guild.voice_channel("Music"), guild.text_channel("chat")
        bus = LocalBus()
        rooms, library = FakeRooms(bus), FakeLibrary(*(track(title) for title in ("Aria", "Blues", "Chant", "Dirge")))
        party = Party(
            discord=discord,
            guild=guild,
            chat=chat,
            music=music,
            ann=guild.member("Ann"),
            ben=guild.member("Ben"),
            cyd=guild.member("Cyd"),
            rooms=rooms,
            places=FakePlaces(rooms),
            live=FakeLiveMessages(),
            library=library,
            resolver=FakeResolver(library),
            clock=FakeClock(),
            bus=bus,
            playback=FakePlayback(),
            pushes=FakePushes(),
            codes=FakeCodes(),
            client=None,  # pyright: ignore[reportArgumentType] - made by start
        )
        await party.start()
        for member in (party.ann, party.ben, party.cyd):
            await member.join(music)
        yield party
        await party.stop()
