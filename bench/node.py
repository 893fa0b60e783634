"""The built-in node: CPU, lateness and memory at 50 rooms with voice over HTTP, and how soon it starts."""

import asyncio
import time
from statistics import median
from typing import Any

from bench.figures import judged, percentile, spread
from bench.processes import bare_sleep_beside, cpu_share, memory
from bench.rig import Rig, Room, lateness, rig, underruns, write_music
from tests.waiting import until

ROOMS = 50
STARTS = 25
SETTLING = 3.0
RELIEF = 31.0
"""Seconds that a node which was overburdened encodes with less effort, which is not what is measured."""


async def run() -> dict[str, Any]:
    """All figures; the node has a core of its own."""
    async with rig() as one:
        figures: dict[str, Any] = {}
        await asyncio.sleep(1.0)
        idle = memory(one.pid)
        figures["idle_mb"] = judged(idle, 110)
        for suffix in ("wav", "mp3"):
            await asyncio.to_thread(write_music, one.folder / f"music.{suffix}")
        figures |= await starts(one)
        rooms = [one.room() for _ in range(ROOMS)]
        figures |= await measured(one, rooms, "wav", cpu_bar=1.15)
        figures["room_mb"] = judged((memory(one.pid) - idle) / ROOMS, 2.5)
        figures |= await measured(one, rooms, "mp3", cpu_bar=1.4)
        return figures


async def starts(one: Rig) -> dict[str, Any]:
    """From the PATCH to the first RTP packet, with voice up and with the handshake."""
    room, up, fresh = one.room(), list[float](), list[float]()
    for _ in range(STARTS):
        begun = await one.patch(room, voice=one.voice(room), track={"identifier": one.url("music.wav")})
        fresh.append(await one.first_packet(room, begun) - begun)
        await one.hush(room)
        begun = await one.patch(room, track={"identifier": one.url("music.wav")})
        up.append(await one.first_packet(room, begun) - begun)
        await one.leave(room)
    return {
        "first_packet_voice_up_ms": judged(median(up) * 1000, 12, times=spread(up)),
        "first_packet_handshake_ms": judged(median(fresh) * 1000, 25, times=spread(fresh)),
    }


async def measured(one: Rig, rooms: list[Room], suffix: str, *, cpu_bar: float) -> dict[str, Any]:
    """CPU of each room, lateness and underruns while all of them play a file of that kind."""
    before = one.strains
    await join(one, rooms, f"music.{suffix}")
    await asyncio.sleep(SETTLING)
    if one.strains > before:
        await asyncio.sleep(RELIEF)
    before = one.strains
    since = time.monotonic()
    bare, cpu = await asyncio.gather(bare_sleep_beside(9.0), cpu_share([one.pid]))
    heard = [room.channel.since(since) for room in rooms]
    late = [each for packets in heard for each in lateness(packets)]
    return {
        f"cpu_per_room_percent_{suffix}": judged(
            cpu / len(rooms), cpu_bar, rooms=len(rooms), full_effort=one.strains == before
        ),
        f"late_p50_ms_{suffix}": judged(percentile(late, 0.5) * 1000, 1.5),
        f"late_p99_ms_{suffix}": judged(
            percentile(late, 0.99) * 1000, max(5.0, 2 * bare["p99_ms"]), max_ms=round(max(late) * 1000, 1), bare=bare
        ),
        f"underruns_{suffix}": judged(sum(map(underruns, heard)), 0),
    }


async def join(one: Rig, rooms: list[Room], name: str) -> None:
    """All of them play, each its own copy; four begin at a time."""
    turns = asyncio.Semaphore(4)

    async def start(room: Room) -> None:
        async with turns:
            voice = {} if room.channel.bot_session else {"voice": one.voice(room)}
            await one.patch(room, track={"identifier": one.url(name)}, **voice)

    since = time.monotonic()
    await asyncio.gather(*map(start, rooms))
    await until(lambda: all(room.channel.since(since) for room in rooms), what="all are heard")
