import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lavalink.engine import OPENERS
from lavalink.opus import SILENCE
from lavalink.protocol import Track, TrackInfo
from lavalink.reel import Reel
from tests import sound
from tests.lavalink.harness import LATE, Desk, Ear, desk, until
from tests.waiting import crowding

pytestmark = pytest.mark.heard

FADE = 0.14
"""Seconds that are still heard after a pause, and once more when it is over."""


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        made.media.add("low.wav", sound.write_tone(tmp_path / "low.wav", 400, 1.0, rate=44100))
        made.media.add("high.mp3", sound.write_tone(tmp_path / "high.mp3", 1000, 1.0))
        made.media.add("low.opus", sound.write_tone(tmp_path / "low.opus", 400, 1.0))
        made.media.add("high.opus", sound.write_tone(tmp_path / "high.opus", 1000, 1.0))
        made.media.add("long.wav", sound.write_tone(tmp_path / "long.wav", 600, 30.0))
        made.media.add("long.opus", sound.write_tone(tmp_path / "long.opus", 600, 30.0))
        two = np.concatenate([sound.tone(400, 5.0), sound.tone(1000, 25.0)])
        made.media.add("two.flac", sound.write_sound(tmp_path / "two.flac", two))
        yield made


def steady(ear: Ear) -> None:
    """No packet came early, late or not at all."""
    distances = [after - before for before, after in pairwise(ear.times)]
    assert max(distances) < LATE * crowding(), max(distances)
    assert abs(np.mean(distances) - 0.02) < 0.001


def lost(track: Track) -> Track:
    gone = track.info.identifier + ".gone"
    return track.model_copy(update={"encoded": "gone", "info": track.info.model_copy(update={"identifier": gone})})


async def test_a_track_is_heard_from_its_start_to_its_end(one: Desk) -> None:
    started = time.monotonic()
    await one.play("low.wav")
    await one.ended()
    await until(lambda: not one.ear.spoken[-1])
    assert one.ear.times[0] - started < 0.1
    assert one.events() == [("TrackStart", "low.wav"), ("TrackEnd", "low.wav", "finished")]
    (tone,) = one.ear.tones()
    assert abs(tone.hz - 400) < 2
    assert 0.96 <= tone.length <= 1.04
    assert one.ear.packets[-5:] == [SILENCE] * 5
    assert SILENCE not in one.ear.packets[:-5]
    assert one.ear.spoken == [True, False]
    steady(one.ear)


async def test_opus_passes_through_untouched(one: Desk) -> None:
    await one.play("high.opus")
    await one.ended()
    body = one.media.pieces["high.opus"].body
    packets = [packet for packet in one.ear.packets if packet != SILENCE]
    assert len(packets) in range(50, 53)
    assert all(packet in body for packet in packets)


async def test_a_file_that_cannot_be_sought_in_is_where_it_is_heard(one: Desk, tmp_path: Path) -> None:
    one.media.add("two.wav", sound.write_tone(tmp_path / "two.wav", 400, 20.0), ranged=False)
    await one.play("two.wav", position=10_000)
    await one.hear(25)
    assert abs(one.player.model().state.position - 500) <= 60
    one.patch(position=5_000)  # it is played on
    await one.hear(25)
    assert abs(one.player.model().state.position - 1_000) <= 65


@pytest.mark.parametrize("name", ["long.wav", "long.opus"])
async def test_volume_is_heard_within_half_a_second(one: Desk, name: str) -> None:
    await one.play(name)
    await one.hear(25)
    for volume, change in ((50, -6.0), (200, 6.0), (100, 0.0)):
        one.patch(volume=volume)
        await one.hear(24)
        heard = sound.decode(one.ear.packets)[-1920:]
        assert abs(sound.level(heard) - (-12 + change)) < 2, volume
        await one.hear(8)  # a decoder that comes from another encoder's packets takes some more to settle
        heard = sound.decode(one.ear.packets)[-1920:]
        assert abs(sound.level(heard) - (-12 + change)) < 0.5, volume
    one.patch(volume=0)
    await one.hear(24)
    assert sound.level(sound.decode(one.ear.packets)[-960:]) < -30
    await one.hear(8)
    assert sound.level(sound.decode(one.ear.packets)[-960:]) < -80
    one.patch(volume=1000)
    await one.hear(24)
    assert abs(sound.level(sound.decode(one.ear.packets)[-1920:]) - -4.5) < 0.3  # a sine whose peaks are at -1.5 dB
    steady(one.ear)
    (tone, *_) = one.ear.tones()
    assert abs(tone.hz - 600) < 5


