"""Internet radio and podcasts: no gap while a station stalls, songs shown and kept, episodes that go on."""

import json
import time
from pathlib import Path

import mutagen.id3
import numpy as np
import pytest

from audio.radio import RESERVE
from tests import sound
from tests.audio.foreign import body, file
from tests.audio.hls_station import HlsStation
from tests.audio.stations import Station
from tests.e2e.world import Stage
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.heard]

TONE, FURTHER = 700.0, 1_500.0


def station(folder: Path, **more: float) -> Station:
    """A tone for ever, exactly as fast as it is heard."""
    data = sound.write_tone(folder / "station.mp3", TONE, 60).read_bytes()
    start = data.index(b"\xff\xfb")
    once = data[start:]

    def part(start: int, stop: int) -> bytes:
        place = start % len(once)
        return (once * 2)[place : place + stop - start]

    return Station(part, len(once) // 60, **more)


async def test_a_station_shows_its_songs_and_outlives_a_stall(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    radio = station(tmp_path, burst=1.5)
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
    silent = [json.loads(line)["silent"] for line in stage.chorus.lines if "radio.rejoined" in line]
    assert silent, "the node did not have to help"
    assert max(silent) < RESERVE, "and nobody could have noticed"
    await world.music.heard(TONE)

    await until(lambda: time.monotonic() > since + 8, within=8)
    radio.title = "Ben - Bye"
    await world.panel_says("Bye", within=12)
    await world.told(ann, "history", "Ann – Hello")
    await world.said(ann, "skip")
    await world.told(ann, "history", "Ben – Bye")


async def test_an_episode_goes_on_where_the_room_left_it(stage: Stage, tmp_path: Path) -> None:
    """Chosen from its feed, sought by a chapter, left, and asked for again: also gaplessly, behind another track."""
    world = await stage.guild()
    ann = world.people[0]
    parts = np.concatenate([sound.tone(TONE, 60), sound.tone(FURTHER, 60)])
    path = sound.write_sound(tmp_path / "one.mp3", parts)
    tags = mutagen.id3.ID3()
    for number, start in enumerate((0, 60_000)):
        title = mutagen.id3.TIT2(text=[f"Part {number + 1}"])
        tags.add(
            mutagen.id3.CHAP(element_id=f"c{number}", start_time=start, end_time=start + 60_000, sub_frames=[title])
        )
    tags.save(path)
    stage.site.pages["/one.mp3"] = file(path)
    item = '<item><title>One</title><enclosure url="/one.mp3"/></item>'
    feed = f"<rss><channel><title>The Show</title>{item}</channel></rss>"
    stage.site.pages["/feed"] = body(feed, "application/rss+xml")

    (episode,) = await ann.autocomplete("play", "query", stage.site.url("/feed"))
    assert "One" in await world.said(ann, "play", query=episode["value"], within=12)
    await world.music.heard(TONE, within=8)
    chapters = await ann.autocomplete("seek", "position", "part")
    assert [it["name"] for it in chapters] == ["0:00 · Part 1", "1:00 · Part 2"]
    await world.said(ann, "seek", position=chapters[1]["value"])
    await world.music.heard(FURTHER)
    await world.said(ann, "skip")

    again = await world.said(ann, "play", query=episode["value"], within=12)
    assert "It goes on at 1:0" in again
    await world.music.heard(FURTHER)
    await world.said(ann, "skip")

    await world.play(ann, "Top A")
    assert "It goes on at 1:0" in await world.said(ann, "play", query=episode["value"], within=12)
    await world.music.heard(FURTHER, within=8)
    await world.told(ann, "now", "1:0")
    heard = [tone.hz for tone in world.music.tones(time.monotonic() - 3)]
    assert not any(abs(hz - TONE) < 20 for hz in heard), "it begins at its place"


async def test_live_hls_is_heard_without_a_gap_from_a_slow_server(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    station = HlsStation(stage.site, sound.write_tone(tmp_path / "t.wav", TONE, 60), tmp_path)
    assert "live" in await world.said(ann, "play", query=stage.site.url("/live.m3u8"), within=12)
    await world.music.heard(TONE, within=12)
    station.late = 0.6
    since = time.monotonic()
    await until(lambda: time.monotonic() > since + 8, within=10)
    station.free.clear()
    await until(lambda: time.monotonic() > since + 9.5, within=10)
    station.free.set()
    await until(lambda: time.monotonic() > since + 16, within=10)
    assert not world.music.gaps(since, longer_than=0.1)
    assert {round(tone.hz / 20) for tone in world.music.tones(since) if tone.length > 0.1} == {round(TONE / 20)}
    await world.said(ann, "skip")
