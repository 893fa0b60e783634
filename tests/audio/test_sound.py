"""A room's filters, crossfade and bitrate, heard from the real built-in node."""

import time

import numpy as np
import pytest

from audio.player_ids import lead_id
from core.ports.places import RoomRef
from core.types import EntryId, Limits, RoomId
from tests.audio.rig import Ear, Rig, World, tone
from tests.sound import FRAME, decode, frequency, mono
from tests.waiting import until

pytestmark = pytest.mark.heard

NIGHTCORE = 1.2


async def put(world: World, wanted: str) -> float:
    """Change the filter; when that was."""
    await world.jukebox.set_filter(world.lobby, world.actor, wanted)
    return time.monotonic()


async def apart(rig: Rig, world: World) -> float:
    """How far the room's clock is from what the node says, in ms."""
    node = rig.nodes.get("builtin")
    assert node is not None
    least = world.room.clock.at(world.clock.now())
    player = await node.player(lead_id(RoomRef(world.lobby, world.room.place, "", None, None)))
    assert player is not None
    position, most = player["state"]["position"], world.room.clock.at(world.clock.now())
    return max(0, least - position, position - most)


async def together(rig: Rig, world: World) -> None:
    """Wait until the room's clock and the node agree."""

    async def agree() -> bool:
        return await apart(rig, world) < 50

    await until(agree, within=3, what="one position")


def first_heard(ear: Ear, hz: float, since: float) -> float:
    """Seconds from `since` until this pitch alone began."""
    start = next(number for number, at in enumerate(ear.times) if at >= since)
    samples = mono(decode(ear.packets[start - 5 :]))[5 * FRAME :]
    for number in range(len(samples) // FRAME - 3):
        if abs(frequency(samples[number * FRAME : (number + 3) * FRAME]) - hz) < 15:
            return ear.times[start + number] - since
    raise AssertionError(f"{hz} Hz never came")


async def test_a_filter_is_heard_within_half_a_second(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 60))
        await ear.hears(440)
        began = await put(world, "nightcore")
        await ear.hears(440 * NIGHTCORE)
        assert first_heard(ear, 440 * NIGHTCORE, began) < 0.5
        began = await put(world, "off")
        await ear.hears(440)
        assert first_heard(ear, 440, began) < 0.5
        assert ear.longest_gap() < 0.4  # a busy machine delays a packet


async def test_the_clock_is_right_after_the_speed_has_changed(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 120))
        await ear.hears(440)
        for wanted in ('{"timescale": {"speed": 3}}', "vaporwave", "off"):
            heard = await put(world, wanted) + 1.0
            await until(lambda heard=heard: time.monotonic() > heard, what="the change heard")
            await together(rig, world)
            await until(lambda heard=heard: time.monotonic() > heard + 0.7, what="some time at that speed")
            assert await apart(rig, world) < 50, wanted


async def test_a_filter_outlives_a_kill_and_is_not_sent_again(world: World) -> None:
    async with Rig(world) as rig:
        async with Ear(rig, world.lobby) as ear:
            await world.listen()
            await world.add(tone(440, 60))
            await ear.hears(440)
            await put(world, "nightcore")
            await ear.hears(440 * NIGHTCORE)
        await rig.crash()
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await ear.hears(440 * NIGHTCORE)
        await together(rig, world)
        await put(world, "off")
        await ear.hears(440)


async def test_a_new_track_and_a_moved_room_have_the_filter_from_the_start(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.jukebox.set_filter(world.lobby, world.actor, "nightcore")
        await world.add(tone(440, 60), tone(660, 60))
        await ear.hears(440 * NIGHTCORE)
        await world.jukebox.skip(world.lobby, world.actor)
        await ear.hears(660 * NIGHTCORE)
        samples = mono(decode(ear.packets))
        pitches = {round(frequency(samples[at : at + 3 * FRAME]) / 10) * 10 for at in range(0, len(samples), 3 * FRAME)}
        assert not pitches & {440, 660}


def share(samples: "np.ndarray[tuple[int], np.dtype[np.float32]]", hz: float) -> float:
    """How strong one pitch is in some samples, as an amplitude."""
    turns = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / 48_000)
    return float(2 * abs(np.mean(samples * turns)))


async def test_tracks_fade_into_each_other_at_equal_power(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.jukebox.set_loudness(world.lobby, world.actor, False)
        await world.jukebox.set_crossfade(world.lobby, world.actor, 2_000)
        await world.add(tone(440, 6), tone(880, 30))
        await ear.hears(440)
        await until(lambda: world.room.current and world.room.current.entry.id == EntryId(2), what="the join")
        assert [play.reason for play in world.rooms.played] == ["finished"]
        await until(lambda: world.room.clock.offset > 900, what="a clock that knows of the fade")
        await ear.hears(880)
        assert await apart(rig, world) < 50
        await until(lambda: world.room.clock.at(world.clock.now()) > 3_000, what="the end of the fade")
        samples = mono(decode(ear.packets))
        steps = [samples[at : at + 4_800] for at in range(0, len(samples) - 4_800, 4_800)]
        low, high = ([share(step, hz) for step in steps] for hz in (440, 880))
        both = [step for step in zip(low, high, strict=True) if min(step) > 0.05 * max(low)]
        assert 14 <= len(both) <= 20, "two seconds of both"
        assert all(abs(np.hypot(*step) / max(low) - 1) < 0.15 for step in both)
        assert ear.longest_gap() < 0.4  # a busy machine delays a packet


@pytest.mark.parametrize("how", ["skip", "seek", "remove", "no crossfade"])
async def test_a_crossfade_that_is_interrupted_ends_cleanly(world: World, how: str) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.jukebox.set_crossfade(world.lobby, world.actor, 4_000)
        await world.add(tone(440, 9), tone(880, 30), tone(660, 30))
        await ear.hears(440)
        await until(lambda: world.room.clock.at(world.clock.now()) > 5_600, what="the fade to begin")
        match how:
            case "skip":
                await world.jukebox.skip(world.lobby, world.actor)
                await ear.hears(880)
            case "seek":
                await world.jukebox.seek(world.lobby, world.actor, 1_000)
                await ear.hears(440)
            case "remove":
                await world.jukebox.remove(world.lobby, world.actor, EntryId(2))
                await ear.hears(660)
            case _:
                await world.jukebox.set_crossfade(world.lobby, world.actor, 0)
                await ear.hears(440)
                await ear.hears(880)
        await together(rig, world)
        assert ear.longest_gap() < 0.4  # a busy machine delays a packet


async def test_the_encoder_makes_what_the_plan_allows(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 60))
        await ear.hears(440)
        assert rig.players.bitrate(world.lobby) == 128_000
        wide = sum(map(len, ear.packets[-25:]))
        world.room.limits = Limits(bitrate=16_000)
        await world.jukebox.volume(world.lobby, world.actor, 90)
        await until(lambda: rig.players.bitrate(world.lobby) == 16_000)
        await until(lambda: sum(map(len, ear.packets[-25:])) < wide / 2, what="smaller packets")
        assert rig.players.bitrate(RoomId("elsewhere")) is None
