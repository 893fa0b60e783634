"""A room, a jukebox over it, and people."""

import pytest

from core.enums import Guests, Hearing, Surface
from core.jukebox import Jukebox
from core.reports import Reports
from core.room import Room
from core.types import Actor, PersonId, PlaceId, Presence, RoomId, Settings
from tests.fakes import FakeClock, FakeLibrary, FakeResolver, FakeRooms, FakeShelf, track

ROOM = RoomId("room")
GUILD = PlaceId("discord:1")
PAGE = PlaceId(f"web:{ROOM}")
VOICE = 10


class World:
    """One room, and the commands of people in it; whoever is named exists."""

    def __init__(self, place: PlaceId) -> None:
        self.clock = FakeClock()
        self.rooms = FakeRooms()
        self.library = FakeLibrary(*(track(title) for title in ("Aria", "Blues", "Chant")))
        self.resolver = FakeResolver(self.library)
        self.shelf = FakeShelf(self.rooms)
        self.jukebox = Jukebox(self.rooms, self.clock, self.resolver, self.shelf)
        self.reports = Reports(self.rooms, self.clock)
        self.room = self.rooms.add(Room(ROOM, place, "Room"))
        if place == PAGE:
            self.room.settings = Settings(guests=Guests.ADD)

    def member(self, name: str, *, channel: int | None = VOICE, dj: bool = False, admin: bool = False) -> Actor:
        """Somebody of the guild."""
        return Actor(PersonId(name), name, GUILD, Surface.DISCORD, channel, dj, admin)

    def visitor(self, name: str) -> Actor:
        """Somebody on the page."""
        return Actor(PersonId(name), name, PAGE, Surface.WEB)

    async def voice(self, *names: str, deaf: str = "") -> None:
        """Exactly these people are in the voice channel."""
        now = self.clock.now()
        there = [Presence(PersonId(one), GUILD, Hearing.VOICE, one, now, deaf=one == deaf) for one in names]
        await self.reports.people(ROOM, GUILD, there)

    async def stream(self, *names: str, address: str | None = None) -> None:
        """These people open the stream."""
        for one in names:
            presence = Presence(PersonId(one), PAGE, Hearing.STREAM, one, self.clock.now(), address=address)
            await self.reports.arrived(ROOM, presence)

    def names(self) -> list[str]:
        """Event names since the last call."""
        seen = [event.name for event in self.rooms.events]
        self.rooms.events.clear()
        return seen

    @property
    def on_air(self) -> str | None:
        """The title that plays."""
        return self.room.current.entry.track.title if self.room.current else None

    async def waiting(self) -> list[str]:
        """The titles that wait, in order."""
        return [one.track.title for one in (await self.jukebox.view(ROOM, None, size=100)).upcoming]


@pytest.fixture
def guild() -> World:
    """A room of a guild, not in voice yet."""
    return World(GUILD)


@pytest.fixture
def page() -> World:
    """A room of the page."""
    return World(PAGE)