async def test_the_bit_rate_is_changed_while_it_plays(one: Desk) -> None:
    await one.play("two.flac", chorus={"bitrate": 256_000})
    assert one.player.model().chorus.bitrate == 256_000
    await one.hear(40)
    high = sum(map(len, one.ear.packets[-15:]))
    one.patch(chorus={"bitrate": 16_000})
    await one.hear(40)
    low = sum(map(len, one.ear.packets[-15:]))
    assert low * 3 < high
    assert abs(low * 8 / 0.3 / 16_000 - 1) < 0.4
    steps = np.abs(np.diff(sound.decode(one.ear.packets)[:, 0]))
    assert steps.max() < 3 * 10 ** (-12 / 20) * np.sqrt(2) * 2 * np.pi * 400 / sound.RATE


async def test_the_volume_filter_multiplies(one: Desk) -> None:
    await one.play("long.wav", filters={"volume": 0.5}, volume=50)
    await until(lambda: len(one.ear.packets) >= 25)
    assert abs(sound.level(sound.decode(one.ear.packets)[-9600:]) - -24) < 0.5
    assert one.player.model().filters == {"volume": 0.5}


async def test_empty_filters_ask_for_nothing(one: Desk) -> None:
    one.patch(filters={"equalizer": [], "timescale": {}, "karaoke": None, "volume": 1.0})


async def test_seeking_is_heard_and_reported_at_once(one: Desk) -> None:
    await one.play("two.flac")
    await until(lambda: one.ear.heard(400))
    one.messages.clear()
    one.patch(position=10_000)
    assert one.updates()[0]["position"] == 10_000
    await until(lambda: one.ear.heard(1000), within=0.5)
    one.patch(position=4_800)
    before = len(one.ear.packets)
    await until(lambda: one.ear.heard(400), within=0.5)
    await until(lambda: one.ear.heard(1000), within=1)
    low, high = [tone for tone in sound.tones(one.ear.packets[before:]) if tone.length > 0.05][-2:]
    assert (round(low.hz, -2), round(high.hz, -2)) == (400, 1000)
    assert -0.1 <= low.length - 0.2 <= 0.041  # it comes while the former sound goes
    assert one.events() == []
    steady(one.ear)


async def test_seeking_beyond_the_end_finishes(one: Desk) -> None:
    await one.play("long.wav")
    one.patch(position=60_000)
    await one.ended(1)
    assert one.events()[-1] == ("TrackEnd", "long.wav", "finished")


async def test_a_track_starts_where_it_is_asked_to(one: Desk) -> None:
    await one.play("two.flac", position=4_500)
    await until(lambda: len(one.ear.packets) >= 40)
    low, high = one.ear.tones()
    assert abs(low.length - 0.5) <= 0.03
    assert high.hz > 900
    assert 5_200 <= one.player.model().state.position <= 5_400


@pytest.mark.parametrize("how", [{"ranged": False}, {"ranged": False, "sized": False}])
async def test_a_file_without_places_is_where_it_says(one: Desk, tmp_path: Path, how: dict[str, bool]) -> None:
    """Of a server that sends no parts: it begins at its start, wherever it was to, and is not wound."""
    short = np.concatenate([sound.tone(400, 0.6), sound.tone(1000, 5.0)])
    one.media.add("whole.flac", sound.write_sound(tmp_path / "whole.flac", short), **how)
    track = await one.play("whole.flac", position=4_500)
    assert not track.info.is_seekable
    await until(lambda: one.ear.heard(400))
    assert one.player.model().state.position < 600
    await until(lambda: one.ear.heard(1000))
    one.patch(position=4_000)
    one.ear.forget()
    await one.hear(25)
    assert not any(abs(tone.hz - 400) < 20 for tone in one.ear.tones()), "it is not begun anew"
    assert 600 < one.player.model().state.position < 3_000


