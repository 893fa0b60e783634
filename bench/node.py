"""The built-in node: CPU, lateness and memory at 50 rooms with voice over HTTP, and how soon it starts.

Beside a Java Lavalink, if LAVALINK_URL names one: then `java` is what that took for the same.
"""

import asyncio
import time
from statistics import median
from typing import Any

import numpy as np

from bench.figures import judged, percentile, spread
from bench.processes import bare_sleep_beside, cpu_share, memory
from bench.rig import Rig, Room, against_java, lateness, underruns
from lavalink.opus import new_encoder
from tests import sound
from tests.waiting import until

ROOMS = 50
SECONDS = 110
STARTS = 25
SETTLING = 3.0
WARMING = 20.0
"""Seconds more for a Java node, whose compiler has something to do yet."""
RELIEF = 31.0
"""Seconds that a node which was overburdened encodes with less effort, which is not what is measured."""


async def run() -> dict[str, Any]:
    """All figures."""
    return await against_java(rows)


async def rows(one: Rig) -> dict[str, Any]:
    """The figures of one node."""
    figures: dict[str, Any] = {}
    await asyncio.sleep(1.0)
    idle = memory(one.pid)
    figures["idle_mb"] = judged(idle, 110)
    for suffix in ("wav", "mp3"):
        await asyncio.to_thread(sound.write_tone, one.folder / f"tone.{suffix}", 440, SECONDS)
    figures |= await starts(one)
    rooms = [one.room() for _ in range(ROOMS)]
    figures |= await measured(one, rooms, "tone.wav", cpu_bar=1.15, to_encoder=1.68)
    figures["room_mb"] = judged((memory(one.pid) - idle) / ROOMS, 2.5)
    figures |= await measured(one, rooms, "tone.mp3", cpu_bar=1.4, to_encoder=2.04)
    return figures


async def starts(one: Rig) -> dict[str, Any]:
    """From the PATCH to the first RTP packet, with voice up and with the handshake."""
    room, up, fresh = one.room(), list[float](), list[float]()
    for _ in range(STARTS):
        begun = await one.patch(room, voice=one.voice(room), track={"identifier": one.url("tone.wav")})
        fresh.append(await one.first_packet(room, begun) - begun)
        await one.hush(room)
        begun = await one.patch(room, track={"identifier": one.url("tone.wav")})
        up.append(await one.first_packet(room, begun) - begun)
        await one.leave(room)
    return {
        "first_packet_voice_up_ms": judged(median(up) * 1000, 12, times=spread(up)),
        "first_packet_handshake_ms": judged(median(fresh) * 1000, 25, times=spread(fresh)),
    }


async def measured(
    one: Rig, rooms: list[Room], name: str, *, cpu_bar: float, to_encoder: float = 0.0
) -> dict[str, Any]:
    """CPU of each room, lateness and underruns while all of them play that file.

    `to_encoder`: how many times the CPU of the encoder alone it may be, whatever the machine is worth just now.
    """
    before = one.strains
    await join(one, rooms, name)
    await asyncio.sleep(SETTLING + WARMING * one.java)
    if one.strains > before:
        await asyncio.sleep(RELIEF)
    before, since = one.strains, time.monotonic()
    bare, cpu = await asyncio.gather(bare_sleep_beside(9.0), cpu_share([one.pid]))
    cpu /= len(rooms)
    heard = [room.channel.since(since) for room in rooms]
    late = [each for packets in heard for each in lateness(packets)]
    figures = {
        "cpu_per_room_percent": judged(cpu, cpu_bar, rooms=len(rooms), full_effort=one.strains == before),
        "late_p50_ms": judged(percentile(late, 0.5) * 1000, 1.5),
        "late_p99_ms": judged(
            percentile(late, 0.99) * 1000, max(5.0, 2 * bare["p99_ms"]), max_ms=round(max(late) * 1000, 1), bare=bare
        ),
        "underruns": judged(sum(map(underruns, heard)), 0),
    }
    if one.strains > before:
        await asyncio.sleep(RELIEF)  # or the next measurement would be too good
    if to_encoder:
        alone = await asyncio.to_thread(encoder_alone)
        figures["cpu_to_encoder"] = judged(cpu / alone, to_encoder, encoder_alone_percent=round(alone, 3))
    return {f"{name} {figure}": value for figure, value in figures.items()}


def encoder_alone() -> float:
    """The percentage of a core that encoding a tone takes in real time by libopus alone, on this machine now."""
    samples = (sound.tone(440, 6) * 32767).astype(np.int16)
    encoder, begun = new_encoder(), time.thread_time()
    for start in range(0, len(samples), sound.FRAME):
        encoder.encode(samples[start:].ctypes.data)
    return (time.thread_time() - begun) / 6 * 100


async def join(one: Rig, rooms: list[Room], name: str) -> None:
    """All of them play, each its own copy; four begin at a time."""
    turns = asyncio.Semaphore(4)

    async def start(room: Room) -> None:
        async with turns:
            voice = {} if room.channel.bot_session else {"voice": one.voice(room)}
            await one.patch(room, track={"identifier": one.url(name)}, **voice)
            await asyncio.sleep(0.05)  # so that the burst of the starts does not count as an overload

    since = time.monotonic()
    await asyncio.gather(*map(start, rooms))
    await until(lambda: all(room.channel.since(since) for room in rooms), what="all are heard")
