"""HLS: what a player of the list hears, what caches may keep, who counts as a listener."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.enums import Meter
from core.errors import UsedUpError
from core.ports.usage import Nothing
from core.room import Room
from tests import sound
from tests.fakes import FakeClock
from tests.waiting import until
from tests.web.harness import Site, make_site
from tests.web.test_stream import encoded
from web.fmp4 import split
from web.hls import SECONDS, Segmenter
from web.stream import Streams
from web.wire import frame

LIST = "/r/lobby/live.m3u8"
Client = Any


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("web.hls.FRAMES", 48)
    monkeypatch.setattr("web.hls.SECONDS", 1.024)
    monkeypatch.setattr("web.hls.STAY", 3.0)
    return await make_site(tmp_path, clock=FakeClock(), stream=encoded(440, 4.0, "aac"), hls=True)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    async with TestClient(TestServer(site.app)) as made:
        yield made


def decoded(data: bytes) -> np.ndarray[Any, Any]:
    with av.open(io.BytesIO(data)) as file:
        frames = [frame.to_ndarray() for frame in cast("Any", file).decode(audio=0)]
    return np.concatenate(frames, axis=1)


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"live/[\w-]+-(\d+)\.m4s", text)]


async def test_segments_joined_in_order_are_the_stream(client: Client) -> None:
    init, pieces = b"", dict[int, bytes]()
    async with asyncio.timeout(20):
        while len(pieces) < 5:
            answer = await client.get(LIST)
            assert answer.status == 200
            assert answer.content_type == "application/vnd.apple.mpegurl"
            text = await answer.text()
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Cache-Control"] == "public, max-age=1"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin", "pages elsewhere may play it"
            init = await (await client.get("/r/lobby/" + re.findall(r'URI="([^"]+)"', text)[0])).read()
            for name in re.findall(r"^live/.*m4s$", text, re.MULTILINE):
                number = numbers(name)[0]
                if number not in pieces:
                    piece = await client.get(f"/r/lobby/{name}")
                    assert piece.headers["Cache-Control"] == "public, max-age=3600, immutable"
                    assert "Set-Cookie" not in piece.headers
                    pieces[number] = await piece.read()
            await asyncio.sleep(0.3)
    order = sorted(pieces)
    assert order == list(range(order[0], order[0] + len(order)))
    samples = decoded(init + b"".join(pieces[number] for number in order))
    assert samples.shape[1] == pytest.approx(len(order) * 48 * 1024, abs=2048)
    (tone,) = sound.tones_in(samples.T[48_000 * 2 :])
    assert round(tone.hz) == 440
    assert tone.length > 2.5


async def test_ffmpeg_plays_the_list_as_any_player_would(client: Client) -> None:
    await client.get(LIST)
    url = str(client.make_url(LIST))
    options = ["-loglevel", "error", "-i", url, "-t", "3", "-f", "s16le", "-ar", "48000", "-ac", "2", "-"]
    process = await asyncio.create_subprocess_exec("ffmpeg", *options, stdout=-1, stderr=-1)
    out, errors = await asyncio.wait_for(process.communicate(), 30)
    assert not errors
    samples = np.frombuffer(out, np.int16).reshape(-1, 2).astype(np.float32) / np.float32(32768)
    assert any(round(tone.hz / 10) == 44 for tone in sound.tones_in(samples))


async def test_who_looks_at_the_list_listens_and_leaves_by_looking_no_more(site: Site, client: Client) -> None:
    await client.get(LIST)
    room = await site.rooms.read(site.lobby.room)
    await until(lambda: sum(it.left_at is None for it in room.people.values()) == 1)
    await client.get(LIST)
    assert sum(it.left_at is None for it in room.people.values()) == 1
    await until(lambda: all(it.left_at is not None for it in room.people.values()), within=8)


async def test_who_looks_at_the_list_goes_on_when_the_minutes_are_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Minutes(Nothing):
        used_up = False

        def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
            if self.used_up:
                raise UsedUpError(meter, 0)

    monkeypatch.setattr("web.hls.FRAMES", 48)
    minutes = Minutes()
    stream = encoded(440, 4.0, "aac")
    site = await make_site(tmp_path, clock=FakeClock(), stream=stream, hls=True, quotas=minutes)
    server = TestServer(site.app)
    async with TestClient(server) as client, TestClient(server) as other:
        assert (await client.get(LIST)).status == 200
        minutes.used_up = True
        assert (await client.get(LIST)).status == 200
        await other.get("/r/lobby")  # a cookie makes somebody else of them
        assert (await other.get(LIST)).status == 403


async def test_nothing_is_encoded_that_nobody_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.hls.FRAMES", 48)
    monkeypatch.setattr("web.hls.STAY", 1.5)
    monkeypatch.setitem(cast("Any", Streams.__init__).__kwdefaults__, "linger", 0.1)
    stream = encoded(440, 4.0, "aac")
    site = await make_site(tmp_path, clock=FakeClock(), stream=stream, hls=True)
    async with TestClient(TestServer(site.app)) as client:
        assert stream.open_now == 0
        (segment, *_) = await segments(client)
        assert stream.open_now == 1
        assert (await client.get(f"/r/lobby/{segment}")).status == 200
        await until(lambda: stream.open_now == 0, within=15)
        assert (await client.get(f"/r/lobby/{segment}")).status == 404
        (again, *_) = await segments(client)
        assert again.rpartition("-")[0] != segment.rpartition("-")[0], "caches keep the one of that name"


async def segments(client: Client) -> list[str]:
    return re.findall(r"^live/.*m4s$", await (await client.get(LIST)).text(), re.MULTILINE)


async def test_it_is_off_unless_switched_on(tmp_path: Path) -> None:
    site = await make_site(tmp_path, clock=FakeClock())
    async with TestClient(TestServer(site.app)) as client:
        assert (await client.get(LIST)).status == 404


def test_the_list_slides_and_segments_are_as_long_as_they_say() -> None:
    segmenter, frames = Segmenter(), cast("Any", encoded(440, 60.0, "aac")).queue
    segmenter.send(frame(b"".join(frames)))
    text = segmenter.playlist()
    first = numbers(text)[0]
    assert numbers(text) == [*range(first, first + 6)]
    assert f"#EXT-X-MEDIA-SEQUENCE:{first}\n" in text
    assert 4 <= SECONDS <= 6
    assert text.count(f"#EXTINF:{SECONDS:.5f},") == 6
    assert segmenter.find(f"{segmenter.run}-{first - 5}.m4s") is not None, "some are late"
    assert segmenter.find(f"{segmenter.run}-{first + 99}.m4s") is None
    assert segmenter.find("../secret") is None


def test_who_listened_before_a_restart_finds_numbers_and_times_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now, frames = 1_790_000_000.0, cast("Any", encoded(440, 60.0, "aac")).queue
    monkeypatch.setattr("web.hls.time.time", lambda: now)
    before = Segmenter()
    before.send(frame(b"".join(frames)))
    now += 60 + SECONDS
    after = Segmenter()
    after.send(frame(b"".join(frames[:500])))
    assert numbers(after.playlist())[0] > numbers(before.playlist())[-1]
    runs = [int(re.findall(r"DISCONTINUITY-SEQUENCE:(\d+)", it.playlist())[0]) for it in (before, after)]
    assert runs[0] < runs[1], "decoders begin anew"
    starts = [_start(segmenter) for segmenter in (before, after)]
    assert starts[1] - starts[0] == pytest.approx(60 + SECONDS, abs=SECONDS)


def _start(segmenter: Segmenter) -> float:
    """The second at which a run's first segment begins."""
    init = segmenter.find(f"{segmenter.run}-init.mp4")
    assert init is not None
    with av.open(io.BytesIO(init + segmenter.segments[0].data)) as file:
        return next(cast("Any", file).decode(audio=0)).time


def test_what_is_no_adts_brings_no_frames() -> None:
    assert split(b"") == []
    assert split(bytes(100)) == []