async def test_what_sleeps_until_its_source_goes_on_holds_up_no_start(one: Desk) -> None:
    """FFmpeg sleeps between two looks at a live playlist, and whoever closes it waits for that."""
    track = await one.track("low.wav")
    asleep = [Reel(track, one.sources, 0) for _ in range(OPENERS)]
    for reel in asleep:
        reel._lock.acquire()
        one.engine.openers.submit(reel.close)
    await one.play("two.flac")
    await until(lambda: one.ear.heard(400))
    for reel in asleep:
        reel._lock.release()


async def test_pausing_ends_in_silence_and_loses_nothing(one: Desk) -> None:
    await one.play("low.wav")
    await until(lambda: len(one.ear.packets) >= 20)
    one.patch(paused=True)
    position = one.player.model().state.position
    await asyncio.sleep(0.4)
    assert one.ear.packets[-5:] == [SILENCE] * 5
    assert one.ear.packets[-6] != SILENCE
    assert one.player.model().state.position == position
    assert one.ear.spoken == [True, False]
    one.patch(paused=False)
    await one.ended()
    (tone,) = sound.tones(packet for packet in one.ear.packets if packet != SILENCE)
    assert 0.96 <= tone.length - FADE <= 1.12  # a busy machine fades a little later
    assert one.ear.spoken[:3] == [True, False, True]


async def test_a_play_unpauses_unless_told_otherwise(one: Desk) -> None:
    await one.play("long.wav", paused=True)
    await asyncio.sleep(0.2)
    assert one.ear.packets == []
    await one.play("long.wav")
    assert not one.player.model().paused
    await until(lambda: one.ear.packets)


async def test_updates_come_every_second_of_playing(one: Desk) -> None:
    await one.play("long.wav")
    await until(lambda: len(one.updates()) == 3)
    positions = [update["position"] for update in one.updates()]
    assert positions[0] == 0
    assert all(950 <= after - before <= 1050 for before, after in pairwise(positions))
    one.patch(paused=True)
    await asyncio.sleep(1.2)
    assert len(one.updates()) == 3


async def test_end_time_ends_it(one: Desk) -> None:
    await one.play("long.wav", position=1_000, endTime=1_500)
    await one.ended(2)
    assert one.events()[-1] == ("TrackEnd", "long.wav", "finished")
    assert len([packet for packet in one.ear.packets if packet != SILENCE]) == 25


async def test_end_time_can_be_set_and_lifted_later(one: Desk) -> None:
    await one.play("long.wav", endTime=600)
    one.patch(endTime=None)
    await asyncio.sleep(1.2)
    assert one.player.model().track is not None
    one.patch(endTime=1_800)
    await one.ended(2)
    assert 85 <= len([packet for packet in one.ear.packets if packet != SILENCE]) <= 91


async def test_stop_and_replace(one: Desk) -> None:
    await one.play("long.wav")
    await until(lambda: one.ear.heard(600))
    await one.play("high.mp3")
    await until(lambda: one.ear.heard(1000), within=0.4)
    one.patch(track=None)
    assert one.player.model().track is None
    assert one.events() == [
        ("TrackStart", "long.wav"),
        ("TrackEnd", "long.wav", "replaced"),
        ("TrackStart", "high.mp3"),
        ("TrackEnd", "high.mp3", "stopped"),
    ]
    one.patch(track=None)
    assert len(one.events()) == 4
    assert SILENCE not in one.ear.packets  # what was replaced is heard until the new track is there
    await until(lambda: not one.ear.spoken[-1])
    assert one.ear.packets[-5:] == [SILENCE] * 5


