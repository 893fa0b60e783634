"""Media addresses: who may fetch what, ranges, and every kind of foreign body."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from audio.guard import Guard
from audio.media import media_app
from audio.media_urls import GRACE, LIVE, BadSignatureError, ExpiredError, MediaUrls
from core.types import Track, TrackRef

KEY = b"k" * 32
BODY = bytes(range(256)) * 40
LENGTH = 60_000

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ManualClock:
    time: int = 1_000_000

    def now(self) -> int:
        return self.time


@dataclass
class Folder:
    """Files by reference."""

    files: dict[str, Path] = field(default_factory=dict)

    async def path(self, ref: TrackRef) -> Path | None:
        path = self.files.get(ref)
        return path if path and path.exists() else None


@dataclass
class OnAir:
    """What is on air, by what its addresses are bound to."""

    bound: set[str] = field(default_factory=set)

    async def lasts(self, bound_to: str) -> bool:
        return bound_to in self.bound


class World:
    """The media application, a foreign site on loopback that MEDIA_ALLOW exempts, and a node's client."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = ManualClock()
        self.on_air = OnAir()
        self.library, self.uploads = Folder(), Folder()
        self.file = tmp_path / "a.mp3"
        self.file.write_bytes(BODY)
        self.library.files["library:a"] = self.file
        self.uploads.files["upload:b"] = self.file
        self.pages: dict[str, Page] = {}
        self.guard = Guard(["127.0.0.1"], stall=0.3)
        self.site: TestServer
        self.node: TestClient[web.Request, web.Application]
        self.urls: MediaUrls

    async def start(self) -> None:
        site = web.Application()
        site.router.add_get("/{path:.*}", self._page)
        self.site = TestServer(site, host="127.0.0.1")
        await self.site.start_server()
        server = TestServer(web.Application(), host="127.0.0.1")
        self.urls = MediaUrls("http://media.test/", KEY, self.clock)
        media = media_app(self.urls, self.guard, self.library, self.uploads, airs=self.on_air, max_body=100_000)
        server.app.add_subapp("/media", media)
        self.node = TestClient(server)
        await self.node.start_server()

    async def stop(self) -> None:
        await self.node.close()
        await self.site.close()
        await self.guard.close()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = self.pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        return await page(request)

    def mint(self, ref: str, length: int | None = LENGTH) -> str:
        """The path of a media address."""
        url = self.urls.media_url(Track(TrackRef(ref), "t", length=length), bound_to="room/1")
        return url.removeprefix("http://media.test")

    def foreign(self, path: str, length: int | None = LENGTH) -> str:
        return self.mint(f"url:{self.site.make_url(path)}", length)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


def _sound(body: bytes = BODY, content_type: str = "audio/mpeg") -> Page:
    async def page(request: web.Request) -> web.Response:
        start, stop = request.http_range.start, request.http_range.stop
        if start is None:
            return web.Response(body=body, content_type=content_type, headers={"Accept-Ranges": "bytes"})
        part = body[start:stop]
        headers = {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(body)}"}
        return web.Response(status=206, body=part, content_type=content_type, headers=headers)

    return page


def _endless(content_type: str = "audio/mpeg") -> Page:
    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        while True:
            await response.write(b"x" * 16_384)
            await asyncio.sleep(0)

    return page


@pytest.mark.parametrize("ref", ["library:a", "upload:b"])
async def test_a_file_of_ours_is_served_whole(world: World, ref: str) -> None:
    async with world.node.get(world.mint(ref)) as response:
        assert response.status == 200
        assert response.content_type == "audio/mpeg"
        assert response.headers["Accept-Ranges"] == "bytes"
        assert await response.read() == BODY


@pytest.mark.parametrize("kind", ["file", "foreign"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-", 0, None), ("bytes=100-199", 100, 200), ("bytes=10000-99999", 10_000, None), ("bytes=0-0", 0, 1)],
)
async def test_ranges_are_answered_with_206(world: World, kind: str, asked: str, start: int, stop: int | None) -> None:
    world.pages["/a.mp3"] = _sound()
    path = world.mint("library:a") if kind == "file" else world.foreign("/a.mp3")
    async with world.node.get(path, headers={"Range": asked}) as response:
        assert response.status == 206
        expected = BODY[start:stop]
        assert await response.read() == expected
        assert response.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(BODY)}"
        assert response.content_length == len(expected)


