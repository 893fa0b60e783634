"""Crossfades: two tracks at equal power, events and positions where the ear has them, clean ends when called off."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavalink.crossfade import overlap
from lavalink.opus import SILENCE
from lavalink.protocol import Track
from tests import sound
from tests.lavalink.harness import Desk, desk, until

pytestmark = pytest.mark.heard

LOW, HIGH, MID = 400, 1000, 700
STEP = 480
"""Samples (10 ms) of one point of an envelope."""
CLICK = 0.015


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        for name, hz, seconds in (
            ("low.wav", LOW, 3.0),
            ("low.opus", LOW, 3.0),
            ("high.flac", HIGH, 3.0),
            ("high.wav", HIGH, 3.0),
            ("high.opus", HIGH, 3.0),
            ("short.wav", MID, 0.8),
            ("brief.mp3", HIGH, 0.6),
            ("long.wav", LOW, 30.0),
        ):
            made.media.add(name, sound.write_tone(tmp_path / name, hz, seconds))
        made.media.add("junk.mp3", b"junk" * 5000)
        yield made


async def crossfaded(one: Desk, first: str, second: str, ms: int, **fields: Any) -> tuple[Track, Track]:
    former, coming = await one.track(first), await one.track(second, entry=2)
    one.patch(track=former, next_track=coming, next_fields={"crossfadeMs": ms}, **fields)
    return former, coming


def envelope(samples: sound.Samples, hz: float) -> Any:
    """The amplitude of one pitch around each 10 ms, as a share of that of the files' tones."""
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / sound.RATE)
    window = np.hanning(4 * STEP)
    strength = np.abs(np.convolve(samples[:, 0] * wave, window, "same"))[::STEP]
    return strength / (window.sum() / 2) / (10 ** (-12 / 20) * np.sqrt(2))


def heard(one: Desk) -> sound.Samples:
    packets = [packet for packet in one.ear.packets if packet != SILENCE]
    return sound.decode(packets)


def crossing(one: Desk, first: float, second: float) -> tuple[float, float, float]:
    """When (s) the former begins to go, when both are as loud, and when it is gone."""
    samples = heard(one)
    going, coming = envelope(samples, first), envelope(samples, second)
    begin = int(np.argmax(coming > 0.05))
    middle = int(np.argmax(coming >= going))
    end = int(len(going) - np.argmax(going[::-1] > 0.05))
    return begin / 100, middle / 100, end / 100


@pytest.mark.parametrize(("first", "second"), [("low.wav", "high.flac"), ("low.opus", "high.opus")])
async def test_two_tracks_at_equal_power(one: Desk, first: str, second: str) -> None:
    await crossfaded(one, first, second, 1000)
    await one.ended(10)
    samples = heard(one)
    assert abs(len(samples) / sound.RATE - 5.0) < 0.08
    low, high = envelope(samples, LOW), envelope(samples, HIGH)
    power = (low**2 + high**2)[50:-15]  # a decoder needs a moment to settle on the level
    assert power.min() > 0.8
    assert power.max() < 1.25
    begin, middle, end = crossing(one, LOW, HIGH)
    assert abs(begin - 2.05) < 0.06
    assert abs(middle - 2.5) < 0.06
    assert abs(end - 2.97) < 0.06
    assert one.events() == [
        ("TrackStart", first),
        ("TrackEnd", first, "finished"),
        ("TrackStart", second),
        ("TrackEnd", second, "finished"),
    ]


async def test_events_and_positions_are_those_of_the_ear(one: Desk) -> None:
    await crossfaded(one, "low.wav", "high.flac", 1000)
    await until(lambda: len(one.events()) == 3)
    assert abs(len(one.ear.packets) * 20 - 2500) <= 40
    assert abs(one.player.model().state.position - 500) <= 45
    assert one.player.model().track == await one.track("high.flac", entry=2)
    await one.hear(50)
    assert abs(one.player.model().state.position - 1500) <= 65


async def test_longer_than_the_tracks(one: Desk) -> None:
    """Half of the shorter one at most."""
    await crossfaded(one, "short.wav", "brief.mp3", 12_000)
    await one.ended()
    assert abs(len(heard(one)) / sound.RATE - (0.8 + 0.6 - 0.3)) < 0.1
    assert [event[-1] for event in one.events() if event[0] == "TrackEnd"] == ["finished"] * 2


