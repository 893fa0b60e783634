"""Loudness as it is heard: measured on what the real node sends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from audio.loudness import TARGET
from audio.measuring import Measuring
from core.enums import Guests, Hearing, Surface
from core.ports.places import RoomRef
from core.records.measures import Measure
from core.types import Actor, PersonId, PlaceId, Presence, RoomId, Settings, Track, TrackRef
from tests.audio.music import loudness, programme, true_peak
from tests.audio.rig import Ear, Rig, World
from tests.audio.test_measuring import Shelf
from tests.sound import FRAME, RATE, Samples, decode, write_sound
from tests.waiting import until

pytestmark = pytest.mark.heard

SECONDS = 9


@dataclass
class Reference:
    """A track of a loudness, in a format."""

    lufs: float
    suffix: str
    crest: float | None = None


TEN = (
    Reference(-30, "flac"),
    Reference(-27, "mp3"),
    Reference(-24, "wav"),
    Reference(-21, "m4a"),
    Reference(-18.5, "opus"),
    Reference(-16, "flac"),
    Reference(-14, "ogg"),
    Reference(-11, "wav", crest=10),
    Reference(-8.5, "mp3", crest=7),
    Reference(-6, "flac", crest=5),
)


def sharp(lufs: float, crest: float, seconds: float) -> Samples:
    """A programme with a hit every second that stands so many dB above its loudness."""
    sound = programme(lufs, seconds)
    hit = 10 ** ((lufs + crest) / 20) * np.exp(-np.arange(RATE // 200) / 40) * np.sin(np.arange(RATE // 200) / 3)
    for at in range(RATE // 2, len(sound) - len(hit), RATE):
        sound[at : at + len(hit)] += hit[:, None]
    return sound.astype(np.float32)


async def measure(world: World, tracks: Sequence[Track]) -> None:
    """Have the job measure them all."""
    job = Measuring(world.levels, world.measures, Shelf(world.folder), Shelf(world.folder), world.media)
    world.levels.want(world.lobby, tuple(tracks))
    task = asyncio.create_task(job.run())
    try:
        await until(lambda: _all_whole(world, tracks), within=60, what="all measured")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _all_whole(world: World, tracks: Sequence[Track]) -> bool:
    measures = [await world.levels.look(track.ref) for track in tracks]
    return all(measure is not None and measure.whole for measure in measures)


def put(world: World, name: str, sound: Samples) -> Track:
    write_sound(world.folder / "media" / name, sound)
    return Track(TrackRef(f"url:/files/{name}"), name, length=len(sound) * 1000 // RATE)


async def rooms(world: World, count: int) -> list[RoomRef]:
    """Rooms of the page to which everybody may add."""
    refs = [await world.places.place_room(PlaceId(f"web:{number}"), f"{number}") for number in range(count)]
    for ref in refs:
        world.rooms.rooms[ref.room].settings = Settings(guests=Guests.ADD)
    return refs


async def play(world: World, ref: RoomRef, *tracks: Track) -> None:
    """Somebody comes and asks for them."""
    person = PersonId(f"ann-{ref.room}")
    presence = Presence(person, ref.place, Hearing.STREAM, "Ann", world.clock.now())
    await world.reports.arrived(ref.room, presence)
    await world.jukebox.add(ref.room, Actor(person, "Ann", ref.place, Surface.WEB, dj=True), tracks)


@asynccontextmanager
async def ears(rig: Rig, rooms: Sequence[RoomId]) -> AsyncGenerator[list[Ear]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Ear(rig, room)) for room in rooms]


@pytest.mark.timeout(180)
async def test_ten_tracks_from_minus_30_to_minus_6_come_out_alike(world: World) -> None:
    tracks = [
        put(world, f"{n}.{it.suffix}", programme(it.lufs, SECONDS, seed=n, crest=it.crest)) for n, it in enumerate(TEN)
    ]
    await measure(world, tracks)
    refs = await rooms(world, len(TEN))
    async with Rig(world) as rig, ears(rig, [ref.room for ref in refs]) as heard:
        await rig.up()
        await asyncio.gather(*(play(world, ref, track) for ref, track in zip(refs, tracks, strict=True)))
        packets = (SECONDS - 1) * 50
        await until(lambda: all(len(ear.packets) >= packets for ear in heard), within=SECONDS + 20, what="all heard")
        sounds = [decode(ear.packets[:packets]) for ear in heard]
    out = [loudness(sound) for sound in sounds]
    assert out == [pytest.approx(TARGET, abs=1)] * len(TEN), out
    assert all(true_peak(sound) < -0.5 for sound in sounds)  # the limiter's -1 dBTP, and what Opus adds


@pytest.mark.timeout(120)
async def test_peaks_that_stand_out_are_limited_by_three_decibels_at_most(world: World) -> None:
    fits, stands_out = sharp(-26, 13.5, SECONDS), sharp(-26, 22, SECONDS)
    assert 16.5 < true_peak(fits) - loudness(fits) < 18
    assert true_peak(stands_out) - loudness(stands_out) > 22
    songs = [put(world, "a.flac", fits), put(world, "b.flac", stands_out)]
    await measure(world, songs)
    refs = await rooms(world, 2)
    async with Rig(world) as rig, ears(rig, [ref.room for ref in refs]) as heard:
        await rig.up()
        await asyncio.gather(play(world, refs[0], songs[0]), play(world, refs[1], songs[1]))
        packets = (SECONDS - 1) * 50
        await until(lambda: all(len(ear.packets) >= packets for ear in heard), within=SECONDS + 20, what="both heard")
        out = [decode(ear.packets[:packets]) for ear in heard]
    assert loudness(out[0]) == pytest.approx(TARGET, abs=1)
    assert loudness(out[1]) == pytest.approx(loudness(stands_out) + 2 - true_peak(stands_out), abs=1)
    assert loudness(out[1]) < TARGET - 4  # its peaks allow no more
    assert all(true_peak(sound) < -0.5 for sound in out)


@pytest.mark.timeout(90)
async def test_each_of_two_joined_tracks_has_its_own_gain_to_the_sample(world: World) -> None:
    quiet, loud = put(world, "a.flac", programme(-26, 6)), put(world, "b.flac", programme(-10, 8, seed=3, crest=9))
    await measure(world, [quiet, loud])
    lobby = await world.places.lobby()
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await rig.up()
        await play(world, lobby, quiet, loud)
        await until(lambda: len(ear.packets) >= 12 * 50, within=30, what="both heard")
        sound = decode(ear.packets[: 12 * 50])
        assert [play.reason for play in world.rooms.played] == ["finished"]
    assert loudness(sound[: 6 * RATE]) == pytest.approx(TARGET, abs=1)
    assert loudness(sound[6 * RATE :]) == pytest.approx(TARGET, abs=1)
    moments = [loudness(sound[at : at + RATE // 2 + FRAME]) for at in range(5 * RATE, 8 * RATE, RATE // 10)]
    assert max(moments) < TARGET + 5  # with the former's gain it would be 16 dB more for a moment


@pytest.mark.timeout(90)
async def test_a_track_that_nothing_is_known_of_starts_at_once_and_comes_to_be_right(world: World) -> None:
    song = put(world, "a.flac", programme(-21, 25))
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await rig.up()
        await play(world, await world.places.lobby(), song)
        await until(lambda: len(ear.packets) >= 100, what="two seconds of it")
        world.levels.note(Measure(song.ref, -21.0, -8.0, whole=True))
        await until(lambda: len(ear.packets) >= 12 * 50, within=30, what="more of it")
        sound = decode(ear.packets[: 12 * 50])
    assert loudness(sound[:RATE]) == pytest.approx(loudness(programme(-21, 25)[:RATE]), abs=0.7)
    original = programme(-21, 25)[9 * RATE : 12 * RATE]
    assert loudness(sound[9 * RATE :]) - loudness(original) == pytest.approx(5, abs=0.5)


@pytest.mark.timeout(90)
async def test_opus_near_the_target_passes_untouched(world: World) -> None:
    song = put(world, "a.opus", programme(-17.5, 8))
    await measure(world, [song])
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await rig.up()
        await play(world, await world.places.lobby(), song)
        await until(lambda: len(ear.packets) >= 200, within=20, what="four seconds of it")
    data = (world.folder / "media" / "a.opus").read_bytes()
    assert all(packet in data for packet in ear.packets[:200])
