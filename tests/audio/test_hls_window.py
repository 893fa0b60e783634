"""Live HLS: nodes are answered from memory, however slow the station is."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from audio.media import media_app
from audio.sources import Located, Sources
from audio.uploads import Uploads
from core.types import Track, TrackRef
from tests.audio.foreign import body
from tests.audio.hls_station import HlsStation
from tests.audio.pond import Pond
from tests.audio.test_radio import World
from tests.sound import write_tone
from tests.waiting import until


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World()
    await world.start(Uploads(tmp_path / "data", world.guard))
    yield world
    await world.stop()


@pytest.fixture
def station(world: World, tmp_path: Path) -> HlsStation:
    return HlsStation(world.site, write_tone(tmp_path / "t.wav", 440, 60), tmp_path)


class Node:
    """Asks as a node does; `took` tells how long the last answer was waited for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.took = 0.0
        track = Track(TrackRef(f"url:{world.site.url('/live.m3u8')}"), "Live")
        self.url = world.urls.media_url(track, bound_to="room:7")

    async def get(self, signed: str) -> bytes:
        began = time.monotonic()
        async with self.world.session.get(self.world.server.make_url(signed)) as response:
            body = await response.read()
            assert response.status == 200, body
        self.took = time.monotonic() - began
        return body

    async def segments(self) -> list[str]:
        lines = (await self.get(self.url)).decode().splitlines()
        return [line for line in lines if line and not line.startswith("#")]


async def test_a_slow_station_is_waited_for_once(world: World, station: HlsStation) -> None:
    station.late = 0.5
    node = Node(world)
    first = await node.segments()
    assert node.took >= 0.5
    heard = [await node.get(address) for address in first[-3:]]
    assert all(body[:1] == b"G" for body in heard)

    async def moved_on() -> bool:
        return await node.segments() != first

    await until(moved_on, within=8)
    later = await node.segments()
    assert node.took < 0.3
    await until(lambda: len({it for it in station.asked if "part" in it}) >= 4, within=5)
    assert await node.get(later[-2])
    assert node.took < 0.3, "it was here before it was asked for"


async def test_a_stall_is_not_noticed(world: World, station: HlsStation) -> None:
    node = Node(world)
    first = await node.segments()
    await node.get(first[-3])
    await until(lambda: len({it for it in station.asked if "part" in it}) >= 3, within=5)
    station.free.clear()
    for address in first[-2:]:
        await node.get(address)
        assert node.took < 0.3
    await node.segments()
    assert node.took < 0.3
    station.free.set()


@asynccontextmanager
async def of_a_source(world: World, folder: Path, address: str) -> AsyncGenerator[URL]:
    """Where a node finds what lies at an address, and is to be asked for with a header."""
    sources = Sources({"pond": Pond(Located(address, {"Referer": "https://pond.test/"}))})
    app = web.Application()
    uploads = Uploads(folder / "more", world.guard)
    app.add_subapp("/media", media_app(world.urls, world.guard, uploads, uploads, sources=sources))
    async with TestServer(app, host="127.0.0.1") as server:
        track = Track(TrackRef("source:pond:https://pond.test/1"), "Live")
        yield server.make_url(world.urls.media_url(track, bound_to="room:7"))


