"""Fades: what is paused, stopped, skipped or sought goes and comes softly, for encoded and for untouched packets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from lavalink.opus import SILENCE
from lavalink.splicer import splice
from tests import sound
from tests.lavalink.harness import Desk, desk, until

pytestmark = pytest.mark.heard

HZ = 440
STEEPEST = 10 ** (-12 / 20) * np.sqrt(2) * 2 * np.pi * HZ / sound.RATE
"""How far two samples of the tone are apart at most; a click is ten times that."""
SOFT = 2.2
FADE_PACKETS = 7
"""What is heard after an order: 40 ms as it was, 100 ms more and more softly."""


@pytest.fixture(params=["tone.wav", "tone.opus"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        for name in ("tone.wav", "tone.opus"):
            made.media.add(name, sound.write_tone(tmp_path / name, HZ, 20.0))
        yield made


def steepest(one: Desk) -> float:
    """The furthest step from one sample to the next, in those that the tone itself makes."""
    return float(np.abs(np.diff(sound.decode(one.ear.packets)[:, 0])).max() / STEEPEST)


def levels(one: Desk) -> list[float]:
    """Of each packet, in dB below the tone."""
    samples = sound.decode(one.ear.packets)
    return [sound.level(samples[at : at + 960]) + 12 for at in range(0, len(samples), 960)]


async def test_pause_and_resume(one: Desk, name: str) -> None:
    await one.play(name)
    await one.hear(25)
    one.patch(paused=True)
    paused = len(one.ear.packets)
    position = one.player.model().state.position
    await until(lambda: not one.ear.spoken[-1])
    assert len(one.ear.packets) - paused <= FADE_PACKETS + 5
    gone = levels(one)[paused : paused + FADE_PACKETS]
    assert gone[0] > -1
    assert gone[-1] < -8
    assert gone == sorted(gone, reverse=True) or max(np.diff(gone[2:])) < 0.5
    one.patch(paused=False)
    resumed = len(one.ear.packets)
    assert abs(one.player.model().state.position - position) <= 20
    await one.hear(25)
    come = levels(one)[resumed:]
    assert come[0] < -8
    assert min(come[8:]) > -1.5
    assert SILENCE not in one.ear.packets[resumed:]
    assert abs(one.player.model().state.position - position - 500) <= 45
    assert steepest(one) < SOFT


async def test_stop(one: Desk, name: str) -> None:
    await one.play(name)
    await one.hear(25)
    one.patch(track=None)
    stopped = len(one.ear.packets)
    await until(lambda: not one.ear.spoken[-1])
    assert len(one.ear.packets) - stopped <= FADE_PACKETS + 5
    assert steepest(one) < SOFT


async def test_seek(one: Desk, name: str) -> None:
    await one.play(name)
    await one.hear(25)
    for place in (10_001, 3_003, 15_007):
        one.patch(position=place)
        await one.hear(25)
    assert one.ear.packets.count(SILENCE) < 5
    assert np.median(levels(one)[5:]) > -1
    assert steepest(one) < SOFT


async def test_skip(one: Desk, name: str) -> None:
    await one.play(name)
    await one.hear(25)
    for position in (5_000, 0, 7_001):
        await one.play(name, position=position)
        await one.hear(25)
    assert one.ear.packets.count(SILENCE) <= 5  # none, on a machine that has time
    assert steepest(one) < 1.5 * SOFT  # a track that begins at its start does so at once


async def test_starting_in_the_midst(one: Desk, name: str) -> None:
    await one.play(name, position=5_003)
    await one.hear(25)
    assert levels(one)[0] < -8
    assert steepest(one) < SOFT


async def test_quick_orders(one: Desk, name: str) -> None:
    await one.play(name)
    await one.hear(20)
    for pause in (0.0, 0.01, 0.03, 0.07, 0.12):
        one.patch(paused=True)
        await asyncio.sleep(pause)
        one.patch(paused=False)
        await asyncio.sleep(0.2)
        one.patch(position=9_000)
        await asyncio.sleep(pause)
        one.patch(paused=True)
        one.patch(paused=False)
        await one.hear(20)
    assert steepest(one) < SOFT
    assert one.ear.heard(HZ)


async def test_a_new_track_that_is_late(one: Desk, name: str) -> None:
    """What was replaced is heard for a while, and fades."""
    await one.play(name)
    await one.hear(25)
    track = await one.track("tone.wav")
    taken = one.sources.take(track.info.identifier)
    assert taken is not None
    taken.close()
    one.media.pieces["tone.wav"].stall_after = 0
    one.patch(track=track)
    replaced = len(one.ear.packets)
    await until(lambda: not one.ear.spoken[-1])
    assert len(one.ear.packets) - replaced > FADE_PACKETS + 6  # with the five that end a spurt
    assert steepest(one) < SOFT
    one.media.pieces["tone.wav"].stall_after = None
    one.media.released.set()
    await until(lambda: one.ear.heard(HZ))


async def test_without_fades(one: Desk, name: str) -> None:
    await one.play(name, chorus={"fadeMs": 0})
    assert one.player.model().chorus.fade_ms == 0
    await one.hear(25)
    one.patch(paused=True)
    paused = len(one.ear.packets)
    await until(lambda: not one.ear.spoken[-1])
    assert one.ear.packets[paused:] == [SILENCE] * 5
    one.patch(paused=False)
    await one.hear(10)
    assert levels(one)[-1] > -1


def test_a_splice_joins_what_was_heard_and_what_is_heard_then() -> None:
    low, high = (sound.opus_packets(sound.tone(hz, 1.0)) for hz in (400, 1000))
    spliced = splice(low[6:10], low[10:15], high[10:16], 5, rise=True, bitrate=128_000)
    assert len(spliced) == 5
    heard = sound.decode([*low[:10], *spliced, *high[15:30]])
    tones = sound.tones_in(heard)
    assert [round(tone.hz, -1) for tone in tones if tone.length > 0.1] == [400, 1000]
    assert np.abs(np.diff(heard[:, 0])).max() < 2 * 10 ** (-12 / 20) * np.sqrt(2) * 2 * np.pi * 1000 / sound.RATE
    for at in range(10, 15):
        assert -6 < sound.level(heard[at * 960 : at * 960 + 960]) + 12 < 3
