"""How soon a change is heard after its PATCH: volume, filter volume, pause, skip; and how a change of tracks sounds.

Every packet is decoded; the time is the arrival of the first packet that sounds otherwise.
"""

import asyncio
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from bench.figures import judged
from bench.rig import Rig, Room, against_java
from tests import sound
from tests.simulators.discord.listening import Packet

RUNS = 5
STEADY = 0.3
BAR = 0.5
JAVA_TAKES = 8.0
"""Seconds; a filter has to pass all that was decoded before it."""


async def run() -> dict[str, Any]:
    """All figures."""
    return await against_java(rows)


async def rows(one: Rig) -> dict[str, Any]:
    """The figures of one node."""
    for hz in (440, 660):
        await asyncio.to_thread(sound.write_tone, one.folder / f"{hz}.wav", hz, 60)
    await asyncio.to_thread(sound.write_tone, one.folder / "short.flac", 440, 2)
    room = one.room()
    await one.patch(room, voice=one.voice(room), track={"identifier": one.url("440.wav")})
    figures = {
        "volume_s": await timed(one, room, quieter, volume=25),
        "filter_volume_s": await timed(one, room, quieter, filters={"volume": 0.25}),
        "skip_s": await timed(one, room, higher, skip=True),
        "pause_s": await timed(one, room, None, paused=True),
    }
    return figures if one.java else figures | {"gapless_silent_frames": await gapless(one, room)}


async def timed(one: Rig, room: Room, changed: Callable[[list[Packet], float], float] | None, **body: Any) -> Any:
    """The median time from the PATCH to the first packet that sounds changed (None: to the last packet at all)."""
    times: list[float] = []
    for _ in range(RUNS):
        await one.patch(room, track={"identifier": one.url("440.wav")}, volume=100, filters={}, paused=False)
        await asyncio.sleep(JAVA_TAKES * one.java)  # the last change is still to be taken back there
        await room.channel.heard(440, seconds=STEADY)
        change = {"track": {"identifier": one.url("660.wav")}} if body.get("skip") else body
        begun = await one.patch(room, **change)
        await asyncio.sleep(JAVA_TAKES if one.java else BAR + STEADY)
        packets = room.channel.since(begun - STEADY)
        times.append((changed(packets, begun) if changed else packets[-1].at) - begun)
    return judged(median(times), BAR, longest=round(max(times), 3))


def quieter(packets: list[Packet], begun: float) -> float:
    """When it became quieter by more than 6 dB."""
    levels = [sound.level(frame) for frame in frames(packets)]
    usual = median(levels[2:10])
    return arrival(packets, [level < usual - 6 for level in levels], begun)


def higher(packets: list[Packet], begun: float) -> float:
    """When it became another tone."""
    return arrival(packets, [abs(sound.frequency(frame) - 660) < 30 for frame in frames(packets)], begun)


def frames(packets: list[Packet]) -> list[sound.Samples]:
    """What each packet sounds like."""
    samples = sound.mono(sound.decode(packet.opus for packet in packets))
    return list(samples[: len(samples) // sound.FRAME * sound.FRAME].reshape(-1, sound.FRAME))


def arrival(packets: list[Packet], flags: list[bool], begun: float) -> float:
    """When the first flagged packet after `begun` arrived; for ever if none did."""
    found = (packet.at for packet, flag in zip(packets, flags, strict=False) if flag and packet.at > begun)
    return next(found, float("inf"))


async def gapless(one: Rig, room: Room) -> Any:
    """Frames of silence, or missing, around the join of a track of two seconds with the next."""
    silent: list[int] = []
    for _ in range(RUNS):
        await one.patch(room, track={"identifier": one.url("short.flac")}, paused=False, volume=100, filters={})
        begun = await one.patch(room, chorus={"next": {"identifier": one.url("660.wav")}})
        await room.channel.heard(440, seconds=STEADY)
        await room.channel.heard(660, seconds=STEADY)
        silent.append(_silence(room.channel.since(begun + 0.1)))
    return judged(max(silent), 0)


def _silence(packets: list[Packet]) -> int:
    quiet = sum(float(np.abs(frame).max()) < 0.01 for frame in frames(packets)[2:])
    missing = (packets[-1].timestamp - packets[0].timestamp) // sound.FRAME + 1 - len(packets)
    return quiet + missing
