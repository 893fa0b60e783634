"""Hostile servers behind people's links: bombs, circles, lies, drips. Each is refused, soon and cheaply."""

import asyncio
import gzip
import resource
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio.guard import Guard
from audio.library import Library
from audio.media import media_app
from audio.media_probe import Prober
from audio.media_urls import MediaUrls
from audio.playlists import DEPTH
from audio.resolver import Resolver
from audio.uploads import Uploads
from core.errors import UnplayableError
from core.ports.tracks import Attachment
from core.types import Track, TrackRef
from tests.audio.foreign import Page, Site, body, file
from tests.sound import write_tone

CAP = 2_000_000
"""What one media request may pass on here."""


class WallClock:
    def now(self) -> int:
        return round(time.time() * 1000)


@dataclass
class Fetched:
    """What a node got: `cut` if the connection broke before the body was whole."""

    status: int
    body: bytes
    cut: bool


class World:
    """A resolver and the media application before a foreign site."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp = tmp_path
        self.site = Site()
        self.guard = Guard(["127.0.0.1"], stall=1)
        self.prober = Prober(self.guard, timeout=2, max_body=CAP)
        self.library = Library(tmp_path / "data", [], WallClock())
        self.uploads = Uploads(tmp_path / "data", self.guard, max_size=CAP)
        self.resolver = Resolver(self.library, self.uploads, self.guard, self.prober, frozenset)
        self.urls = MediaUrls("", b"k" * 32, WallClock())
        app = web.Application()
        app.add_subapp("/media", media_app(self.urls, self.guard, self.library, self.uploads, max_body=CAP))
        self.server = TestServer(app, host="127.0.0.1")

    async def start(self) -> None:
        await self.site.server.start_server()
        await self.server.start_server()
        await self.library.open()

    async def stop(self) -> None:
        await self.guard.close()
        await self.server.close()
        await self.site.server.close()
        await self.prober.close()
        await self.library.close()

    def serve(self, path: str, page: Page) -> str:
        self.site.pages[path] = page
        return self.site.url(path)

    async def refused(self, url: str) -> str:
        with pytest.raises(UnplayableError) as error:
            await self.resolver.resolve(url, limit=10)
        return error.value.reason

    async def fetched(self, url: str, length: int | None = 60_000) -> Fetched:
        signed = self.urls.media_url(Track(TrackRef(f"url:{url}"), "t", length=length), bound_to="r:1")
        return await self.node(signed)

    async def node(self, signed: str) -> Fetched:
        got = bytearray()
        async with aiohttp.ClientSession() as session, session.get(self.server.make_url(signed)) as response:
            try:
                async for chunk in response.content.iter_any():
                    got += chunk
            except aiohttp.ClientError:
                return Fetched(response.status, bytes(got), cut=True)
            return Fetched(response.status, bytes(got), cut=False)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


def packed(data: bytes, content_type: str) -> Page:
    """A body that grows on arrival."""
    small = gzip.compress(data)

    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(body=small, headers={"Content-Encoding": "gzip", "Content-Type": content_type})

    return page


def lying(data: bytes, claimed: int, content_type: str = "audio/mpeg") -> Page:
    """A body of another length than its header says; then the connection ends."""

    async def page(request: web.Request) -> web.StreamResponse:
        assert request.transport
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {claimed}\r\n\r\n"
        request.transport.write(head.encode() + data)
        await asyncio.sleep(0.1)
        request.transport.close()
        return web.Response()

    return page


BOMB = 300 << 20


@pytest.mark.parametrize("content_type", ["audio/mpeg", "audio/x-mpegurl", "application/rss+xml", "text/plain"])
async def test_a_gzip_bomb_is_refused_before_it_has_grown(world: World, content_type: str) -> None:
    url = world.serve("/bomb", packed(bytes(BOMB), content_type))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert await world.refused(url) in {"too_large", "corrupt", "unreachable", "not_audio"}
    got = await world.fetched(url)
    assert got.cut or got.status >= 400
    assert len(got.body) <= CAP
    with pytest.raises(UnplayableError):
        await world.uploads.save(Attachment(url, "x.mp3", 10))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000, "KB"


async def test_a_packed_file_is_heard_like_any_other(world: World) -> None:
    data = write_tone(world.tmp / "t.mp3", 440, 1).read_bytes()
    url = world.serve("/t.mp3", packed(data, "audio/mpeg"))
    assert (await world.resolver.resolve(url, limit=1)).tracks
    assert (await world.fetched(url)).body == data


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n/loop\n", "[playlist]\nFile1=/loop\n", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/loop\n"]
)
async def test_a_list_that_holds_itself_is_refused(world: World, text: str) -> None:
    url = world.serve("/loop", body(text, "audio/x-mpegurl" if text.startswith("#") else "audio/x-scpls"))
    assert await world.refused(url) in {"bad_link", "corrupt"}
    assert len(world.site.asked) <= 2 * (DEPTH + 2)
    signed = self_named(await world.fetched(url))
    for _ in range(DEPTH - 1):
        signed = self_named(await world.node(signed))
    assert (await world.node(signed)).status == 400, "the node is led round in no circle either"


def self_named(got: Fetched) -> str:
    """The address in a list of one."""
    assert got.status == 200
    line = got.body.decode().strip().splitlines()[-1]
    return line.removeprefix("File1=")


async def test_a_list_that_holds_itself_many_times_costs_little(world: World) -> None:
    url = world.serve("/loop", body("#EXTM3U\n" + "/loop\n" * 100, "audio/x-mpegurl"))
    began = time.monotonic()
    assert await world.refused(url) in {"bad_link", "timeout"}
    assert time.monotonic() - began < 20


async def test_hls_that_never_ends_is_no_endless_list(world: World) -> None:
    """A playlist that goes on for ever is refused; one that only has no end is live, and its segments do end."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.apple.mpegurl"})
        await response.prepare(request)
        await response.write(b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n")
        while True:
            await response.write(b"#EXTINF:2,\nx.ts\n" * 1000)

    url = world.serve("/endless.m3u8", endless)
    assert await world.refused(url) == "too_large"
    assert (await world.fetched(url)).status == 413

    live = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\n/flood.ts\n"
    (track,) = (await world.resolver.resolve(world.serve("/live.m3u8", body(live, "audio/mpegurl")), limit=1)).tracks
    assert track.length is None

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp2t"})
        await response.prepare(request)
        while True:
            await response.write(b"G" * 65_536)

    world.site.pages["/flood.ts"] = flood
    got = await world.fetched(world.site.url("/live.m3u8"), None)
    segment = await world.node(self_named(got))
    assert segment.cut
    assert len(segment.body) <= CAP


@pytest.mark.parametrize(
    "line",
    [
        "http://127.0.0.2:8000/x.ts",
        "http://[::1]:8000/x.ts",
        "http://2130706433:8000/x.ts",
        "file:///etc/passwd",
        '#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.2:8000/key"',
        '#EXT-X-MAP:URI="http://10.0.0.1/init.mp4"',
    ],
)
async def test_hls_that_names_loopback_leads_nowhere(world: World, line: str) -> None:
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{line}\n#EXTINF:2,\nx.ts\n#EXT-X-ENDLIST\n"
    got = await world.fetched(world.serve("/x.m3u8", body(text, "application/vnd.apple.mpegurl")))
    assert line.partition('URI="')[2].rstrip('"') not in got.body.decode() or 'URI="' not in line
    assert "127.0.0.2" not in got.body.decode()
    named = next(part for part in got.body.decode().replace('"', "\n").splitlines() if part.startswith("/media/"))
    assert (await world.node(named)).status in {400, 403}


async def test_an_hls_master_that_leads_inside_is_refused(world: World) -> None:
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://127.0.0.2:8000/x.m3u8\n"
    assert await world.refused(world.serve("/m.m3u8", body(master, "audio/mpegurl"))) == "private_address"


async def test_a_body_shorter_than_it_says_is_cut(world: World) -> None:
    data = write_tone(world.tmp / "t.mp3", 440, 2).read_bytes()
    url = world.serve("/short.mp3", lying(data, len(data) * 3))
    got = await world.fetched(url)
    assert got.cut, "the node must not take it for whole"
    assert got.body == data


async def test_a_body_longer_than_it_says_ends_where_it_said(world: World) -> None:
    data = write_tone(world.tmp / "t.mp3", 440, 2).read_bytes()
    got = await world.fetched(world.serve("/long.mp3", lying(data, 1_000)))
    assert len(got.body) <= 1_000


async def test_a_body_that_says_it_is_too_large_is_not_begun(world: World) -> None:
    url = world.serve("/large.mp3", lying(b"ID3" * 10, CAP + 1))
    assert await world.refused(url) == "too_large"
    assert (await world.fetched(url)).status == 413


async def test_a_negative_or_nonsensical_length_is_no_answer(world: World) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: -5\r\n\r\nxxxxx")
        return web.Response()

    url = world.serve("/negative.mp3", page)
    assert await world.refused(url) == "unreachable"
    assert (await world.fetched(url)).status == 502


async def test_a_station_with_lying_titles_is_heard_all_the_same(world: World) -> None:
    """Blocks that say they are longer than they are eat sound, and nothing else."""

    async def page(request: web.Request) -> web.StreamResponse:
        headers = {"icy-name": "x", "icy-metaint": "100", "icy-br": "8", "Content-Type": "audio/mpeg"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b"\xff" * 4_000)
        return response

    url = world.serve("/liar", page)
    signed = world.urls.media_url(Track(TrackRef(f"url:{url}"), "t"), bound_to="r:1")
    async with aiohttp.ClientSession() as session, session.get(world.server.make_url(signed)) as response:
        assert response.status == 200
        assert await response.content.readany() == b"\xff" * 100


async def test_a_drip_is_given_up(world: World) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        while True:
            await response.write(b"\xff")
            await asyncio.sleep(0.1)

    began = time.monotonic()
    assert await world.refused(world.serve("/drip", drip)) == "timeout"
    assert time.monotonic() - began < 5


async def test_a_list_that_only_drips_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.media_relay.PLAYLIST", 1.5)

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/x-mpegurl"})
        await response.prepare(request)
        while True:
            await response.write(b"#")
            await asyncio.sleep(0.1)

    url = world.serve("/drip.m3u", drip)
    assert await world.refused(url) == "timeout"
    got = await asyncio.wait_for(world.fetched(url), 5)
    assert (got.status, got.body) == (504, b"timeout")


async def test_headers_that_only_drip_are_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.guard.ANSWER", 1.5)

    async def drip(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nX-Long: ")
        while not request.transport.is_closing():
            request.transport.write(b"x")
            await asyncio.sleep(0.1)
        return web.Response()

    got = await asyncio.wait_for(world.fetched(world.serve("/drip", drip)), 5)
    assert (got.status, got.body) == (504, b"timeout")


XSPF = '<playlist xmlns="http://xspf.org/ns/0/"><title>{}</title><trackList/></playlist>'
LAUGHS = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
async def test_xml_bombs_are_refused_unread(world: World, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}]>' + XSPF.format("&j;")
    for content_type in ("application/xspf+xml", "application/rss+xml"):
        url = world.serve(f"/{content_type}", body(text.encode(encoding), content_type))
        began = time.monotonic()
        assert await world.refused(url) == "corrupt"
        assert time.monotonic() - began < 2


async def test_good_ones_are_heard_meanwhile(world: World) -> None:
    """While every kind of bad one is looked at, a good link is answered."""
    good = world.serve("/good.mp3", file(write_tone(world.tmp / "good.mp3", 440, 1)))

    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    bad = [world.serve("/hang", hang), world.serve("/bomb", packed(bytes(50 << 20), "audio/mpeg"))]
    attempts: list[Any] = [asyncio.create_task(world.resolver.resolve(url, limit=1)) for url in bad * 3]
    began = time.monotonic()
    assert (await world.resolver.resolve(good, limit=1)).tracks
    assert time.monotonic() - began < 2
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert all(isinstance(it, UnplayableError) for it in results)