@pytest.mark.parametrize(
    ("wanted", "left", "former", "coming", "samples"),
    [
        (100, 500, 1000, 1000, 100),
        (100, 50, 1000, 1000, 50),
        (100, 500, 150, 1000, 75),
        (100, 500, 1000, 60, 30),
        (100, 500, None, None, 100),
    ],
)
def test_how_much_overlaps(wanted: int, left: float, former: float | None, coming: float | None, samples: int) -> None:
    assert overlap(wanted, left=left, former=former, coming=coming) == samples


async def test_named_late_it_is_shorter(one: Desk) -> None:
    first, second = await one.track("low.wav"), await one.track("high.flac")
    one.patch(track=first)
    await until(lambda: one.player.model().state.position >= 2000)
    one.patch(next_track=second, next_fields={"crossfadeMs": 3000})
    await until(lambda: len(one.events()) == 3)
    await one.hear(60)
    begin, _, end = crossing(one, LOW, HIGH)
    assert 2.0 < begin < 2.7
    assert abs(end - 2.97) < 0.06


async def test_another_next_ends_it_cleanly(one: Desk) -> None:
    first, _ = await crossfaded(one, "low.wav", "high.flac", 1600)
    third = await one.track("short.wav")
    await until(lambda: one.player.model().state.position >= 1800)
    assert one.deck is not None
    assert one.deck._fade is not None
    one.patch(next_track=third)
    await one.ended(10)
    samples = heard(one)
    high = envelope(samples, HIGH)
    assert high.max() > 0.2  # it was under way
    loud = np.flatnonzero(high > 0.05)
    assert (loud[-1] - loud[0]) / 100 < 0.9
    assert [event[:2] for event in one.events()[1:3]] == [("TrackEnd", first.encoded), ("TrackStart", "short.wav")]
    assert abs(len(samples) / sound.RATE - 3.8) < 0.1
    low = envelope(samples, LOW)
    assert low[260:290].min() > 0.9
    assert_no_click(samples)


async def test_null_ends_it_cleanly(one: Desk) -> None:
    await crossfaded(one, "low.wav", "high.flac", 1600)
    await until(lambda: one.player.model().state.position >= 1700)
    one.patch(next_track=None)
    await one.ended()
    assert abs(len(heard(one)) / sound.RATE - 3.0) < 0.05
    assert one.events()[-1] == ("TrackEnd", "low.wav", "finished")
    assert_no_click(heard(one))


@pytest.mark.parametrize("order", ["skip", "seek"])
async def test_skip_and_seek_in_the_middle_of_it(one: Desk, order: str) -> None:
    await crossfaded(one, "low.wav", "high.flac", 1600)
    await until(lambda: one.player.model().state.position >= 1900)
    if order == "skip":
        await one.play("short.wav")
        await one.hear(15)
        assert one.ear.heard(MID)
        await one.ended()
        assert one.events()[1] == ("TrackEnd", "low.wav", "replaced")
    else:
        one.patch(position=500)
        await one.hear(25)
        assert one.ear.heard(LOW)
        assert one.player.model().chorus.next is not None
        await until(lambda: len(one.events()) == 3)
        assert abs(one.player.model().state.position - 1250 / 2) <= 45  # half of the 2.5 s that are left overlap