async def test_the_last_bytes_can_be_asked_for(world: World) -> None:
    async with world.node.get(world.mint("library:a"), headers={"Range": "bytes=-10"}) as response:
        assert (response.status, await response.read()) == (206, BODY[-10:])


@pytest.mark.parametrize("asked", [f"bytes={len(BODY)}-", "bytes=99999-100000", "bytes=5-2", "bytes=x-y", "lines=1-2"])
async def test_ranges_that_cannot_be_are_answered_with_416(world: World, asked: str) -> None:
    async with world.node.get(world.mint("library:a"), headers={"Range": asked}) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == f"bytes */{len(BODY)}"


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/vnd.apple.mpegurl"])
async def test_a_foreign_416_is_passed_on(world: World, kind: str) -> None:
    """Servers put a page of their own with it, which says nothing of the file."""

    async def page(request: web.Request) -> web.Response:
        headers = {"Content-Range": "bytes */10"}
        return web.Response(status=416, headers=headers, text="<html>416</html>", content_type=kind)

    world.pages["/a.mp3"] = page
    async with world.node.get(world.foreign("/a.mp3"), headers={"Range": "bytes=50-"}) as response:
        assert (response.status, response.headers["Content-Range"]) == (416, "bytes */10")


@pytest.mark.parametrize("kind", ["file", "foreign", "live"])
async def test_head_tells_without_a_body(world: World, kind: str) -> None:
    world.pages |= {"/a.mp3": _sound(), "/live": _endless()}
    path = {
        "file": world.mint("library:a"),
        "foreign": world.foreign("/a.mp3"),
        "live": world.foreign("/live", length=None),
    }[kind]
    async with world.node.head(path) as response:
        assert response.status == 200
        assert response.content_type == "audio/mpeg"
        assert kind == "live" or response.content_length == len(BODY)


async def test_addresses_expire_an_hour_after_the_track_could_have_ended(world: World) -> None:
    path, live = world.mint("library:a"), world.mint("library:a", length=None)
    world.clock.time += LENGTH + GRACE - 1
    assert (await world.node.get(path)).status == 200
    world.clock.time += 1
    assert (await world.node.get(path)).status == 410
    assert (await world.node.get(live)).status == 200
    world.clock.time += LIVE
    assert (await world.node.get(live)).status == 410


async def test_what_is_on_air_does_not_expire(world: World) -> None:
    """It may have been paused over night; a live one plays for days, and its playlist is asked for again and again."""
    world.pages["/live.m3u8"] = _sound(b"#EXTM3U\n#EXTINF:2,\n/1.ts\n", "application/vnd.apple.mpegurl")
    world.pages["/1.ts"] = _sound()
    file, live = world.mint("library:a"), world.foreign("/live.m3u8", length=None)
    async with world.node.get(live) as response:
        segment = (await response.text()).splitlines()[-1].removeprefix("http://media.test")
    world.clock.time += 3 * LIVE
    world.on_air.bound = {"room/1"}
    assert (await world.node.get(file, headers={"Range": "bytes=100-199"})).status == 206
    assert [(await world.node.get(path)).status for path in (live, segment)] == [200, 200]
    world.on_air.bound = {"room/2"}
    assert [(await world.node.get(path)).status for path in (file, live, segment)] == [410, 410, 410]


async def test_tampered_addresses_are_refused(world: World) -> None:
    path = world.mint("library:a")
    payload, signature = path.removeprefix("/media/").split(".")
    forged = base64.urlsafe_b64encode(b'["library:b","room/1",99999999999999,false,0]').decode().rstrip("=")
    for signed in (
        f"{forged}.{signature}",
        f"{payload}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}",
        f"{payload}.",
        payload,
        f"{payload[:-1]}.{signature}",
        "x",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "ü",
    ):
        assert (await world.node.get(f"/media/{signed}")).status == 403


