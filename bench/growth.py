"""How the cost grows: votes and queue commands as entries, voters and rooms double, on PostgreSQL with real fsync.

For each size the median and p99 in ms, and the CPU time of this process for one command; `grows` is what a doubling
multiplied it by (1: it does not matter how many there are; 2: in proportion).
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from statistics import geometric_mean
from typing import Any
from uuid import uuid4

from bench.commits import commits_per_second
from bench.figures import spread
from bench.rooms import Bench, actor, opened, timed, track
from core.types import EntryId, PersonId
from tests.servers import Postgres

ENTRIES = (625, 1_250, 2_500, 5_000, 9_700)
VOTERS = (125, 250, 500, 1_000, 2_000)
ROOMS = (25, 50, 100, 200, 400)
TIMES = 200
"""Commands of each kind at each size."""

Commands = dict[str, Callable[[int], Awaitable[object]]]
guilds = itertools.count(1)


async def run() -> dict[str, Any]:
    """The three series, and the database's own commits/s in the same run."""
    server = Postgres(uuid4().hex[:12])
    url = server.create()
    try:
        async with opened(url) as bench:
            return {
                "entries": grown({size: await long_queue(bench, size) for size in ENTRIES}),
                "voters": grown({size: await many_voters(bench, size) for size in VOTERS}),
                "rooms": grown({size: await many_rooms(bench, size) for size in ROOMS}),
                "database_commits_per_s": await commits_per_second(url),
            }
    finally:
        server.stop()


async def long_queue(bench: Bench, size: int) -> dict[str, float]:
    """One after another in a queue of this length."""
    guild = next(guilds)
    room, entries = await bench.room(guild, 50, size)
    jukebox, dj, voter = bench.jukebox, actor(900, guild), actor(950, guild)
    added: list[EntryId] = []

    async def add(number: int) -> None:
        added.extend((await jukebox.add(room, dj, [track(number)])).entries)

    return await measure(
        {
            "add": add,
            "vote": lambda n: jukebox.vote(room, voter, entries[1 + (n * 97) % (size - 1)], 1 if n % 2 else -1),
            "view": lambda n: jukebox.view(room, PersonId("p1"), page=n % 50),
            "remove": lambda _: jukebox.remove(room, dj, added.pop()),
        }
    )


async def many_voters(bench: Bench, size: int) -> dict[str, float]:
    """Each of so many people votes once for one of twenty entries, then everybody at the same moment."""
    guild = next(guilds)
    room, entries = await bench.room(guild, size + 100, 40)

    def vote(number: int, value: int = 1) -> Awaitable[object]:
        return bench.jukebox.vote(room, actor(100 + number % size, guild), entries[number % 20], value)

    figures = await measure({"vote": vote})
    due = time.perf_counter()
    taken = await asyncio.gather(*(timed(vote(n, -1), due) for n in range(size)))
    return figures | {"all_at_once_max_ms": spread(taken)["max_ms"]}


async def many_rooms(bench: Bench, size: int) -> dict[str, float]:
    """One vote in each room, as many at a time as there are rooms."""
    several = [(guild, *await bench.room(guild, 10, 10)) for guild in itertools.islice(guilds, size)]

    async def everywhere(number: int) -> None:
        value = 1 if number % 2 else -1
        votes = [bench.jukebox.vote(room, actor(5, guild), entries[2], value) for guild, room, entries in several]
        await asyncio.gather(*votes)

    figures = await measure({"vote_in_each": everywhere}, times=10)
    return {name: round(value / size, 4) for name, value in figures.items()}  # of one vote


async def measure(commands: Commands, times: int = TIMES) -> dict[str, float]:
    """Median and p99 in ms, and CPU in ms, of each command."""
    figures: dict[str, float] = {}
    for name, command in commands.items():
        before, taken = time.process_time(), [await timed(command(number)) for number in range(times)]
        figures[f"{name}_cpu_ms"] = round((time.process_time() - before) / times * 1000, 4)
        figures |= {f"{name}_{key}": value for key, value in spread(taken).items() if key != "max_ms"}
    return figures


def grown(series: dict[int, dict[str, float]]) -> dict[str, Any]:
    """The series, and what a doubling multiplies the CPU time by."""
    sizes = list(series.values())
    costs = {name: [one[name] for one in sizes] for name in sizes[0] if name.endswith("cpu_ms")}
    steps = {
        name: [later / max(sooner, 1e-6) for sooner, later in itertools.pairwise(it)] for name, it in costs.items()
    }
    return {"sizes": series, "grows": {name: round(geometric_mean(it), 2) for name, it in steps.items()}}