async def test_a_next_that_breaks_in_it_is_reported_and_the_track_plays_on(
    one: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lavalink.download.RETRIES", (0.0,))
    first, second = await one.track("low.wav"), await one.track("high.wav")
    taken = one.sources.take(second.info.identifier)
    assert taken is not None
    taken.close()
    piece = one.media.pieces["high.wav"]
    piece.drop_after = [len(piece.body) // 8, *[0] * 5]
    one.patch(track=first, next_track=second, next_fields={"crossfadeMs": 1400})
    await one.ended()
    assert one.events() == [
        ("TrackStart", "low.wav"),
        ("TrackException", "high.wav"),
        ("TrackEnd", "low.wav", "finished"),
    ]
    samples = heard(one)
    assert abs(len(samples) / sound.RATE - 3.0) < 0.05
    assert envelope(samples, HIGH).max() > 0.2  # it was under way
    assert envelope(samples, LOW)[230:290].min() > 0.9
    assert_no_click(samples)


async def test_a_next_that_cannot_be_opened(one: Desk) -> None:
    first, good = await one.track("short.wav"), await one.track("high.flac")
    info = good.info.model_copy(update={"identifier": one.media.url("junk.mp3")})
    bad = good.model_copy(update={"encoded": "junk.mp3", "info": info})
    one.patch(track=first, next_track=bad, next_fields={"crossfadeMs": 300})
    await one.ended()
    assert [event[0] for event in one.events()] == ["TrackStart", "TrackException", "TrackEnd"]
    assert abs(len(heard(one)) / sound.RATE - 0.8) < 0.05


async def test_each_side_has_its_own_filters_and_gain(one: Desk) -> None:
    filters = {"volume": 0.5, "timescale": {"speed": 0.5}}
    first, second = await one.track("low.wav"), await one.track("high.flac")
    fields = {"crossfadeMs": 1000, "filters": filters}
    one.patch(track=first, next_track=second, next_fields=fields, filters={"timescale": {"pitch": 1.5}})
    await until(lambda: len(one.events()) == 3)
    assert abs(len(one.ear.packets) * 20 - 2500) <= 60
    assert one.player.model().filters["volume"] == 0.5
    position = one.player.model().state.position
    assert abs(position - 250) <= 50
    await one.hear(100)
    assert abs(one.player.model().state.position - position - 1000) <= 50
    samples = heard(one)
    assert envelope(samples, LOW * 1.5)[50:190].min() > 0.8
    assert envelope(samples, LOW * 1.5)[310:].max() < 0.05
    assert abs(np.median(envelope(samples, HIGH)[330:430]) - 0.5) < 0.08


@pytest.mark.parametrize("joined", [False, True])
async def test_volume_is_heard_in_the_midst_of_it(one: Desk, joined: bool) -> None:
    await crossfaded(one, "low.wav", "high.flac", 2800)
    await until(lambda: len(one.events()) == 3 if joined else one.player.model().state.position >= 1800)
    one.patch(volume=25)
    await one.hear(24 if joined else 32)  # the ring is heard first
    samples = heard(one)
    low, high = envelope(samples, LOW), envelope(samples, HIGH)
    assert min(low[-5], high[-5]) > 0.03  # both are there
    assert np.hypot(low, high)[-6:-2].max() < 0.32
    assert_no_click(samples)


async def test_filters_that_change_in_it_do_not_begin_it_anew(one: Desk) -> None:
    """A client says again what follows, with other filters; here for both sides."""
    _, second = await crossfaded(one, "low.wav", "high.flac", 1600)
    await until(lambda: one.player.model().state.position >= 1700)
    assert one.deck is not None
    fade = one.deck._fade
    assert fade is not None
    again = second.model_copy(update={"user_data": {"entry": 3}})
    filters = {"volume": 0.5}
    one.patch(filters=filters, next_track=again, next_fields={"crossfadeMs": 1600, "filters": filters})
    assert one.deck._fade is fade
    await until(lambda: len(one.events()) == 3)
    assert one.player.model().track == again
    await one.ended()
    samples = heard(one)
    begin, _, end = crossing(one, LOW, HIGH)
    assert abs(begin - 1.55) < 0.06
    assert abs(end - 2.97) < 0.06
    low, high = envelope(samples, LOW), envelope(samples, HIGH)
    assert np.diff(high[150:200]).min() > -0.06  # it never goes back
    assert abs(np.median(np.hypot(low, high)[230:290]) - 0.5) < 0.05
    assert len(one.media.pieces["high.flac"].requests) == 1
    assert_no_click(samples)


def assert_no_click(samples: sound.Samples) -> None:
    """These tones have nothing above 4 kHz, a click has."""
    spectrum = np.fft.rfft(samples[:, 0])
    spectrum[: 4_000 * len(samples) // sound.RATE] = 0
    edge = sound.RATE // 10  # where the sound begins and ends
    assert np.abs(np.fft.irfft(spectrum)[edge:-edge]).max() < CLICK
