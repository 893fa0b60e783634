import asyncio
import subprocess
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest

from lavalink.opus import SILENCE
from lavalink.protocol import ApiError
from lavalink.reel import Reel
from tests import sound
from tests.lavalink.harness import LATE, Desk, desk, until
from tests.waiting import crowding

if TYPE_CHECKING:
    from lavalink.pcm import Pcm

pytestmark = pytest.mark.heard


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        for name, hz, rate in (
            ("low.wav", 400, 48000),
            ("high.wav", 1000, 44100),
            ("mid.flac", 700, 44100),
            ("high.mp3", 1000, 44100),
            ("low.opus", 400, 48000),
            ("high.opus", 1000, 48000),
        ):
            made.media.add(name, sound.write_tone(tmp_path / name, hz, 0.905, rate=rate))
        made.media.add("long.wav", sound.write_tone(tmp_path / "long.wav", 600, 30.0))
        made.media.add("junk.mp3", b"junk" * 5000)
        yield made


def audible(one: Desk) -> list[bytes]:
    """All packets but the closing silence; there must be none between."""
    packets = one.ear.packets
    while packets and packets[-1] == SILENCE:
        packets = packets[:-1]
    assert SILENCE not in packets
    return packets


def steady(one: Desk) -> None:
    assert max(after - before for before, after in pairwise(one.ear.times)) < LATE * crowding()


def longest_silence(samples: sound.Samples) -> float:
    """Seconds of the longest quiet stretch, in steps of 2.5 ms, but for the very start and end."""
    pieces = samples[960:-1920]
    pieces = pieces[: len(pieces) // 120 * 120].reshape(-1, 120, 2)
    longest = run = 0
    for piece in pieces:
        run = run + 1 if sound.level(piece) < -30 else 0
        longest = max(longest, run)
    return longest * 0.0025


async def whole(reel: Reel) -> sound.Samples:
    """All samples of a reel, to its end."""

    def read() -> list[sound.Samples]:
        pieces = list[sound.Samples]()
        while (piece := reel.read(copy=0)) is not None:
            pieces.append(cast("Pcm", piece).sound())
        return pieces

    return np.concatenate(await asyncio.to_thread(read))


async def test_two_files_are_resampled_as_one(one: Desk, tmp_path: Path) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 997 * np.arange(88_200) / 44_100)).astype(np.float32)[:, None].repeat(2, axis=1)
    for name, part in (("a.flac", tone[:43_211]), ("b.flac", tone[43_211:]), ("whole.flac", tone)):
        one.media.add(name, sound.write_sound(tmp_path / name, part, rate=44_100))
    first, second, alone = [Reel(await one.track(name), one.sources, 0) for name in ("a.flac", "b.flac", "whole.flac")]
    for reel in (first, second, alone):
        await asyncio.to_thread(reel.open)
    first.successor = second
    joined = np.concatenate([await whole(first), await whole(second)])
    reference = await whole(alone)
    for reel in (first, second, alone):
        await asyncio.to_thread(reel.close)
    assert np.array_equal(joined, reference)


@pytest.mark.parametrize("start", [0, 1500])
async def test_what_aac_was_padded_with_is_not_played(one: Desk, tmp_path: Path, start: int) -> None:
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=2", "-ac", "2", "-c:a", "aac"]
    command = ["ffmpeg", "-loglevel", "error", *tone, str(tmp_path / "a.m4a")]
    await asyncio.to_thread(subprocess.run, command, check=True)
    one.media.add("a.m4a", tmp_path / "a.m4a")
    reel = Reel(await one.track("a.m4a"), one.sources, start)
    await asyncio.to_thread(reel.open)
    assert abs(len(await whole(reel)) - (2 - start / 1000) * sound.RATE) <= 1
    await asyncio.to_thread(reel.close)


