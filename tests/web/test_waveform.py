"""The waveform of what is on air."""

import re
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from core.events import PlayerChanged
from core.types import LOBBY, Track, TrackRef
from tests.fakes import FakeClock
from tests.web.conftest import Browser
from tests.web.harness import Site, make_site
from web.waveform import letters

SHAPE = bytes(min(255, point) for point in range(400))


class Waveforms:
    def __init__(self) -> None:
        self.known: dict[TrackRef, bytes] = {}

    async def waveform(self, ref: TrackRef) -> bytes:
        return self.known.get(ref, b"")


def wave(html: str) -> str:
    found = re.search(r'data-wave="([^"]*)"', html)
    assert found
    return found[1]


def test_each_point_is_a_letter() -> None:
    assert letters(b"") == ""
    assert letters(bytes((0, 4, 128, 255))) == "ABg/"
    assert len(letters(SHAPE)) == 400


async def play(site: Site, track: Track) -> None:
    await site.jukebox.add(site.lobby.room, await site.come("Ben", "discord:1"), [track])
    await site.start()


async def test_the_page_carries_the_waveform_as_soon_as_it_is_known(tmp_path: Path) -> None:
    known = Waveforms()
    site = await make_site(tmp_path, clock=FakeClock(), waveforms=known)
    song = Track(TrackRef("library:0"), "Song", length=100_000)
    async with TestClient(TestServer(site.app)) as client:
        browser = Browser(client)
        await play(site, song)
        assert wave(await browser.open()) == ""
        events = await client.get("/r/lobby/events")
        while b"event: people" not in await events.content.readline():
            pass
        known.known[song.ref] = SHAPE
        site.bus.publish(PlayerChanged(room=LOBBY, status="playing"))
        while b"data-wave" not in (line := await events.content.readline()):
            pass
        assert wave(line.decode()) == letters(SHAPE)
        assert wave(await browser.open()) == letters(SHAPE)


async def test_a_live_track_has_none(tmp_path: Path) -> None:
    known = Waveforms()
    site = await make_site(tmp_path, clock=FakeClock(), waveforms=known)
    radio = Track(TrackRef("url:http://radio.example/"), "Radio")
    known.known[radio.ref] = SHAPE
    async with TestClient(TestServer(site.app)) as client:
        await play(site, radio)
        text = await Browser(client).open()
        assert wave(text) == ""
        assert 'id="wave"' not in text
