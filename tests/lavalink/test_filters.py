"""Filters: their JSON and ranges, what they do to sound, that a change is heard soon and does not click."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lavalink.engine import DECODERS, OPENERS
from lavalink.filters import NAMES, Filters
from lavalink.opus import SILENCE
from lavalink.pcm import Pcm
from lavalink.protocol import PlayerPatch, validation_message
from lavalink.shaper import FADE, Chain, Shaper
from tests import sound
from tests.lavalink.harness import Desk, desk, until

SOON = 24
"""Packets (480 ms) after a PATCH from which on it must be heard."""
COMMON, LEFT, RIGHT = 400, 3000, 7000
FAST_EQUALIZER = [{"band": band, "gain": -0.25} for band in range(8, 15)]
EVERY: dict[str, Any] = {
    "volume": 0.9,
    "equalizer": [{"band": 0, "gain": 0.25}],
    "karaoke": {"level": 0.5},
    "timescale": {"speed": 1.25, "pitch": 0.9},
    "tremolo": {"frequency": 4.0},
    "vibrato": {"depth": 0.3},
    "rotation": {"rotationHz": 0.2},
    "distortion": {"sinScale": 1.1},
    "channelMix": {"leftToRight": 0.3},
    "lowPass": {"smoothing": 5.0},
}


def effects(**filters: Any) -> Any:
    return Filters.model_validate(filters).effects


def filtered(samples: sound.Samples, piece: int = 4800, **filters: Any) -> sound.Samples:
    chain = Chain(effects(**filters))
    return np.concatenate(
        [*(chain.process(samples[at : at + piece]) for at in range(0, len(samples), piece)), chain.flush()]
    )


def chord(seconds: float = 1.0) -> sound.Samples:
    """400 Hz in both ears, 3 kHz in the left, 7 kHz in the right one."""
    samples = sound.tone(COMMON, seconds, db=-18)
    samples[:, 0] += sound.tone(LEFT, seconds, db=-18)[:, 0]
    samples[:, 1] += sound.tone(RIGHT, seconds, db=-18)[:, 0]
    return samples


def strength(samples: sound.Samples, hz: float) -> float:
    """Amplitude of one pitch in dB."""
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / sound.RATE) * np.hanning(len(samples))
    return 20 * float(np.log10(abs(np.sum(samples * wave)) / np.sum(np.hanning(len(samples))) * 2 + 1e-9))


def envelope(samples: sound.Samples) -> np.ndarray[Any, Any]:
    """RMS of each 10 ms."""
    return np.sqrt(np.mean(samples[: len(samples) // 480 * 480].reshape(-1, 480) ** 2, axis=1))


def check_equalizer(heard: sound.Samples) -> None:
    assert strength(heard[:, 0], LEFT) < strength(heard[:, 0], COMMON) - 10


def check_karaoke(heard: sound.Samples) -> None:
    assert strength(heard[:, 0], COMMON) < strength(heard[:, 0], LEFT) - 25
    assert abs(strength(heard[:, 0], RIGHT) - strength(heard[:, 1], RIGHT)) < 1


def check_timescale(heard: sound.Samples) -> None:
    assert strength(heard[:, 0], COMMON * 1.2) > strength(heard[:, 0], COMMON) + 20


def check_tremolo(heard: sound.Samples) -> None:
    levels = envelope(heard[:, 0])
    assert levels.min() < 0.2 * levels.max()


def check_vibrato(heard: sound.Samples) -> None:
    assert strength(heard[:, 0], LEFT) < strength(sound.tone(LEFT, 0.3, db=-18)[:, 0], LEFT) - 6  # spread around
    assert abs(sound.level(heard) - sound.level(chord())) < 1.5


def check_rotation(heard: sound.Samples) -> None:
    left, right = envelope(heard[:, 0]), envelope(heard[:, 1])
    assert left.min() < 0.2 * left.max()
    assert np.corrcoef(left, right)[0, 1] < -0.9


def check_distortion(heard: sound.Samples) -> None:
    assert strength(heard[:, 0], LEFT + COMMON) > strength(chord(0.3)[:, 0], LEFT + COMMON) + 20


def check_channel_mix(heard: sound.Samples) -> None:
    assert strength(heard[:, 1], LEFT) > strength(heard[:, 0], LEFT) + 25
    assert strength(heard[:, 0], RIGHT) > strength(heard[:, 1], RIGHT) + 25


def check_low_pass(heard: sound.Samples) -> None:
    assert strength(heard[:, 1], RIGHT) < strength(heard[:, 1], COMMON) - 20


def check_volume(heard: sound.Samples) -> None:
    assert abs(sound.level(heard) - (sound.level(chord()) - 12)) < 1


HEARD = [
    ({"volume": 0.25}, check_volume),
    ({"equalizer": FAST_EQUALIZER}, check_equalizer),
    ({"karaoke": {"monoLevel": 0.0}}, check_karaoke),
    ({"timescale": {"rate": 1.2}}, check_timescale),
    ({"tremolo": {"frequency": 8.0, "depth": 1.0}}, check_tremolo),
    ({"vibrato": {"frequency": 8.0, "depth": 1.0}}, check_vibrato),
    ({"rotation": {"rotationHz": 4.0}}, check_rotation),
    ({"distortion": {"sinScale": 6.0, "cosScale": 6.0, "tanOffset": 1.0}}, check_distortion),
    (
        {"channelMix": {"leftToLeft": 0.0, "leftToRight": 1.0, "rightToLeft": 1.0, "rightToRight": 0.0}},
        check_channel_mix,
    ),
    ({"lowPass": {"smoothing": 20.0}}, check_low_pass),
]


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        made.media.add("chord.wav", sound.write_sound(tmp_path / "chord.wav", chord(20.0)))
        made.media.add("chord.opus", sound.write_sound(tmp_path / "chord.opus", chord(20.0)))
        made.media.add("low.wav", sound.write_tone(tmp_path / "low.wav", 300, 20.0))
        made.media.add("short.wav", sound.write_tone(tmp_path / "short.wav", 300, 1.0))
        made.media.add("rising.wav", sound.write_sound(tmp_path / "rising.wav", rising(20.0)))
        yield made


# JSON


def test_all_ten_are_known_and_answered_with_their_defaults() -> None:
    assert set(NAMES) == set(EVERY)
    wire = Filters.model_validate(EVERY | {"unheardOf": {"x": 1}, "pluginFilters": {"echo": {}}}).wire()
    assert list(wire) == list(EVERY)
    assert wire["karaoke"] == {"level": 0.5, "monoLevel": 1.0, "filterBand": 220.0, "filterWidth": 100.0}
    assert Filters.model_validate({"tremolo": None, "rotation": {}}).wire() == {"rotation": {"rotationHz": 0.0}}


@pytest.mark.parametrize(
    ("filters", "path"),
    [
        ({"volume": 5.1}, "volume"),
        ({"volume": "loud"}, "volume"),
        ({"volume": True}, "volume"),
        ({"volume": None}, "volume"),
        ({"volume": float("nan")}, "volume"),
        ({"equalizer": [{"band": 15, "gain": 0}]}, "equalizer.0.band"),
        ({"equalizer": [{"band": 0, "gain": -0.3}]}, "equalizer.0.gain"),
        ({"equalizer": {}}, "equalizer"),
        ({"karaoke": {"level": 2}}, "karaoke.level"),
        ({"timescale": {"speed": 0}}, "timescale.speed"),
        ({"timescale": {"pitch": 100}}, "timescale.pitch"),
        ({"tremolo": {"frequency": 0}}, "tremolo.frequency"),
        ({"tremolo": {"depth": 1.1}}, "tremolo.depth"),
        ({"vibrato": {"frequency": 15}}, "vibrato.frequency"),
        ({"rotation": {"rotationHz": float("inf")}}, "rotation.rotationHz"),
        ({"distortion": {"sinScale": "much"}}, "distortion.sinScale"),
        ({"channelMix": {"leftToLeft": -1}}, "channelMix.leftToLeft"),
        ({"lowPass": 20}, "lowPass"),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_path(filters: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlayerPatch.model_validate({"filters": filters})
    message = validation_message(caught.value)
    assert message.startswith("filters")
    assert path in message


def test_what_changes_nothing_is_no_effect() -> None:
    flat = [{"band": band, "gain": 0.0} for band in range(15)]
    off = {"timescale": {}, "rotation": {}, "distortion": {}, "channelMix": {}, "lowPass": {"smoothing": 1.0}}
    assert effects(equalizer=flat, tremolo={"depth": 0}, vibrato={"depth": 0}, volume=0.5, **off) == ()
    assert len(effects(karaoke={}, tremolo={}, vibrato={}, lowPass={}, equalizer=[{"band": 3}])) == 5


# Sound


@pytest.mark.parametrize(("filters", "check"), HEARD[1:], ids=lambda each: str(each)[:14])
def test_each_filter_does_what_it_is_for(filters: dict[str, Any], check: Any) -> None:
    check(filtered(chord(), **filters)[4800:-4800])


@pytest.mark.parametrize("band", range(0, 15, 2))
def test_each_band_of_the_equalizer_doubles_or_mutes_its_own_pitch(band: int) -> None:
    hz = 25 * 2 ** (band * 2 / 3)
    samples = sound.tone(hz, 1.5)
    plain = strength(samples[24_000:, 0], hz)
    louder = filtered(samples, equalizer=[{"band": band, "gain": 0.25}])
    assert abs(strength(louder[24_000:, 0], hz) - plain - 6) < 0.5
    muted = filtered(samples, equalizer=[{"band": band, "gain": -0.25}])
    assert strength(muted[24_000:, 0], hz) < plain - 20


@pytest.mark.parametrize(
    ("settings", "hz", "seconds"),
    [
        ({"speed": 1.5}, 600, 2 / 1.5),
        ({"speed": 0.5}, 600, 4.0),
        ({"pitch": 1.5}, 900, 2.0),
        ({"rate": 0.8}, 480, 2.5),
        ({"speed": 4.0, "pitch": 0.25}, 150, 0.5),
        ({"speed": 1.2, "pitch": 1.1, "rate": 1.3}, 600 * 1.1 * 1.3, 2 / 1.2 / 1.3),
    ],
)
def test_timescale_sets_speed_and_pitch(settings: dict[str, float], hz: float, seconds: float) -> None:
    heard = filtered(sound.tone(600, 2.0), timescale=settings)
    assert abs(len(heard) / sound.RATE - seconds) < 0.02
    assert abs(sound.frequency(heard[4800:-4800]) - hz) < hz * 0.005


@given(st.sampled_from(sorted(EVERY)), st.lists(st.integers(1, 9000), min_size=1, max_size=6))
def test_the_size_of_the_pieces_does_not_matter(name: str, sizes: list[int]) -> None:
    samples = chord(sum(sizes) / sound.RATE)
    if not len(samples):
        return
    wanted = effects(**{name: EVERY[name]})
    whole, cut = Chain(wanted), Chain(wanted)
    edges = [0, *itertools.accumulate(sizes)]
    pieces = [cut.process(samples[start:end]) for start, end in itertools.pairwise(edges)]
    expected = np.concatenate([whole.process(samples), whole.flush()])
    heard = np.concatenate([*pieces, cut.flush()])
    assert len(heard) == len(expected)
    assert not len(heard) or np.abs(heard - expected).max() < 1e-4


def pcm(samples: sound.Samples) -> Pcm:
    frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16).reshape(1, -1), "s16", "stereo")
    return Pcm(frame.planes[0], 0, frame.samples)


def change(former: dict[str, Any], following: dict[str, Any]) -> tuple[sound.Samples, float]:
    """A low tone while the filters change in the middle; and how much of the track came out, in samples."""
    shaper, heard, read = Shaper(effects(**former)), list[sound.Samples](), 0
    tempo = shaper.tempo
    samples, came = sound.tone(300, 1.6), 0.0
    for at in range(0, len(samples), 4800):
        shaper.feed(pcm(samples[at : at + 4800]))
        read += 4800
        while shaper.waiting:
            heard.append(shaper.shape(effects(**(former if at < 38_400 else following))))
            came = read - shaper.behind
            tempo = shaper.tempo
    assert tempo == Filters.model_validate(following).tempo
    heard.append(shaper.flush())
    return np.concatenate(heard), came


QUIET: list[dict[str, Any]] = [{}] + [
    {name: EVERY[name]} for name in EVERY if name not in {"volume", "distortion", "karaoke"}
]


@pytest.mark.parametrize(("former", "following"), list(itertools.permutations(QUIET, 2)))
def test_no_change_of_filters_clicks_or_loses_sound(former: dict[str, Any], following: dict[str, Any]) -> None:
    heard, came = change(former, following)
    tempo, then = Filters.model_validate(former).tempo, Filters.model_validate(following).tempo
    expected = 0.8 / tempo + 0.8 / then
    assert abs(len(heard) / sound.RATE - expected) < 0.05
    assert abs(came - 76_800) < FADE * 4
    natural = np.abs(np.diff(sound.tone(300, 0.1)[:, 0])).max()
    assert np.abs(np.diff(heard[2400:-2400], axis=0)).max() < natural * 2.5
    assert envelope(heard[2400:-2400, 0]).min() > 0.02  # nor a hole


# Heard from a player


@pytest.mark.heard
@pytest.mark.parametrize(
    ("name", "filters", "check"),
    [("chord.wav", *one) for one in HEARD] + [("chord.opus", *one) for one in HEARD[::4]],
    ids=lambda each: str(each)[:14],
)
async def test_a_filter_is_heard_within_half_a_second(one: Desk, name: str, filters: Any, check: Any) -> None:
    await one.play(name)
    await one.hear(20)
    before = len(one.ear.packets)
    one.patch(filters=filters)
    await one.hear(SOON + 16)
    check(sound.decode(one.ear.packets)[(before + SOON) * 960 :][:14_400])
    assert SILENCE not in one.ear.packets
    body = one.media.pieces["chord.opus"].body
    assert not any(packet in body for packet in one.ear.packets[before + SOON :])  # passed through no longer
    assert list(one.player.model().filters) == list(filters)


@pytest.mark.heard
async def test_filters_that_change_all_the_time_do_not_click(one: Desk) -> None:
    await one.play("low.wav")
    natural = np.abs(np.diff(sound.tone(300, 0.1)[:, 0])).max()
    for filters in (*QUIET, {}, {"timescale": {"speed": 0.8}}, {"timescale": {"rate": 1.1}}, {}):
        one.patch(filters=filters)
        await one.hear(9)  # often before the change before it was heard
    await one.hear(SOON)
    heard = sound.decode(one.ear.packets)
    assert np.abs(np.diff(heard[2400:], axis=0)).max() < natural * 2.5
    assert SILENCE not in one.ear.packets
    assert one.ear.heard(300)


def rising(seconds: float) -> sound.Samples:
    """A tone whose pitch tells the time: 600 Hz, and 200 Hz more each second."""
    times = np.arange(round(seconds * sound.RATE)) / sound.RATE
    wave = 0.3 * np.sin(2 * np.pi * (600 * times + 100 * times**2))
    return np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)


def told(one: Desk, tempo: float) -> float:
    """The place in `rising` that the ear is at, in ms."""
    heard = sound.decode(one.ear.packets[-15:])[-4800:]
    return (sound.frequency(heard) - 600) / 0.2 + 50 * tempo


@pytest.mark.heard
async def test_the_position_runs_as_fast_as_the_track(one: Desk) -> None:
    await one.play("rising.wav", filters={"timescale": {"speed": 1.25}})
    for filters, tempo in (
        ({"timescale": {"speed": 1.25}}, 1.25),
        ({"timescale": {"speed": 2.0}}, 2.0),
        ({"timescale": {"speed": 0.7}, "lowPass": {"smoothing": 2.0}}, 0.7),
        ({}, 1.0),
    ):
        one.patch(filters=filters)
        await one.hear(45)
        assert abs(told(one, tempo) - one.player.model().state.position) < 50, tempo
    one.patch(filters={"timescale": {"speed": 1.5}}, position=10_000)
    assert one.player.model().state.position == 10_000
    await one.hear(50)
    assert abs(told(one, 1.5) - one.player.model().state.position) < 50
    assert one.player.model().state.position > 10_900


@pytest.mark.heard
async def test_filters_that_change_before_anything_is_heard_do_not_mislead_the_position(one: Desk) -> None:
    for first, then, tempo in ((2.0, 1.0, 1.0), (1.0, 1.5, 1.5)):
        await one.play("rising.wav", filters={"timescale": {"speed": first}})
        one.patch(filters={"timescale": {"speed": then}})
        await one.hear(60)
        assert abs(told(one, tempo) - one.player.model().state.position) < 50


@pytest.mark.heard
async def test_a_join_in_another_tempo_has_no_gap_and_the_right_place(one: Desk) -> None:
    following = await one.track("rising.wav")
    one.patch(track=await one.track("short.wav"), next_track=following, filters={"timescale": {"speed": 1.25}})
    await until(lambda: ("TrackStart", "rising.wav") in one.events())
    assert abs(len(one.ear.packets) - 40) <= 2
    await one.hear(30)
    assert abs(told(one, 1.25) - one.player.model().state.position) < 50
    assert SILENCE not in one.ear.packets
    assert envelope(sound.decode(one.ear.packets)[2400:, 0]).min() > 0.05


@pytest.mark.heard
async def test_a_fast_track_ends_when_it_is_over(one: Desk) -> None:
    await one.play("short.wav", filters={"timescale": {"rate": 2.0}})
    await one.ended()
    assert one.events()[-1] == ("TrackEnd", "short.wav", "finished")
    assert abs(len([packet for packet in one.ear.packets if packet != SILENCE]) - 25) <= 2


@pytest.mark.heard
async def test_filters_of_a_paused_player_are_heard_when_it_goes_on(one: Desk) -> None:
    await one.play("chord.wav")
    await one.hear(10)
    one.patch(paused=True, filters={"lowPass": {"smoothing": 20.0}})
    await asyncio.sleep(0.1)
    one.patch(paused=False)
    await one.hear(SOON + 16)
    check_low_pass(sound.decode(one.ear.packets[-15:])[-9600:])


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.heard
async def test_a_storm_of_orders_leaves_a_player_that_plays_and_nothing_behind(one: Desk) -> None:
    random = Random(5)
    tracks = [await one.track(name) for name in ("chord.wav", "chord.opus", "rising.wav", "short.wav")]
    one.patch(track=tracks[0])
    await one.hear(20)
    files = open_files()
    for _ in range(100):
        filters = {name: EVERY[name] for name in random.sample(sorted(EVERY), 2)} if random.random() < 0.7 else {}
        following: dict[str, Any] = {
            "next_track": random.choice(tracks),
            "next_fields": {"crossfadeMs": random.randrange(3000)},
        }
        order = random.randrange(7)
        if order == 0:
            one.patch(track=random.choice(tracks[:3]), filters=filters, **following)
        elif order == 1:
            one.patch(position=random.randrange(15_000))
        elif order == 2:
            one.patch(paused=random.random() < 0.5)
        elif order == 3:
            one.patch(filters=filters, chorus={"bitrate": random.choice([64_000, 128_000])})
        elif one.player.model().track is None or (one.deck is not None and one.deck.joining):
            pass
        elif order == 4:
            one.patch(**following)
        else:  # into the crossfade
            one.patch(position=max(0, (one.player.model().track or tracks[0]).info.length - random.randrange(2500)))
        await asyncio.sleep(random.random() * 0.3)
    one.patch(track=await one.track("low.wav"), filters={"tremolo": {"depth": 0.1}}, volume=100)
    await until(lambda: one.ear.heard(300))
    position = one.player.model().state.position
    await one.hear(50)
    assert abs(one.player.model().state.position - position - 1000) <= 60
    assert all(event[0] not in {"TrackException", "TrackStuck"} for event in one.events())
    await until(lambda: one.engine.decoders.threads <= DECODERS and one.engine.openers.threads <= OPENERS)
    await until(lambda: open_files() <= files)
