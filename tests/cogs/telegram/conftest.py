"""The real client against the simulator, over rooms in memory."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import pytest

import cogs.telegram.panel
from cogs.ports import Ports
from cogs.telegram.client import TelegramClient
from cogs.telegram.receiving import Webhook
from core.bus import LocalBus
from core.joining import Joining
from core.jukebox import Jukebox
from core.live import Live
from core.ports.chats import Chat
from core.ports.copies import Copies
from core.ports.stars import Stars
from core.rates import OwnCounter
from core.reports import Reports
from core.room import Room
from core.types import PersonId, PlaceId, RoomId
from tests.cogs.conftest import FakePlayback
from tests.fake_links import FakeCodes, FakeLinks, FakePeople
from tests.fake_pushes import FakePushes
from tests.fakes import FakeClock, FakeLibrary, FakePlaces, FakeResolver, FakeRooms, FakeShelf, track
from tests.simulators.telegram import Chat as Group
from tests.simulators.telegram import Person, TelegramSimulator
from tests.waiting import until

GAP = 0.2
"""Seconds between two edits, so that tests need not wait for four."""


class FakeChats:
    """Chats in memory."""

    def __init__(self) -> None:
        self.chats: dict[PlaceId, Chat] = {}
        self.visits: dict[PersonId, PlaceId] = {}

    async def all(self) -> list[Chat]:
        return list(self.chats.values())

    async def put(self, chat: Chat) -> None:
        self.chats[chat.place] = chat

    async def move(self, old: PlaceId, new: PlaceId) -> None:
        if old in self.chats:
            self.chats[new] = replace(self.chats.pop(old), place=new, message=None)

    async def visited(self, person: PersonId) -> PlaceId | None:
        return self.visits.get(person)

    async def visit(self, person: PersonId, place: PlaceId) -> None:
        self.visits[person] = place


@dataclass
class Party:
    """A group with three people, and what is behind the bot."""

    telegram: TelegramSimulator
    group: Group
    ann: Person
    ben: Person
    cyd: Person
    rooms: FakeRooms
    places: FakePlaces
    library: FakeLibrary
    resolver: FakeResolver
    bus: LocalBus
    links: FakeLinks
    people: FakePeople = field(default_factory=FakePeople)
    codes: FakeCodes = field(default_factory=FakeCodes)
    pushes: FakePushes = field(default_factory=FakePushes)
    chats: FakeChats = field(default_factory=FakeChats)
    clock: FakeClock = field(default_factory=FakeClock)
    playback: FakePlayback = field(default_factory=FakePlayback)
    holds: bool = True
    copies: Copies | None = None
    terms: str | None = None
    pay_support: str | None = None
    stars: Stars | None = None
    client: TelegramClient = None  # pyright: ignore[reportAssignmentType] - made by start

    @property
    def room(self) -> Room:
        """The group's room."""
        return self.rooms.rooms[RoomId(f"room-of-telegram:{self.group.id}")]

    @property
    def reports(self) -> Reports:
        return Reports(self.rooms, self.clock)

    @property
    def on_air(self) -> str | None:
        return self.room.current.entry.track.title if self.room.current else None

    @property
    def waiting(self) -> list[str]:
        return [entry.track.title for entry in self.room.entries.values()]

    async def start(self) -> None:
        """Make a client over the same rooms and connect it."""
        self.client = make_client(self)
        await self.client.start()
        self._task = asyncio.create_task(self.client.run())
        await self.telegram.ready()

    async def stop(self) -> None:
        """Disconnect."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.stop()

    async def shows(self, *words: str) -> str:
        """Wait until the live message holds these words; its text."""

        await until(lambda: self.group.shows(*words), what=f"{words} shown")
        return self.group.live.text


def make_client(party: Party, webhook: Webhook | None = None) -> TelegramClient:
    """The client under test."""
    ports = Ports(
        jukebox=Jukebox(party.rooms, party.clock, party.resolver, FakeShelf(party.rooms)),
        reports=party.reports,
        places=party.places,
        resolver=party.resolver,
        library=party.library,
        bus=party.bus,
        clock=party.clock,
        joining=Joining(party.rooms, party.links, party.people, party.codes, party.clock, OwnCounter(party.clock)),
        live=Live(party.rooms, party.pushes, party.bus, party.clock),
        push_states=party.playback,
        playback=party.playback,
        page_url="https://music.example.org",
    )
    return TelegramClient(
        party.telegram.token,
        ports,
        api_url=party.telegram.api_url,
        chats=party.chats,
        holds=lambda: party.holds,
        counter=OwnCounter(party.clock),
        copies=party.copies,
        webhook=webhook,
        terms=party.terms,
        pay_support=party.pay_support,
        stars=party.stars,
    )


@pytest.fixture
async def party(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Party]:
    """Ann owns the group; the bot is connected."""
    monkeypatch.setattr(cogs.telegram.panel, "GAP", GAP)
    async with TelegramSimulator.start() as telegram:
        ann, ben, cyd = (telegram.user(name) for name in ("Ann", "Ben", "Cyd"))
        bus = LocalBus()
        rooms, library = FakeRooms(bus), FakeLibrary(*(track(title) for title in ("Aria", "Blues", "Chant", "Dirge")))
        party = Party(
            telegram=telegram,
            group=telegram.group("Testers", ann, ben, cyd),
            ann=ann,
            ben=ben,
            cyd=cyd,
            rooms=rooms,
            places=(places := FakePlaces(rooms)),
            links=FakeLinks(places),
            library=library,
            resolver=FakeResolver(library),
            bus=bus,
        )
        await party.start()
        yield party
        await party.stop()