async def test_a_playlist_that_a_source_located_is_followed_too(
    world: World, station: HlsStation, tmp_path: Path
) -> None:
    """By its address, and with the headers that the source wants."""
    asked: list[str | None] = []

    async def playlist(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Referer"))
        return await station.playlist(request)

    world.site.pages["/live.m3u8"] = playlist
    async with of_a_source(world, tmp_path, world.site.url("/live.m3u8")) as url:
        for _ in range(3):
            async with world.session.get(url) as response:
                assert response.status == 200
        assert len(asked) == 1, "the others were answered from memory"
        await until(lambda: len(asked) > 1, within=5, what="the playlist to be followed")
    assert set(asked) == {"https://pond.test/"}


async def test_what_the_playlists_of_a_source_name_is_asked_for_as_they_are(world: World, tmp_path: Path) -> None:
    asked = dict[str, str | None]()

    async def page(request: web.Request) -> web.StreamResponse:
        asked[request.path] = request.headers.get("Referer")
        return await pages[request.path](request)

    hls = "application/vnd.apple.mpegurl"
    pages = {
        "/all.m3u8": body("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n", hls),
        "/low.m3u8": body("#EXTM3U\n#EXTINF:2,\n/1.ts\n#EXT-X-ENDLIST\n", hls),
        "/1.ts": body(b"G" * 100),
    }
    world.site.pages |= dict.fromkeys(pages, page)
    async with of_a_source(world, tmp_path, world.site.url("/all.m3u8")) as url:
        address = url
        for _ in pages:
            async with world.session.get(address) as response:
                assert response.status == 200
                last = (await response.text()).splitlines()
            address = url.with_path(URL(next(line for line in last if not line.startswith("#"))).path)
    assert asked == dict.fromkeys(pages, "https://pond.test/")


async def test_a_file_that_grows_is_not_kept(world: World) -> None:
    """Its segments are parts of it, of which more are there each time."""
    text = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n"
    text += "".join(f"#EXTINF:2,\n#EXT-X-BYTERANGE:100@{at}\n/all.ts\n" for at in range(0, 600, 100))
    world.site.pages["/live.m3u8"] = body(text, "application/vnd.apple.mpegurl")
    world.site.pages["/all.ts"] = body(b"G" * 600)
    node = Node(world)
    address = (await node.segments())[-1]
    assert await node.get(address) == b"G" * 600
    world.site.pages["/all.ts"] = body(b"G" * 700)
    assert await node.get(address) == b"G" * 700


async def test_two_nodes_may_ask_at_once(world: World, station: HlsStation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same stale playlist, each for itself; of what is followed in the end nothing is left behind."""
    monkeypatch.setattr("audio.hls_window.STALE", 0.0)
    node = Node(world)
    await node.segments()
    for _ in range(3):
        assert all(await asyncio.gather(*(node.segments() for _ in range(4))))
    windows = [task for task in asyncio.all_tasks() if "Window._follow" in repr(task.get_coro())]
    await until(lambda: sum(not task.done() for task in windows) == 1, what="one to be left")


async def test_nobody_is_followed_whom_nobody_hears(
    world: World,
    station: HlsStation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audio.hls_window.IDLE", 0.5)
    await Node(world).segments()
    await until(lambda: station.asked.count("/live.m3u8") >= 1, within=3)
    before = 0

    async def quiet() -> bool:
        nonlocal before
        former, before = before, len(station.asked)
        return former == before

    await until(quiet, within=8, what="the last question")


async def test_a_film_is_passed_on_as_it_comes(
    world: World,
    station: HlsStation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audio.hls_window.LARGEST", 1_000)
    node = Node(world)
    addresses = await node.segments()
    assert len(await node.get(addresses[-1])) > 1_000


async def test_a_playlist_that_is_gone_is_told_in_the_end(
    world: World,
    station: HlsStation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audio.hls_window.STALE", 1.0)
    node = Node(world)
    await node.segments()
    del world.site.pages["/live.m3u8"]

    async def gone() -> bool:
        async with aiohttp.ClientSession() as session, session.get(world.server.make_url(node.url)) as response:
            return response.status == 404

    await until(gone, within=8)


async def test_a_playlist_that_only_drips_is_told_in_the_end(
    world: World,
    station: HlsStation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Following it ends, and whoever asks is told."""
    monkeypatch.setattr("audio.hls_window.STALE", 1.0)
    monkeypatch.setattr("audio.hls_window.IDLE", 2.5)
    monkeypatch.setattr("audio.media_relay.PLAYLIST", 0.5)
    drips = 0

    async def drip(request: web.Request) -> web.StreamResponse:
        nonlocal drips
        drips += 1
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.apple.mpegurl"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"#")
                await asyncio.sleep(0.05)
        finally:
            drips -= 1

    node = Node(world)
    await node.segments()
    world.site.pages["/live.m3u8"] = drip
    await until(lambda: drips, within=5)
    await until(lambda: not drips, within=5)
    async with aiohttp.ClientSession() as session, session.get(world.server.make_url(node.url)) as response:
        assert response.status == 504
