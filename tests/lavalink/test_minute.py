"""Frames counted by the minute, and what becomes of them in the stats."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from lavalink.minute import Minute, frame_stats
from lavalink.stats import Stats
from tests import sound
from tests.lavalink.harness import Desk, desk, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from lavalink.processes import Process


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("lavalink.minute.time", made)
    return made


def play(counted: Minute, clock: Clock, seconds: float, *, missed: int = 0, lost: int = 0) -> None:
    """Seconds of frames of which so many are missed, and so many are not even asked for."""
    for number in range(round(seconds * 50)):
        if number >= lost:
            (counted.missed if number < lost + missed else counted.sent)()
        clock.now += 0.02


def test_nothing_is_said_before_a_whole_minute(clock: Clock) -> None:
    counted = Minute()
    play(counted, clock, 59.9)
    assert frame_stats([counted]) is None
    play(counted, clock, 0.2)
    assert frame_stats([counted]) == pytest.approx({"sent": 3000, "nulled": 0, "deficit": 0}, abs=1)


def test_what_is_missed_and_what_is_not_asked_for_are_told_apart(clock: Clock) -> None:
    counted = Minute()
    counted.sent()
    play(counted, clock, 60.1, missed=100, lost=200)
    assert frame_stats([counted]) == pytest.approx({"sent": 2700, "nulled": 100, "deficit": 200}, abs=3)


def test_a_pause_begins_anew_and_averages_leave_out_who_has_just_begun(clock: Clock) -> None:
    paused, steady = Minute(), Minute()
    play(paused, clock, 61)
    paused.stop()
    assert frame_stats([paused]) is None
    play(paused, clock, 30)
    play(steady, clock, 61, missed=60)
    assert frame_stats([paused, steady]) == pytest.approx({"sent": 2940, "nulled": 60, "deficit": 0}, abs=3)


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk() as made:
        made.media.add("long.wav", sound.write_tone(tmp_path / "long.wav", 600, 30.0))
        yield made


@pytest.mark.heard
async def test_a_player_is_in_the_stats_after_a_minute_and_leaves_them_when_paused(
    played: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lavalink.minute.SECONDS", 1.0)
    stats = Stats([cast("Any", SimpleNamespace(players={1: played.player}))])
    assert stats.wire()["frameStats"] is None
    await played.play("long.wav")
    await until(lambda: stats.wire()["frameStats"] is not None)
    frames = stats.wire()["frameStats"]
    assert frames["sent"] + frames["nulled"] + frames["deficit"] == 50
    assert frames["sent"] >= 40
    played.patch_fields({"paused": True})
    await until(lambda: stats.wire()["frameStats"] is None)


def test_processes_count_by_how_much_they_play() -> None:
    from lavalink.processes import Processes

    def process(playing: int, frames: dict[str, int] | None) -> Process:
        stats = Stats(()).wire() | {"playingPlayers": playing, "frameStats": frames}
        return cast("Process", SimpleNamespace(stats=stats))

    busy, idle = {"sent": 2000, "nulled": 400, "deficit": 600}, {"sent": 3000, "nulled": 0, "deficit": 0}
    every = Processes([process(3, busy), process(1, idle), process(5, None)])
    assert every.add_to(Stats(()).wire())["frameStats"] == {"sent": 2250, "nulled": 300, "deficit": 450}
    assert Processes([process(5, None)]).add_to(Stats(()).wire())["frameStats"] is None
