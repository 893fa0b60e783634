"""Filters as they are heard in a channel: the same numbers on ours and on a Java node, from which they were taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from audio.loudness import bent, decibels
from tests import sound
from tests.contract.media_host import CHORD
from tests.waiting import until

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.contract.media_host import MediaHost
    from tests.contract.room import Room

pytestmark = pytest.mark.heard
SETTLING, LISTENING = 40, 100
"""Packets until a filter has found its level, and that are then listened to."""
PIECE = sound.RATE // 2
PLAIN = -18.0
"""The level of each pitch of the chord."""
NONE = -60.0
Levels = tuple[float, float, float]


async def listen(room: Room, media: MediaHost, filters: dict[str, Any]) -> sound.Samples:
    """What the channel hears of the chord with these filters: two seconds, both ears."""
    await room.patch(voice=room.voice(), track={"identifier": f"{media.url}/chord.wav"}, filters=filters)
    start = len(room.channel.packets)
    await until(lambda: len(room.channel.packets) > start + SETTLING + LISTENING, what="enough sound")
    heard = sound.decode(packet.opus for packet in room.channel.packets[start : start + SETTLING + LISTENING])
    return heard[SETTLING * sound.FRAME :]


async def listen_to_each(room: Room, media: MediaHost, each: list[dict[str, Any]]) -> list[sound.Samples]:
    """All at once, each in a channel of its own; on a Java node, which may not leave one of many, one by one."""
    if room.node.address.chorus:
        return await asyncio.gather(*(listen(room.second(), media, filters) for filters in each))
    return [await listen(room, media, filters) for filters in each]


def level(ear: sound.Samples, hz: float) -> float:
    """The level of one pitch in dBFS, most of the time: a busy machine may miss a frame.

    Half a second is twice the period of what swings here, so that sidebands are not counted in.
    """
    pieces = ear[: len(ear) // PIECE * PIECE].reshape(-1, PIECE)
    window = np.hanning(PIECE)
    turning = np.exp(-2j * np.pi * hz * np.arange(PIECE) / sound.RATE)
    amplitudes = 2 * abs((pieces * (window * turning)).sum(axis=1)) / window.sum()
    return float(20 * np.log10(np.median(amplitudes) / np.sqrt(2) + 1e-6))


def envelope(samples: sound.Samples) -> NDArray[np.float64]:
    """The level in dBFS of each packet and ear."""
    frames = samples[: len(samples) // sound.FRAME * sound.FRAME].reshape(-1, sound.FRAME, 2).astype(np.float64)
    return 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-6)


def swing(levels: NDArray[np.float64]) -> tuple[float, float, float]:
    """How low and how high an ear's level goes, and how often a second."""
    turns = np.abs(np.fft.rfft(levels - levels.mean()))
    return float(np.percentile(levels, 5)), float(np.percentile(levels, 95)), float(turns.argmax() / len(levels) * 50)


TREMOLO = {"tremolo": {"frequency": 4.0, "depth": 0.5}}
LEVELS: list[tuple[dict[str, Any], Levels, Levels]] = [
    ({}, (PLAIN, PLAIN, NONE), (PLAIN, NONE, PLAIN)),
    (
        {"equalizer": [{"band": 6, "gain": 0.25}, {"band": 7, "gain": 0.25}, {"band": 11, "gain": -0.25}]},
        (-11.0, -18.8, NONE),
        (-11.0, NONE, -18.9),
    ),
    (
        {"karaoke": {"level": 1.0, "monoLevel": 1.0, "filterBand": 220.0, "filterWidth": 100.0}},
        (-32.1, -18.1, -18.1),
        (-32.1, -18.1, -18.1),
    ),
    (TREMOLO, (-20.5, -20.5, NONE), (-20.5, NONE, -20.8)),
    ({"vibrato": {"frequency": 4.0, "depth": 0.5}}, (-21.8, -32.9, NONE), (-21.8, NONE, -37.0)),
    (
        {"channelMix": {"leftToLeft": 0.5, "leftToRight": 0.25, "rightToLeft": 0.0, "rightToRight": 1.0}},
        (-24.0, -24.0, NONE),
        (-16.1, -30.1, -18.4),
    ),
    ({"lowPass": {"smoothing": 20.0}}, (-21.1, -35.7, NONE), (-21.1, NONE, -42.9)),
]
"""Filters, and what they leave of each of CHORD in the left ear and in the right one."""


async def test_a_filter_leaves_of_each_pitch_what_a_java_node_leaves(room: Room, media: MediaHost) -> None:
    heard = await listen_to_each(room, media, [filters for filters, *_ in LEVELS])
    for samples, (filters, *ears) in zip(heard, LEVELS, strict=True):
        for ear, expected in enumerate(ears):
            for hz, wanted in zip(CHORD, expected, strict=True):
                found = level(samples[:, ear], hz)
                assert found < NONE if wanted == NONE else found == pytest.approx(wanted, abs=1), (filters, ear, hz)


async def test_what_swings_or_bends_does_so_as_on_a_java_node(room: Room, media: MediaHost) -> None:
    bend = {"sinOffset": 0.0, "sinScale": 2.0, "cosScale": 0.5, "tanScale": 0.5, "offset": 0.1, "scale": 1.0}
    filters: list[dict[str, Any]] = [TREMOLO, {"rotation": {"rotationHz": 0.5}}, {"distortion": bend}]
    heard = await listen_to_each(room, media, filters)
    tremolo, rotation, distortion = map(envelope, heard)
    for ear in (0, 1):
        assert swing(tremolo[:, ear]) == pytest.approx((-21.0, -15.1, 4.0), abs=0.7)
        low, *rest = swing(rotation[:, ear])
        assert low < -40
        assert rest == pytest.approx([-15.1, 0.5], abs=0.7)
    assert np.corrcoef(rotation[:, 0], rotation[:, 1])[0, 1] < -0.3  # from ear to ear
    assert float(np.median(distortion)) == pytest.approx(-29.7, abs=0.7)
    assert level(heard[2][:, 0], CHORD[0]) < NONE


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.7, 1.3])
async def test_a_gain_is_heard_as_it_was_meant(room: Room, media: MediaHost, factor: float) -> None:
    """With what Chorus tells each kind of node, by either of the two volumes."""
    told = factor if room.node.address.chorus else bent(factor)
    heard = await listen(room, media, {"volume": told})
    assert level(heard[:, 0], CHORD[0]) == pytest.approx(PLAIN + decibels(factor), abs=0.5)
    await room.patch(filters={}, volume=round(100 * told))
    start = len(room.channel.packets)
    within = 8  # a Java node has some seconds ready
    loudness = PLAIN + decibels(factor)

    def comes() -> bool:
        ear = sound.decode(packet.opus for packet in room.channel.packets[start:][-30:])[:, 0]
        return len(ear) >= PIECE and abs(level(ear, CHORD[0]) - loudness) < 0.4

    await until(comes, within=within, every=0.1, what="the player's volume is heard")


@pytest.mark.builtin
async def test_volume_is_a_plain_factor_and_timescale_moves_every_pitch(room: Room, media: MediaHost) -> None:
    filters: list[dict[str, Any]] = [{"volume": 0.5}, {"timescale": {"pitch": 1.5}}]
    softer, higher = await listen_to_each(room, media, filters)
    for hz, ear in zip(CHORD, (0, 0, 1), strict=True):
        assert level(softer[:, ear], hz) == pytest.approx(PLAIN - 6, abs=0.7)
        assert level(higher[:, ear], hz * 1.5) == pytest.approx(PLAIN, abs=1.5)
        assert level(higher[:, ear], hz) < NONE
