"""Votes and queue commands through the store, on PostgreSQL with real fsync.

Bars: 1,000 votes at once on one room all answered < 200 ms; 5,000 votes/s on one room for 10 s p99 < 100 ms;
1,000 votes/s over 200 rooms p99 < 100 ms; any queue command at 10,000 entries p99 < 20 ms.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from bench.commits import commits_per_second
from bench.figures import judged, repeated, settle, spread
from core.bus import LocalBus
from core.enums import Hearing, Surface
from core.jukebox import Jukebox
from core.reports import Reports
from core.types import Actor, EntryId, PersonId, PlaceId, Presence, RoomId, Track, TrackRef
from db.engine import Database
from db.migrate import migrate
from db.places import SqlPlaces
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from tests.fakes import FakeClock
from tests.servers import Postgres

RUNS = 5
VOTERS = 1_000
LONG = 2
"""The guild whose queue is long."""


class Resolver:
    """Nothing is looked up here."""

    def local(self, query: str) -> bool:
        """Everything is."""
        return True

    async def resolve(self, query: Any, *, limit: int) -> Any:
        """Not used."""
        raise NotImplementedError

    async def chapters(self, track: Any) -> Any:
        """Not used."""
        raise NotImplementedError

    async def episodes(self, link: str) -> Any:
        """Not used."""
        raise NotImplementedError

    async def look_up(self, lines: Any) -> Any:
        """Not used."""
        raise NotImplementedError


class Bench:
    """Rooms on a database, and the commands of people in them."""

    def __init__(self, database: Database) -> None:
        clock = FakeClock()
        self.places = SqlPlaces(database, clock)
        self.rooms = SqlRooms(database, LocalBus(), clock)
        self.jukebox = Jukebox(self.rooms, clock, Resolver(), SqlShelf(database, clock))
        self.reports = Reports(self.rooms, clock)

    async def room(self, guild: int, people: int, entries: int) -> tuple[RoomId, list[EntryId]]:
        """A room with people in its voice channel and entries of as many people as it takes (at most 500 each)."""
        ref = await self.places.guild_room(1, guild, f"Guild {guild}")
        await self.jukebox.join(ref.room, actor(0, guild))
        there = [Presence(PersonId(f"p{n}"), ref.place, Hearing.VOICE, f"P{n}", 0) for n in range(people)]
        await self.reports.people(ref.room, ref.place, there)
        queued: list[EntryId] = []
        for person, offset in enumerate(range(0, entries, 450)):
            count = min(450, entries - offset)
            added = await self.jukebox.add(ref.room, actor(person, guild), [track(n) for n in range(count)])
            queued.extend(added.entries)
        return ref.room, queued


def actor(person: int, guild: int = 1) -> Actor:
    """A person in the voice channel."""
    place = PlaceId(f"discord:{guild}")
    return Actor(PersonId(f"p{person}"), f"P{person}", place, Surface.DISCORD, voice_channel=5, dj=True)


def track(number: int) -> Track:
    """A track of three minutes."""
    return Track(TrackRef(f"library:{number}"), f"Track {number}", "Somebody", 180_000)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Bench]:
    """A migrated database."""
    database = Database(url)
    await migrate(database)
    settle()
    try:
        yield Bench(database)
    finally:
        await database.close()


async def timed(work: Awaitable[object], due: float | None = None) -> float:
    """Seconds from `due` (default: now) until the answer."""
    begun = time.perf_counter() if due is None else due
    await work
    return time.perf_counter() - begun


async def open_loop(vote: Callable[[int], Awaitable[object]], rate: int, seconds: float) -> dict[str, float]:
    """Arrivals at a fixed rate, each counted from when it was due."""
    under_way: set[asyncio.Task[None]] = set()  # no more than that: tasks that pile up make garbage collection slow
    taken: list[float] = []

    async def one(number: int, due: float) -> None:
        taken.append(await timed(vote(number), due))

    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        task = asyncio.create_task(one(number, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    assert len(taken) == int(rate * seconds)
    return spread(taken)


async def burst(bench: Bench, room: RoomId, entries: list[EntryId], value: Iterator[int]) -> dict[str, float]:
    """1,000 people vote at once."""
    vote = 1 if next(value) % 2 else -1
    due = time.perf_counter()
    votes = [timed(bench.jukebox.vote(room, actor(n), entries[n % 20], vote), due) for n in range(100, 100 + VOTERS)]
    return spread(await asyncio.gather(*votes))


async def commands(bench: Bench, room: RoomId, entries: list[EntryId]) -> dict[str, float]:
    """Adding, voting, looking and removing in a long queue, one after another."""
    taken: dict[str, list[float]] = {"add": [], "vote": [], "view": [], "why": [], "remove": []}
    jukebox, adder, voter = bench.jukebox, actor(900, LONG), actor(950, LONG)
    for number in range(100):
        begun = time.perf_counter()
        added = await jukebox.add(room, adder, [track(number)])
        taken["add"].append(time.perf_counter() - begun)
        entry = entries[1 + (number * 97) % (len(entries) - 1)]
        taken["vote"].append(await timed(jukebox.vote(room, voter, entry, 1 if number % 2 else -1)))
        taken["view"].append(await timed(jukebox.view(room, PersonId("p1"), page=number % 50)))
        taken["why"].append(await timed(jukebox.why(room, entry)))
        taken["remove"].append(await timed(jukebox.remove(room, adder, added.entries[0])))
    return _spreads(taken)


async def edits(bench: Bench, room: RoomId, entries: list[EntryId]) -> dict[str, float]:
    """Editing by hand in a long queue, and undoing it, one after another."""
    jukebox, dj = bench.jukebox, actor(0, LONG)
    taken: dict[str, list[float]] = {}

    async def time_of(name: str, work: Awaitable[object]) -> None:
        taken.setdefault(name, []).append(await timed(work))

    for number in range(25):
        entry = entries[1 + (number * 97) % (len(entries) - 1)]
        await time_of("move", jukebox.move(room, dj, entry, 1 + number))
        await time_of("undo_move", jukebox.undo(room, dj))
        await time_of("remove_50", jukebox.remove_many(room, dj, entries[number * 50 + 1 :][:50]))
        await time_of("undo_remove_50", jukebox.undo(room, dj))
        await time_of("shuffle", jukebox.shuffle(room, dj))
        await time_of("undo_shuffle", jukebox.undo(room, dj))
        await time_of("clear", jukebox.clear(room, dj))
        await time_of("undo_clear", jukebox.undo(room, dj))
    return _spreads(taken)


def _spreads(taken: dict[str, list[float]]) -> dict[str, float]:
    return {f"{name}_{key}": value for name, times in taken.items() for key, value in spread(times).items()}


def beside(bar: float, which: str, times: dict[str, float]) -> dict[str, Any]:
    """One of the times beside its bar, and all of them."""
    return judged(times[which], bar, which=which, times=times)


async def run() -> dict[str, Any]:
    """All figures on PostgreSQL."""
    server = Postgres(uuid4().hex[:12])
    url = server.create()
    try:
        async with opened(url) as bench:
            room, entries = await bench.room(1, 1_200, 40)
            counter = itertools.count()
            figures: dict[str, Any] = {"database_commits_per_s": await commits_per_second(url)}
            figures["burst_of_1000"] = beside(
                200, "max_ms", await repeated(lambda: burst(bench, room, entries, counter), RUNS)
            )
            one = await open_loop(
                lambda n: bench.jukebox.vote(room, actor(100 + n % 1000), entries[n % 20], 1 if n % 3 else -1),
                5_000,
                10,
            )
            figures["one_room_5000_per_s"] = beside(100, "p99_ms", one)
            several = [await bench.room(100 + n, 30, 10) for n in range(200)]
            spread_out = await open_loop(
                lambda n: bench.jukebox.vote(
                    several[n % 200][0], actor(5 + n % 25, 100 + n % 200), several[n % 200][1][n % 9], 1
                ),
                1_000,
                10,
            )
            figures["200_rooms_1000_per_s"] = beside(100, "p99_ms", spread_out)
            long, waiting = await bench.room(LONG, 1_000, 10_000 - 1)
            long_queue = await repeated(lambda: commands(bench, long, waiting), RUNS)
            long_queue |= await repeated(lambda: edits(bench, long, waiting), RUNS)
            slowest = max((name for name in long_queue if name.endswith("p99_ms")), key=long_queue.__getitem__)
            figures["commands_at_10000"] = beside(20, slowest, long_queue)
            return figures
    finally:
        server.stop()