async def test_user_data_can_be_changed_while_playing(one: Desk) -> None:
    await one.play("low.wav")
    one.patch_fields({"track": {"userData": {"entry": 9}}})
    await one.ended()
    end = [message for message in one.messages if message.get("type") == "TrackEndEvent"]
    assert end[0]["track"]["userData"] == {"entry": 9}


async def test_what_cannot_be_opened_fails_aloud(one: Desk) -> None:
    track = lost(await one.track("low.wav"))
    one.patch(track=track, paused=True)
    await one.ended()
    assert one.events() == [
        ("TrackStart", "gone"),
        ("TrackException", "gone"),
        ("TrackEnd", "gone", "loadFailed"),
    ]
    broke = next(message for message in one.messages if message.get("type") == "TrackExceptionEvent")
    assert broke["exception"]["message"] == "The file does not exist"
    assert broke["exception"]["severity"] == "common"


async def test_a_track_of_another_source_fails_aloud(one: Desk) -> None:
    info = TrackInfo(
        identifier="x", is_seekable=True, author="", length=1, is_stream=False, title="", source_name="youtube"
    )
    one.patch(track=Track(encoded="tube", info=info))
    await one.ended()
    assert one.events()[-1] == ("TrackEnd", "tube", "loadFailed")


async def test_a_source_that_breaks_midway_fails_aloud(one: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.download.RETRIES", (0.0,))
    piece = one.media.pieces["long.wav"]
    track = await one.track("long.wav")
    taken = one.sources.take(track.info.identifier)
    assert taken is not None
    taken.close()
    piece.drop_after = [200_000, *[0] * 5]
    one.patch(track=track)
    await one.ended()
    assert one.events()[1:] == [("TrackException", "long.wav"), ("TrackEnd", "long.wav", "loadFailed")]
    (tone,) = one.ear.tones()
    assert 0.7 < tone.length < 1.1


async def test_a_silent_source_is_reported_as_stuck_and_goes_on(one: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.playback.STUCK_MS", 300)
    piece = one.media.pieces["long.wav"]
    track = await one.track("long.wav")
    taken = one.sources.take(track.info.identifier)
    assert taken is not None
    taken.close()
    piece.stall_after = 150_000
    one.patch(track=track)
    await until(lambda: len(one.events()) > 1)
    stuck = next(message for message in one.messages if message.get("type") == "TrackStuckEvent")
    assert stuck["thresholdMs"] == 300
    await asyncio.sleep(0.4)
    assert [event[0] for event in one.events()] == ["TrackStart", "TrackStuck"]
    piece.stall_after = None
    one.media.released.set()
    await until(lambda: one.ear.spoken == [True, False, True])
    await until(lambda: one.ear.heard(600))


async def test_the_clock_waits_for_voice(one: Desk) -> None:
    one.ear.waiting = True
    await one.play("low.wav")
    await asyncio.sleep(0.3)
    assert one.ear.packets == []
    assert one.player.model().state.position == 0
    one.ear.waiting = False
    await one.ended()
    (tone,) = one.ear.tones()
    assert tone.length >= 0.96


async def test_closing_ends_everything(one: Desk) -> None:
    await one.play("long.wav")
    await until(lambda: one.ear.packets)
    await one.player.close()
    count = len(one.ear.packets)
    await asyncio.sleep(0.1)
    assert len(one.ear.packets) == count
    assert one.ear.closed
    assert one.events()[-1] == ("TrackEnd", "long.wav", "stopped")


async def test_a_burst_of_patches_leaves_the_last_one(one: Desk) -> None:
    tracks = [await one.track(name) for name in ("low.wav", "high.mp3", "low.opus", "long.wav")]
    for number in range(100):
        one.patch(track=tracks[number % 4], volume=number)
        one.patch(position=number * 10)
        one.patch(paused=number % 2 == 0)
    one.patch(track=tracks[1], volume=100)
    await until(lambda: one.ear.heard(1000))
    await one.ended()
    ends = [event for event in one.events() if event[0] == "TrackEnd"]
    assert [event[-1] for event in ends] == ["replaced"] * 100 + ["finished"]
