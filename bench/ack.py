"""Interactions acknowledged: 100 slash commands a second for 10 s, in 20 guilds, each counted from when it was due."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

from bench.figures import judged, percentile, settle, spread
from bench.processes import cpu_seconds
from bench.product import in_discord, scratch
from tests import sound
from tests.e2e.world import World
from tests.simulators.discord.interactions import Interaction

GUILDS = 20
RATE = 100
SECONDS = 10
PEOPLE = ("Ann", "Ben", "Cleo")
TITLES = ("Aria", "Blues", "Chant", "Dirge", "Elegy")
MIX: tuple[tuple[str, dict[str, object]], ...] = (
    ("play", {"query": "Aria"}), ("vote", {}), ("queue", {}), ("play", {"query": "Blues"}), ("now", {}),
    ("skip", {}), ("play", {"query": "Chant"}), ("vote", {"track": "Chant"}), ("queue", {}),
    ("volume", {"percent": 90}),
)  # fmt: skip


async def run() -> dict[str, Any]:
    """All figures."""
    with scratch() as folder:
        async with in_discord(await asyncio.to_thread(write_library, folder / "music")) as stage:
            worlds = [await stage.guild(f"Guild {number}", *PEOPLE) for number in range(GUILDS)]
            for world in worlds:
                await world.play(world.people[0], "Elegy")
                await world.play(world.people[1], "Dirge")
            await worlds[-1].music.heard(440)
            assert stage.chorus.process is not None
            bot = [stage.chorus.process.pid]
            begun, before = time.monotonic(), cpu_seconds(bot)
            sent = await open_loop(worlds)
            share = (cpu_seconds(bot) - before) / (time.monotonic() - begun) * 100
            return judge(sent) | {"bot_cpu_percent": round(share, 1)}


def write_library(folder: Path) -> Path:
    """Five tracks of two minutes."""
    folder.mkdir()
    for title in TITLES:
        sound.write_tone(folder / f"{title}.flac", 440, 120, tags={"title": title})
    return folder


async def open_loop(worlds: list[World]) -> list[tuple[float, Interaction]]:
    """Commands at their fixed rate, whatever becomes of those before; when each was due."""
    settle()
    sent: list[tuple[float, Interaction]] = []
    begun = time.monotonic() + 0.1
    turns = itertools.cycle(MIX)
    for number in range(RATE * SECONDS):
        due = begun + number / RATE
        if (ahead := due - time.monotonic()) > 0:
            await asyncio.sleep(ahead)
        world, (command, options) = worlds[number % GUILDS], next(turns)
        member = world.people[number // GUILDS % len(PEOPLE)]
        interactions = world.discord.interactions
        sent.append((due, interactions.slash(member, command, world.text, options)))
    await asyncio.gather(*(one.answered(5) for _, one in sent), return_exceptions=True)
    return sent


def judge(sent: list[tuple[float, Interaction]]) -> dict[str, Any]:
    """Percentiles of those acknowledged, and how many were not within Discord's three seconds."""
    taken = [(one.acked - due, one) for due, one in sent if one.acked is not None]
    late = len(sent) - sum(seconds <= 3 for seconds, _ in taken)
    times = [seconds for seconds, _ in taken]
    names = sorted({one.data["name"] for _, one in taken})
    by_name = {name: spread([seconds for seconds, one in taken if one.data["name"] == name]) for name in names}
    return {
        "p99_ms": judged(percentile(times, 0.99) * 1000, 50),
        "over_3_s": judged(late, 0),
        "all": spread(times),
        "each": by_name,
        "commands": len(sent),
    }