def in_fragments(folder: Path) -> Path:
    """MP4 whose first fragment ends inside of a frame: so what is known at first says."""
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=3", "-ac", "2", "-c:a", "aac"]
    parts = ["-c", "copy", "-movflags", "dash+delay_moov+skip_trailer", "-frag_duration", "500000"]
    for arguments in ((*tone, "whole.m4a"), ("-ss", "0.333", "-i", "whole.m4a", *parts, "parts.m4a")):
        subprocess.run(["ffmpeg", "-loglevel", "error", *arguments], check=True, cwd=folder)
    return folder / "parts.m4a"


async def test_mp4_in_fragments_loses_nothing_between_them(one: Desk, tmp_path: Path) -> None:
    path = await asyncio.to_thread(in_fragments, tmp_path)
    with av.open(str(path)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    one.media.add("a.m4a", path, ranged=False)
    reel = Reel(await one.track("a.m4a"), one.sources, 0)
    await asyncio.to_thread(reel.open)
    assert abs(len(await whole(reel)) - samples * sound.RATE / 44_100) < 30
    await asyncio.to_thread(reel.close)


def damaged_at_its_start(path: Path) -> Path:
    """DTS, of which nobody knows in which format it is decoded until a frame is: there is none for three seconds."""
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=6", "-ac", "2"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *tone, "-c:a", "dca", "-strict", "-2", str(path)], check=True)
    data, sync = path.read_bytes(), b"\x7f\xfe\x80\x01"
    path.write_bytes(data[: len(data) // 2].replace(sync, bytes(4)) + data[len(data) // 2 :])
    return path


async def test_a_track_ends_well_whatever_follows_it(one: Desk, tmp_path: Path) -> None:
    one.media.add("odd.mka", await asyncio.to_thread(damaged_at_its_start, tmp_path / "odd.mka"))
    first, second = [Reel(await one.track(name), one.sources, 0) for name in ("mid.flac", "odd.mka")]
    for reel in (first, second):
        await asyncio.to_thread(reel.open)
        assert reel.error is None
    first.successor = second
    assert abs(len(await whole(first)) - 0.905 * sound.RATE) < 20
    for reel in (first, second):
        await asyncio.to_thread(reel.close)


@pytest.mark.parametrize(("kind", "rate"), [("wav", 48_000), ("flac", 48_000), ("flac", 44_100)])
async def test_a_sound_cut_in_two_files_is_joined_to_the_sample(
    one: Desk, tmp_path: Path, kind: str, rate: int
) -> None:
    tone = sound.tone(440, 2.0)
    for name, part in ((f"a.{kind}", tone[:43_210]), (f"b.{kind}", tone[43_210:])):
        one.media.add(name, sound.write_sound(tmp_path / name, part, rate=rate))
    one.media.add("whole.wav", sound.write_sound(tmp_path / "whole.wav", tone, rate=rate))
    first, second = await one.track(f"a.{kind}"), await one.track(f"b.{kind}")
    one.patch(track=first, next_track=second)
    await one.ended()
    joined = sound.decode(audible(one))
    await until(lambda: not one.ear.spoken[-1])
    one.ear.forget()
    await one.play("whole.wav")
    await one.ended()
    reference = sound.decode(audible(one))
    size = min(len(joined), len(reference))
    assert abs(len(joined) - len(reference)) <= 960
    assert np.abs(joined[:size] - reference[:size]).max() < 0.01


@pytest.mark.parametrize(
    ("first", "second", "hz"),
    [
        ("low.wav", "high.mp3", (400, 1000)),
        ("mid.flac", "low.wav", (700, 400)),
        ("low.opus", "high.opus", (400, 1000)),
        ("low.wav", "high.opus", (400, 1000)),
        ("low.opus", "high.wav", (400, 1000)),
    ],
)
async def test_kinds_of_joins(one: Desk, first: str, second: str, hz: tuple[int, int]) -> None:
    former, latter = await one.track(first), await one.track(second, entry=8)
    one.patch(track=former, next_track=latter)
    assert one.player.model().chorus.next == latter
    await until(lambda: ("TrackEnd", first, "finished") in one.events())
    assert one.player.model().track == latter
    assert one.player.model().chorus.next is None
    joined = next(at for at, message in enumerate(one.messages) if message.get("type") == "TrackEndEvent")
    told = next(message for message in one.messages[joined:] if message["op"] == "playerUpdate")
    assert told["state"]["position"] <= 40
    await one.ended()
    assert one.events() == [
        ("TrackStart", first),
        ("TrackEnd", first, "finished"),
        ("TrackStart", second),
        ("TrackEnd", second, "finished"),
    ]
    steady(one)
    samples = sound.decode(audible(one))
    heard = sound.tones_in(samples)
    assert [round(tone.hz, -1) for tone in heard] == list(hz)
    assert abs(heard[1].start - 0.905) <= 0.045
    # a packet that is passed through is never opened: what an Opus file's last one lacks stays silent
    assert longest_silence(samples) < (0.02 if first.endswith(".opus") else 0.003)
    assert abs(len(samples) / 48000 - 1.81) < 0.1


async def test_pass_through_stays_untouched_across_a_join(one: Desk) -> None:
    one.patch(track=await one.track("low.opus"), next_track=await one.track("high.opus"))
    await one.ended()
    bodies = one.media.pieces["low.opus"].body + one.media.pieces["high.opus"].body
    assert all(packet in bodies for packet in audible(one))


async def test_a_chain_of_joins(one: Desk) -> None:
    names = ["low.wav", "high.wav", "mid.flac", "low.wav"]
    tracks = [await one.track(name) for name in names]
    one.patch(track=tracks[0], next_track=tracks[1])
    for number in (2, 3):
        await until(lambda number=number: len(one.events()) == 2 * number - 1)
        one.patch(next_track=tracks[number])
    await one.ended()
    steady(one)
    samples = sound.decode(audible(one))
    assert [round(tone.hz, -1) for tone in sound.tones_in(samples)] == [400, 1000, 700, 400]
    assert abs(len(samples) - round(4 * 0.905 * 48000)) <= 1920
    assert longest_silence(samples) < 0.003


async def test_a_next_with_a_position_starts_there(one: Desk, tmp_path: Path) -> None:
    two = np.concatenate([sound.tone(1500, 1.0), sound.tone(1000, 0.5)])
    one.media.add("two.wav", sound.write_sound(tmp_path / "two.wav", two))
    one.patch(track=await one.track("low.wav"), next_track=await one.track("two.wav"), next_position=1_000)
    await one.ended()
    heard = one.ear.tones()
    assert [round(tone.hz, -1) for tone in heard] == [400, 1000]
    assert abs(heard[1].length - 0.5) < 0.05


async def test_next_is_withdrawn_by_null_and_by_a_new_track(one: Desk) -> None:
    one.patch(track=await one.track("low.wav"), next_track=await one.track("high.wav"))
    one.patch(next_track=None)
    assert one.player.model().chorus.next is None
    await one.ended()
    assert [round(tone.hz, -1) for tone in one.ear.tones()] == [400]
    await until(lambda: not one.ear.spoken[-1])
    one.ear.forget()
    one.patch(track=await one.track("long.wav"), next_track=await one.track("high.wav"))
    await one.play("low.wav")
    assert one.player.model().chorus.next is None
    await one.ended()
    assert round(one.ear.tones()[-1].hz, -1) == 400


async def test_a_next_that_cannot_be_opened_is_reported_and_nothing_follows(one: Desk) -> None:
    first, good = await one.track("low.wav"), await one.track("high.wav")
    info = good.info.model_copy(update={"identifier": one.media.url("junk.mp3")})
    bad = good.model_copy(update={"encoded": "junk.mp3", "info": info, "user_data": {"entry": 3}})
    one.patch(track=first, next_track=bad)
    await until(lambda: len(one.events()) == 2)
    assert one.player.model().track == first
    assert one.player.model().chorus.next is None
    broke = one.messages[-1]
    assert broke["track"]["userData"] == {"entry": 3}
    await one.ended()
    assert one.events() == [
        ("TrackStart", "low.wav"),
        ("TrackException", "junk.mp3"),
        ("TrackEnd", "low.wav", "finished"),
    ]
    assert abs(len(audible(one)) - 46) <= 1


async def test_once_the_join_has_begun_next_is_refused(one: Desk) -> None:
    first, second = await one.track("low.wav"), await one.track("high.wav")
    one.patch(track=first, next_track=second)
    await until(lambda: one.deck is not None and one.deck.joining)
    for other in (None, first):
        with pytest.raises(ApiError) as caught:
            one.patch(next_track=other)
        assert caught.value.status == 409
    await until(lambda: len(one.events()) == 3)
    one.patch(next_track=first)
    await one.ended()
    assert [round(tone.hz, -1) for tone in one.ear.tones()] == [400, 1000, 400]


async def test_a_next_named_in_the_last_moment_still_follows(one: Desk) -> None:
    first, second = await one.track("low.wav"), await one.track("high.wav")
    one.patch(track=first)
    await until(lambda: one.deck is not None and one.deck._over)
    one.patch(next_track=second)
    await one.ended()
    heard = sound.tones_in(sound.decode(one.ear.packets))
    assert [round(tone.hz, -1) for tone in heard] == [400, 1000]
    assert len(one.events()) == 4


async def test_without_a_track_nothing_can_follow(one: Desk) -> None:
    with pytest.raises(ApiError) as caught:
        one.patch(next_track=await one.track("low.wav"))
    assert caught.value.status == 409
    one.patch(next_track=None)


async def test_a_slow_next_starts_late_but_starts(one: Desk) -> None:
    second = await one.track("high.wav")
    taken = one.sources.take(second.info.identifier)
    assert taken is not None
    taken.close()
    one.media.pieces["high.wav"].stall_after = 0
    one.patch(track=await one.track("low.wav"), next_track=second)
    await until(lambda: ("TrackEnd", "low.wav", "finished") in one.events(), within=2)
    one.media.pieces["high.wav"].stall_after = None
    one.media.released.set()
    await one.ended()
    assert one.events()[2:] == [("TrackStart", "high.wav"), ("TrackEnd", "high.wav", "finished")]
    assert [round(tone.hz, -1) for tone in one.ear.tones()] == [400, 1000]


async def test_seeking_keeps_what_follows(one: Desk) -> None:
    one.patch(track=await one.track("long.wav"), next_track=await one.track("high.wav"))
    await until(lambda: one.ear.heard(600))
    one.patch(position=29_500)
    await until(lambda: one.ear.heard(1000), within=2)
    one.ear.forget()
    await one.ended()
    assert one.events()[-1] == ("TrackEnd", "high.wav", "finished")


async def test_seeking_back_out_of_a_join_joins_again(one: Desk) -> None:
    one.patch(track=await one.track("low.wav"), next_track=await one.track("high.wav"))
    await until(lambda: one.deck is not None and one.deck.joining)
    one.patch(position=500)
    await one.ended()
    assert [event[0] for event in one.events()] == ["TrackStart", "TrackEnd", "TrackStart", "TrackEnd"]
    assert round(one.ear.tones()[-1].hz, -1) == 1000


async def test_the_end_time_joins_too(one: Desk) -> None:
    one.patch(track=await one.track("long.wav"), next_track=await one.track("high.wav"), endTime=505)
    await one.ended()
    steady(one)
    samples = sound.decode(audible(one))
    low, high = sound.tones_in(samples)
    assert abs(low.length - 0.505) < 0.045
    assert abs(high.length - 0.905) < 0.045
    assert longest_silence(samples) < 0.003


async def test_volume_changes_reach_the_next_track(one: Desk) -> None:
    one.patch(track=await one.track("low.opus"), next_track=await one.track("high.opus"), volume=25)
    await asyncio.sleep(0)
    await one.ended()
    level = sound.level(sound.decode(audible(one))[-9600:-1920])
    assert abs(level - -24) < 1
