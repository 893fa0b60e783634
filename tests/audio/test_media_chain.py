"""From a query to the sound of its media address: what was asked for is what a node decodes."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio.gauge import Request
from audio.gauge_answer import answer
from audio.guard import Guard
from audio.library import Library
from audio.media import media_app
from audio.media_probe import Prober
from audio.media_urls import MediaUrls
from audio.resolver import Resolver
from audio.uploads import Uploads
from core.ports.tracks import Attachment
from core.types import Track
from tests.audio.foreign import Site, body, file, moved
from tests.audio.music import loudness
from tests.sound import frequency, tone, write_tone


class WallClock:
    def now(self) -> int:
        return round(time.time() * 1000)


class World:
    """Everything between a query and a media address, as the product joins it."""

    def __init__(self, tmp_path: Path, port: int) -> None:
        self.tmp = tmp_path
        (tmp_path / "music").mkdir()
        write_tone(tmp_path / "music/a.flac", 440, 3, tags={"title": "Alpha"})
        self.site = Site()
        clock = WallClock()
        self.guard = Guard(["127.0.0.1"])
        self.prober = Prober(self.guard)
        self.library = Library(tmp_path / "data", [tmp_path / "music"], clock)
        uploads = Uploads(tmp_path / "data", self.guard)
        self.resolver = Resolver(self.library, uploads, self.guard, self.prober, frozenset)
        self.urls = MediaUrls(f"http://127.0.0.1:{port}", b"k" * 32, clock)
        app = web.Application()
        app.add_subapp("/media", media_app(self.urls, self.guard, self.library, uploads))
        self.server = TestServer(app, host="127.0.0.1", port=port)

    async def start(self) -> None:
        await self.site.server.start_server()
        await self.server.start_server()
        await self.library.open()
        await self.library.scan()

    async def stop(self) -> None:
        await self.guard.close()
        await self.server.close()
        await self.site.server.close()
        await self.prober.close()
        await self.library.close()

    async def heard(self, query: str | Attachment, *, at: float = 0) -> float:
        """The pitch of the only track that a query stands for, from a position in seconds on."""
        (track,) = (await self.resolver.resolve(query, limit=5)).tracks
        return await self.pitch(track, at=at)

    async def pitch(self, track: Track, *, at: float = 0) -> float:
        return await asyncio.to_thread(_pitch, self.urls.media_url(track, bound_to="room/1"), at)


def _pitch(url: str, at: float) -> float:
    with av.open(url) as container:
        if at:
            container.seek(round(at * 1_000_000))
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
        samples = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    whole = np.concatenate(samples)
    return frequency(whole[4_800:28_800])


@pytest.fixture
async def world(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[World]:
    world = World(tmp_path, unused_tcp_port)
    await world.start()
    yield world
    await world.stop()


async def test_a_library_track_is_heard(world: World) -> None:
    assert await world.heard("alpha") == pytest.approx(440, abs=2)
    assert await world.heard("alpha", at=2) == pytest.approx(440, abs=2)


async def test_an_upload_is_heard_after_its_address_is_gone(world: World) -> None:
    world.site.pages["/s"] = file(write_tone(world.tmp / "s.mp3", 550, 2))
    (track,) = (await world.resolver.resolve(Attachment(world.site.url("/s"), "s.mp3", 1), limit=1)).tracks
    del world.site.pages["/s"]
    assert await world.pitch(track) == pytest.approx(550, abs=2)


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".m4a"])
async def test_a_link_is_heard_and_sought_in(world: World, suffix: str) -> None:
    world.site.pages["/far"] = file(write_tone(world.tmp / f"far{suffix}", 660, 20))
    world.site.pages["/link"] = moved("/far")
    assert await world.heard(world.site.url("/link")) == pytest.approx(660, abs=2)
    assert await world.heard(world.site.url("/link"), at=18) == pytest.approx(660, abs=2)


@pytest.mark.parametrize("key", [b"", b"0123456789abcdef"], ids=["plain", "encrypted"])
async def test_hls_is_heard_through_us_alone(world: World, key: bytes) -> None:
    sound = write_tone(world.tmp / "x.wav", 770, 6)
    for path in await asyncio.to_thread(_segments, sound, world.tmp / "hls", key.decode()):
        world.site.pages[f"/hls/{path.name}"] = file(path)
    world.site.pages["/hls/low.key"] = body(key, "application/octet-stream")
    world.site.pages["/hls/master.m3u8"] = body("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n")
    assert await world.heard(world.site.url("/hls/master.m3u8")) == pytest.approx(770, abs=2)
    segments = [path for path in world.site.asked if path.endswith(".ts")]
    assert len(segments) >= 3
    assert ("/hls/low.key" in world.site.asked) == bool(key)


async def test_hls_is_measured_through_us_alone(world: World) -> None:
    sound = write_tone(world.tmp / "x.wav", 770, 6, db=-20)
    for path in await asyncio.to_thread(_segments, sound, world.tmp / "hls", ""):
        world.site.pages[f"/hls/{path.name}"] = file(path)
    world.site.pages["/hls/master.m3u8"] = body("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n")
    (track,) = (await world.resolver.resolve(world.site.url("/hls/master.m3u8"), limit=1)).tracks
    request = Request(url=world.urls.media_url(track, bound_to="measure"))
    found = await asyncio.to_thread(answer, request)
    assert found["loudness"] == pytest.approx(loudness(tone(770, 6, db=-20)), abs=0.5)


def _segments(sound: Path, folder: Path, key: str) -> list[Path]:
    """A sound as HLS: its playlist and segments of 2 s, encrypted with the key if there is one."""
    folder.mkdir()
    options = {"hls_time": "2", "hls_playlist_type": "vod"}
    if key:
        options |= {"hls_enc": "1", "hls_enc_key": key, "hls_enc_key_url": f"{folder}/low.key"}
    with av.open(str(sound)) as source, av.open(str(folder / "low.m3u8"), "w", format="hls", options=options) as out:
        stream = out.add_stream("aac", rate=48_000)
        for frame in source.decode(audio=0):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    playlist = folder / "low.m3u8"
    playlist.write_text(playlist.read_text().replace(f"{folder}/low.key", "low.key"))
    return list(folder.iterdir())
