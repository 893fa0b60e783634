"""The page with everything behind it in memory: for tests, and to look at (`python -m tests.web.harness`)."""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image, ImageDraw

from core.bus import LocalBus
from core.enums import Hearing as Hears
from core.enums import Surface
from core.jukebox import Jukebox
from core.ports.places import RoomRef
from core.ports.rates import Rate
from core.rates import OwnCounter
from core.reports import Reports
from core.types import Actor, PersonId, PlaceId, Presence, RoomId, Track, TrackRef
from tests import sound
from tests.fakes import FakeClock, FakeLibrary, FakePlaces, FakeResolver, FakeRooms, FakeShelf
from tests.web.upstreams import FakeStream
from web.app import create_web
from web.parts import PageParts
from web.rates import Rates

KEY = b"k" * 32
PALETTES = [
    ("#e4572e", "#17bebb"), ("#3d5a80", "#ee6c4d"), ("#7b2d8e", "#f2b134"), ("#1b998b", "#fffd82"),
    ("#2d3047", "#e84855"), ("#0081a7", "#fed9b7"), ("#f4a261", "#264653"), ("#6a994e", "#f2e8cf"),
]  # fmt: skip
SONGS = [
    ("Harbour Lights", "Nadia Voss"), ("A Slow Machine", "The Glass Orchard"), ("Paper Boats", "Ines Marín"),
    ("Low Tide, High Window", "Kestrel & Sons"), ("Nocturne for an Empty Platform", "Tomas Reed"),
    ("Copper Wire", "Halcyon Days"), ("Eleven Minutes of Rain", "Yuki Tanabe"), ("Second Sun", "Marlow"),
]  # fmt: skip


class RealClock(FakeClock):
    """The time of this machine, movable on top."""

    def __init__(self) -> None:
        super().__init__(0)

    def now(self) -> int:
        return int(time.time() * 1000) + self.time


class CoverLibrary(FakeLibrary):
    """A library whose covers are drawn on demand."""

    def __init__(self, *tracks: Track, folder: Path) -> None:
        super().__init__(*tracks)
        self._folder = folder

    async def cover(self, key: str, size: int) -> Path | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not key.startswith("c"):
            return None
        path = self._folder / f"{key}-{size}.webp"
        if not path.exists():
            draw_cover(int(key[1:]), size).save(path, "WEBP", quality=86)
        return path


def draw_cover(number: int, size: int) -> Image.Image:
    """Circles and bars in two colours: enough to look at."""
    ground, ink = PALETTES[number % len(PALETTES)]
    image = Image.new("RGB", (512, 512), ground)
    draw = ImageDraw.Draw(image)
    for step in range(6):
        inset = 60 + step * 34
        if number % 2:
            draw.ellipse((inset, inset + 30, 512 - inset + 60, 542 - inset), outline=ink, width=10)
        else:
            draw.rectangle((inset - 40, 70 + step * 64, 480 - step * 40, 100 + step * 64), fill=ink)
    return image.resize((size, size))


def songs(count: int = len(SONGS), *, covers: bool = True) -> list[Track]:
    """Made-up tracks with covers and accents."""
    return [
        Track(
            TrackRef(f"library:{index}"), title, artist, length=150_000 + index * 17_000,
            cover=f"c{index}" if covers else None, accent=PALETTES[index % len(PALETTES)][0] if covers else None,
        )
        for index, (title, artist) in enumerate(SONGS[:count])
    ]  # fmt: skip


@dataclass
class Site:
    """A Lobby and what is behind it."""

    clock: FakeClock
    rooms: FakeRooms
    places: FakePlaces
    library: FakeLibrary
    resolver: FakeResolver
    jukebox: Jukebox
    reports: Reports
    stream: FakeStream
    bus: LocalBus
    lobby: RoomRef
    app: web.Application

    async def come(self, name: str, place: str = "web:lobby", room: RoomId | None = None) -> Actor:
        """Somebody arrives who listens."""
        person, where = PersonId(name.lower()), PlaceId(place)
        surface = Surface(place.partition(":")[0])
        hearing = Hears.STREAM if surface is Surface.WEB else Hears.VOICE
        since = self.clock.now() - 60_000
        state = await self.rooms.read(room or self.lobby.room)
        if where != state.place and where not in state.linked:
            state.linked = (*state.linked, where)
        presence = Presence(person=person, place=where, hearing=hearing, name=name, since=since)
        await self.reports.arrived(room or self.lobby.room, presence)
        return Actor(person, name, where, surface, voice_channel=5 if surface is Surface.DISCORD else None)

    async def start(self, position: int = 0) -> None:
        """The node reports that what was chosen is on air."""
        await self.reports.wake(self.lobby.room)
        current = (await self.rooms.read(self.lobby.room)).current
        assert current is not None
        await self.reports.track_started(self.lobby.room, current.entry.id, node="test", position=position)


async def make_site(
    folder: Path, *, clock: FakeClock | None = None, stream: FakeStream | None = None, **options: Any
) -> Site:
    """A running site without a server: give `app` to one."""
    clock, bus = clock or RealClock(), LocalBus()
    rooms = FakeRooms(bus)
    places = FakePlaces(rooms)
    lobby = await places.lobby()
    rooms.rooms[lobby.room].linked = PlaceId("discord:1"), PlaceId("telegram:7")
    library = CoverLibrary(*songs(), folder=folder)
    resolver = FakeResolver(library)
    jukebox, reports = Jukebox(rooms, clock, resolver, FakeShelf(rooms)), Reports(rooms, clock)
    stream = stream or FakeStream(sound.opus_packets(sound.tone(440, 2.0)))
    options = {"keys": [KEY], "rates": Rates(*[Rate(10_000, 1)] * 3), "counter": OwnCounter(clock), **options}
    parts = PageParts(
        jukebox=jukebox, reports=reports, rooms=rooms, places=places, library=library, stream=stream, bus=bus,
        clock=clock, **options,
    )  # fmt: skip
    app = create_web(parts)
    return Site(clock, rooms, places, library, resolver, jukebox, reports, stream, bus, lobby, app)


async def _look(port: int) -> None:
    site = await make_site(Path(tempfile.mkdtemp()))
    await furnish(site)
    runner = web.AppRunner(site.app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def furnish(site: Site) -> None:
    """A room in the middle of its evening."""
    ben, ada = await site.come("Ben", "discord:1"), await site.come("Ada", "telegram:7")
    mia = await site.come("Mia Fernández")
    room, tracks = site.lobby.room, songs()
    for index, who in enumerate([ben, ada, ben, mia, ada, ben]):
        await site.jukebox.add(room, who, [tracks[index]])
    await site.start(70_000)
    entries = {entry.track.title: entry.id for entry in (await site.rooms.read(room)).entries.values()}
    await site.jukebox.vote(room, mia, entries["A Slow Machine"], 1)
    await site.jukebox.vote(room, ben, entries["Low Tide, High Window"], 1)


if __name__ == "__main__":
    asyncio.run(_look(int(sys.argv[1])))