async def test_no_path_leads_to_other_files(world: World) -> None:
    world.library.files["library:a"].with_name("secret").write_text("secret")
    for path in ("/media/", "/media/../secret", "/media/%2e%2e/secret", "/media/a/b"):
        assert (await world.node.get(path)).status in {403, 404}
    for ref in ("library:../secret", "file:///etc/passwd", "upload:../a", "nothing"):
        assert (await world.node.get(world.mint(ref))).status == 404


def test_another_key_signs_other_addresses() -> None:
    clock = ManualClock()
    mine, other = (MediaUrls("http://m", key, clock) for key in (KEY, b"o" * 32))
    url = mine.media_url(Track(TrackRef("library:a"), "t", length=1), bound_to="r/1")
    signed = url.rpartition("/")[2]
    assert mine.verify(signed).ref == "library:a"
    with pytest.raises(BadSignatureError):
        other.verify(signed)
    clock.time += GRACE + 1
    with pytest.raises(ExpiredError):
        mine.verify(signed)


async def test_a_file_deleted_after_queueing_is_not_found(world: World) -> None:
    path = world.mint("library:a")
    world.file.unlink()
    async with world.node.get(path) as response:
        assert (response.status, await response.text()) == (404, "not_found")


async def test_a_foreign_file_is_passed_through(world: World) -> None:
    world.pages["/a.mp3"] = _sound()
    async with world.node.get(world.foreign("/a.mp3")) as response:
        assert response.status == 200
        assert response.content_type == "audio/mpeg"
        assert response.content_length == len(BODY)
        assert await response.read() == BODY


def _moved(location: str) -> Page:
    async def page(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    return page


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/nowhere.mp3", 404, "not_found"),
        ("/html", 415, "not_audio"),
        ("/disguised", 415, "not_audio"),
        ("/inside", 403, "private_address"),
        ("/silent", 504, "timeout"),
        ("/big", 413, "too_large"),
        ("/bigpart", 413, "too_large"),
    ],
)
async def test_what_is_refused_has_a_status_and_a_reason(world: World, path: str, status: int, reason: str) -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async def part(request: web.Request) -> web.Response:
        return web.Response(status=206, body=b"x", headers={"Content-Range": "bytes 0-0/100001"})

    world.pages |= {
        "/html": _sound(b"<p>", "text/html"),
        "/disguised": _sound(b"\n<!doctype HTML><p>", "audio/mpeg"),
        "/inside": _moved(f"http://127.0.0.2:{world.site.port}/a.mp3"),
        "/silent": silent,
        "/big": _sound(b"x" * 100_001),
        "/bigpart": part,
    }
    async with world.node.get(world.foreign(path)) as response:
        assert (response.status, await response.text()) == (status, reason)


async def test_a_private_address_is_refused(world: World) -> None:
    async with world.node.get(world.mint("url:http://127.0.0.2:8000/a.mp3")) as response:
        assert (response.status, await response.text()) == (403, "private_address")


async def test_an_endless_body_is_cut_at_the_cap(world: World) -> None:
    world.pages["/endless"] = _endless()
    async with world.node.get(world.foreign("/endless")) as response:
        await response.content.readexactly(80_000)
        with pytest.raises(aiohttp.ClientError):
            await response.content.readexactly(20_001)


async def test_a_live_stream_has_no_cap(world: World) -> None:
    world.pages["/live"] = _endless()
    async with world.node.get(world.foreign("/live", length=None)) as response:
        assert response.content_length is None
        assert len(await response.content.readexactly(500_000)) == 500_000


async def test_a_stream_that_stalls_for_ever_is_cut(world: World) -> None:
    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        await response.write(b"x" * 100)
        await asyncio.Event().wait()
        return response

    world.pages["/stall"] = stall
    async with asyncio.timeout(3), world.node.get(world.foreign("/stall", length=None)) as response:
        assert await response.content.readexactly(100) == b"x" * 100
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_a_truncated_foreign_body_is_not_taken_for_whole(world: World) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "audio/mpeg"})
        await response.prepare(request)
        await response.write(b"x" * 100)
        assert request.transport is not None
        request.transport.close()
        return response

    world.pages["/cut"] = cut
    with pytest.raises(aiohttp.ClientError):
        async with world.node.get(world.foreign("/cut")) as response:
            await response.read()


