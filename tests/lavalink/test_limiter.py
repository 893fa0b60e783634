"""The limiter: nothing gets out above -1 dBTP, nothing is lost, and what is not too loud is left alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavalink.limiter import Limiter
from lavalink.packetizer import Packetizer
from tests import sound
from tests.lavalink.test_filters import pcm

HIGHEST = -1.0


def limited(samples: sound.Samples, pieces: list[int] | None = None) -> sound.Samples:
    limiter, out, at = Limiter(), list[sound.Samples](), 0
    for size in pieces or [4800] * (len(samples) // 4800 + 1):
        out.append(limiter.process(samples[at : at + size]))
        at += size
    return np.concatenate([*out, limiter.process(samples[at:]), limiter.flush()])


def true_peak(samples: sound.Samples) -> float:
    """In dBTP, by eight times oversampling through the spectrum; the edges, where that rings, left out."""
    size = len(samples)
    spectrum = np.fft.rfft(samples, axis=0)
    between = np.fft.irfft(spectrum, size * 8, axis=0)[8000:-8000] * 8
    return 20 * float(np.log10(np.abs(between).max() + 1e-9))


def noise(seconds: float) -> sound.Samples:
    """As loud as full scale allows, with less and less of it to the top."""
    random = np.random.default_rng(7)
    wave = np.convolve(random.normal(size=round(seconds * sound.RATE)), np.exp(-np.arange(64) / 12), "same")
    return np.repeat((wave / np.abs(wave).max()).astype(np.float32)[:, None], 2, axis=1)


def between_samples() -> sound.Samples:
    """A quarter of the sampling rate, caught 3 dB below its peaks."""
    wave = np.sin(np.pi / 2 * np.arange(96_000) + np.pi / 4)
    return np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)


@pytest.mark.parametrize("gain", [0.0, 3.0, 6.0, 12.0])
@pytest.mark.parametrize("kind", ["sine", "high sine", "between", "noise", "bursts"])
def test_no_peak_is_above(kind: str, gain: float) -> None:
    loud = {
        "sine": sound.tone(997, 2.0, db=-3.01),
        "high sine": sound.tone(15_100, 2.0, db=-3.01),
        "between": between_samples(),
        "noise": noise(2.0),
        "bursts": sound.tone(3000, 2.0, db=-3.01) * (np.arange(96_000) % 9600 < 4800)[:, None],
    }[kind].astype(np.float32)
    heard = limited(loud * np.float32(10 ** (gain / 20)))
    assert len(heard) == len(loud)
    assert true_peak(heard) <= HIGHEST
    assert true_peak(heard) > HIGHEST - 1.5


@pytest.mark.parametrize("parts", [1, 2])
def test_the_first_samples_are_no_louder(parts: int) -> None:
    limiter = Limiter()
    for _ in range(parts):  # it may go on after a flush
        heard = np.concatenate([limiter.process(noise(0.2) * np.float32(8)), limiter.flush()])
        assert np.abs(heard).max() < 10 ** (HIGHEST / 20)


def test_what_is_not_too_loud_is_left_alone() -> None:
    quiet = noise(1.0) * np.float32(0.6)
    assert np.array_equal(limited(quiet), quiet)


def test_it_recovers_and_does_not_click() -> None:
    loud = sound.tone(440, 2.0, db=-9)
    loud[24_000:48_000] *= 4
    heard = limited(loud)
    assert np.abs(heard[:23_000] - loud[:23_000]).max() < 1e-6
    assert np.abs(heard[72_000:] - loud[72_000:]).max() < 0.01
    steepest = 0.85 * 2 * np.pi * 440 / sound.RATE
    steps = np.abs(np.diff(heard[:, 0]))
    steps[[23_999, 47_999]] = 0  # the test's own jumps
    assert steps.max() < 1.2 * steepest


def through(packetizer: Packetizer, samples: sound.Samples, *, plain: bool) -> list[bytes]:
    pieces = [samples[at : at + 4800] for at in range(0, len(samples), 4800)]
    push: Any = (lambda piece: packetizer.push(pcm(piece))) if plain else packetizer.push_sound
    return [packet for piece in pieces for packet in push(piece)]


@pytest.mark.parametrize("moment", [27, 81])
def test_it_takes_over_and_lets_go_without_a_click(moment: int) -> None:
    """Music at full scale as it is, then three times as loud, then as it is once more."""
    music = sound.tone(440, 2.0, db=-3.02)[moment:][:86_400]
    packetizer = Packetizer(256_000)
    ramp = np.minimum(1 + np.arange(28_800) / 2400, 3).astype(np.float32)
    packets = through(packetizer, music[:28_800], plain=True)
    packets += through(packetizer, music[28_800:57_600] * np.minimum(ramp, ramp[::-1])[:, None], plain=False)
    packets += through(packetizer, music[57_600:], plain=True)
    heard = sound.decode([*packets, *packetizer.flush()])
    assert len(heard) == len(music)
    spectrum = np.fft.rfft(heard[:, 0])
    spectrum[: 4_000 * len(heard) // sound.RATE] = 0
    assert np.abs(np.fft.irfft(spectrum)[4800:-4800]).max() < 0.01
    assert abs(sound.level(heard[-14_400:-4800]) - sound.level(music)) < 0.1  # nothing is limited any more


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6000), max_size=12))
def test_pieces_of_any_size_make_the_same_sound(pieces: list[int]) -> None:
    loud = noise(0.5) * np.float32(2)
    assert np.abs(limited(loud, pieces or None) - limited(loud)).max() < 1e-6


def test_the_bit_rate_changes_from_packet_to_packet() -> None:
    packetizer = Packetizer(128_000)
    music = noise(1.0) * np.float32(0.5)
    sizes = dict[int, float]()
    packets = list[bytes]()
    for bitrate in (128_000, 32_000, 256_000):
        packetizer.tune(10, bitrate)
        made = packetizer.push_sound(music)
        packets += made
        sizes[bitrate] = sum(map(len, made[5:])) / len(made[5:]) * 8 * 50
    for bitrate, real in sizes.items():
        assert abs(real / bitrate - 1) < 0.25
    assert sound.level(sound.decode(packets)) > sound.level(music) - 2
