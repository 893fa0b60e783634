"""Internet radio: heard without a gap while its station stalls, its songs shown and kept as history."""

import time
from pathlib import Path

import pytest

from tests import sound
from tests.audio.stations import Station
from tests.e2e.world import Stage
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.heard]

TONE = 700.0
RATE = 16_000


def station(folder: Path, **more: float) -> Station:
    """A tone for ever, at a steady 128 kbit/s."""
    data = sound.write_tone(folder / "station.mp3", TONE, 60).read_bytes()
    start = data.index(b"\xff\xfb")
    data = data[start:] * 2

    def part(start: int, stop: int) -> bytes:
        place = start % (len(data) // 2)
        return data[place : place + stop - start]

    return Station(part, RATE, **more)


async def test_a_station_shows_its_songs_and_outlives_a_stall(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    radio = station(tmp_path)
    radio.title = "Ann - Hello"
    stage.site.pages["/station"] = radio
    assert "Radio Chorus" in await world.said(ann, "play", query=stage.site.url("/station"), within=12)
    await world.music.heard(TONE, within=10)
    await world.panel_says("Hello")
    shown = await world.said(ann, "now")
    assert "Ann" in shown
    assert "📻 Radio Chorus" in shown

    since, connections = time.monotonic(), radio.connections
    radio.stall()
    await until(lambda: radio.connections > connections, within=5, what="the station to be asked again")
    await until(lambda: time.monotonic() > since + 6, within=8)
    assert not world.music.gaps(since, longer_than=0.1), "nobody noticed"
    await world.music.heard(TONE)

    await until(lambda: time.monotonic() > since + 8, within=8)
    radio.title = "Ben - Bye"
    await world.panel_says("Bye", within=12)
    await world.told(ann, "history", "Ann – Hello")
    await world.said(ann, "skip")
    await world.told(ann, "history", "Ben – Bye")