async def test_when_the_node_leaves_the_foreign_connection_ends(world: World) -> None:
    left = asyncio.Event()

    async def live(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 1000)
                await asyncio.sleep(0.01)
        finally:
            left.set()

    world.pages["/live"] = live
    async with world.node.get(world.foreign("/live", length=None)) as response:
        await response.content.readexactly(1000)
        response.close()
    async with asyncio.timeout(5):
        await left.wait()


async def test_a_slow_site_does_not_delay_other_files(world: World) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        await asyncio.sleep(0.2)
        return response

    world.pages["/slow"] = slow
    waiting = asyncio.create_task(world.node.get(world.foreign("/slow")))
    for _ in range(20):
        async with world.node.get(world.mint("library:a")) as response:
            assert await response.read() == BODY
    (await waiting).close()


def _path(address: str) -> str:
    return address.removeprefix("http://media.test")


async def test_playlists_are_rewritten_and_what_they_name_is_fetched_through_us(world: World) -> None:
    world.pages |= {
        "/hls/master.m3u8": _sound(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n", "application/x-mpegurl"),
        "/hls/low.m3u8": _sound(b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:2,\nseg.ts\n', "text/plain"),
        "/hls/seg.ts": _sound(b"segment", "video/mp2t"),
    }
    async with world.node.get(world.foreign("/hls/master.m3u8", length=None)) as response:
        assert response.content_type == "application/vnd.apple.mpegurl"
        variant = (await response.text()).splitlines()[2]
    assert variant.startswith("http://media.test/media/")
    assert variant.endswith(".m3u8")
    async with world.node.get(_path(variant)) as response:
        lines = (await response.text()).splitlines()
    assert str(world.site.port) not in "\n".join(lines)
    async with world.node.get(_path(lines[3]), headers={"Range": "bytes=1-3"}) as response:
        assert (response.status, await response.read()) == (206, b"egm")
    assert lines[3].endswith(".ts")
    async with world.node.get(_path(variant)) as response:
        assert (await response.text()).splitlines() == lines, "a live playlist names its segments alike at each reload"


async def test_playlists_may_not_lie_too_deep_in_each_other(world: World) -> None:
    world.pages["/loop.m3u"] = _sound(b"#EXTM3U\nloop.m3u\n", "audio/x-mpegurl")
    path, statuses = world.foreign("/loop.m3u", length=None), []
    for _ in range(4):
        async with world.node.get(path) as response:
            statuses.append(response.status)
            path = _path((await response.text()).splitlines()[-1])
    assert statuses == [200, 200, 200, 400]


async def test_playlists_that_lead_inside_or_never_end_are_refused(world: World) -> None:
    world.pages |= {
        "/inside.pls": _sound(b"[playlist]\nFile1=http://169.254.169.254/latest\n", "audio/x-scpls"),
        "/file.m3u": _sound(b"#EXTM3U\nfile:///etc/passwd\n", "audio/x-mpegurl"),
        "/endless.m3u8": _endless("application/x-mpegurl"),
        "/long.m3u": _sound(b"#EXTM3U\n" + b"a\n" * 5_001, "audio/x-mpegurl"),
    }
    for path, status in {"/inside.pls": 403, "/file.m3u": 400}.items():
        async with world.node.get(world.foreign(path)) as response:
            nested = (await response.text()).splitlines()[1].rpartition("=")[2]
        assert (await world.node.get(_path(nested))).status == status
    for path in ("/endless.m3u8", "/long.m3u"):
        assert (await world.node.get(world.foreign(path, length=None))).status == 413


async def test_addresses_are_never_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        for path in (world.foreign("/nowhere-to-be-found.mp3"), "/media/tampered-with.x"):
            await world.node.get(path)
    told = [entry for entry in logs if entry["event"] == "media.refused"]
    assert told == [{"event": "media.refused", "bound_to": "room/1", "reason": "not_found", "log_level": "info"}]
    ours = [record for record in caplog.records if record.name not in {"aiohttp.access", "asyncio"}]
    assert "nowhere-to-be-found" not in f"{logs} {[record.getMessage() for record in ours]}"
