"""Radio stations: their titles, and that a stall is over before the reserve has run out."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import av
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from audio.guard import Guard
from audio.icy import Description, IcyReader
from audio.media import media_app
from audio.media_urls import MediaUrls
from audio.ogg_titles import OggReader
from audio.radio import OnTitle
from audio.sources import Located, Sources
from audio.uploads import Uploads
from core.types import Track, TrackRef
from tests.audio.foreign import Site
from tests.audio.pond import Pond
from tests.audio.stations import INTERVAL, Station, block
from tests.sound import write_tone
from tests.waiting import until

RATE = 16_000


def numbered(start: int, stop: int) -> bytes:
    """Bytes of which each place can be told: a counter every eight."""
    first, last = start // 8, -(-stop // 8)
    whole = b"".join(number.to_bytes(8, "big") for number in range(first, last))
    return whole[start - first * 8 :][: stop - start]


@dataclass
class Told:
    titles: list[tuple[str, str, float]] = field(default_factory=list)

    def listen(self, bound_to: str) -> OnTitle:
        return lambda title, at: self.titles.append((bound_to, title, at))


class WallClock:
    def now(self) -> int:
        return round(time.time() * 1000)


class World:
    """A station, the media application before it, and a node's client."""

    def __init__(self) -> None:
        self.site = Site()
        self.told = Told()
        self.guard = Guard(["127.0.0.1"])
        self.station = Station(numbered, RATE)
        self.site.pages["/radio"] = self.station
        self.server: TestServer
        self.session = aiohttp.ClientSession()
        self.urls: MediaUrls

    async def start(self, uploads: Uploads) -> None:
        await self.site.server.start_server()
        self.urls = MediaUrls("", b"k" * 32, WallClock())
        app = web.Application()
        app.add_subapp("/media", media_app(self.urls, self.guard, uploads, uploads, titles=self.told))
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server()

    async def stop(self) -> None:
        await self.session.close()
        await self.server.close()
        await self.site.server.close()
        await self.guard.close()

    def url(self, path: str = "/radio") -> str:
        track = Track(TrackRef(f"url:{self.site.url(path)}"), "Radio")
        return str(self.server.make_url(self.urls.media_url(track, bound_to="room:7")))


@pytest.fixture
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    world = World()
    await world.start(Uploads(tmp_path_factory.mktemp("data"), world.guard))
    yield world
    await world.stop()


class Ear:
    """Reads a station through us; `arrived` tells how many bytes were there at which time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.body = bytearray()
        self.arrived: list[tuple[float, int]] = []
        self.headers: dict[str, str] = {}
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async with self.world.session.get(self.world.url()) as response:
            self.headers = dict(response.headers)
            async for chunk in response.content.iter_any():
                self.body += chunk
                self.arrived.append((time.monotonic(), len(self.body)))

    async def seconds(self, count: float, *, within: float = 12) -> None:
        await until(lambda: len(self.body) >= count * RATE, within=within, what=f"{count} s of sound")

    def reserve(self) -> float:
        """The least time that was left to play at any moment, in seconds, from the first byte on."""
        start = self.arrived[0][0]
        before = [(at, size) for (at, _), (_, size) in zip(self.arrived[1:], self.arrived, strict=False)]
        return min(size / RATE - (at - start) for at, size in before)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def ear(world: World) -> AsyncIterator[Ear]:
    ear = Ear(world)
    yield ear
    await ear.close()


def contiguous(body: bytearray) -> bool:
    """Whether nothing is missing and nothing comes twice."""
    first = int.from_bytes(body[:8], "big") * 8
    return bytes(body) == numbered(first, first + len(body))


async def test_titles_are_told_and_are_no_part_of_the_sound(world: World, ear: Ear) -> None:
    world.station.title = "Ann - Hello"
    await ear.seconds(3)
    await until(lambda: world.told.titles, what="a title")
    assert world.told.titles[0][:2] == ("room:7", "Ann - Hello")
    world.station.title = "Ben - Bye's 'end'"
    await until(lambda: len(world.told.titles) == 2, what="the next title")
    bound_to, title, at = world.told.titles[1]
    assert (bound_to, title) == ("room:7", "Ben - Bye's 'end'")
    assert world.told.titles[0][2] == 0
    assert at == pytest.approx(len(ear.body) / RATE, abs=1), "so much sound lies before it, the burst included"
    assert contiguous(ear.body)
    assert ear.headers["icy-name"] == "Radio Chorus"
    assert "Content-Length" not in ear.headers


async def test_a_flood_of_titles_is_no_flood_of_news(world: World) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"icy-name": "x", "icy-br": "128", "icy-metaint": "100"})
        await response.prepare(request)
        await response.write(bytes(40_000).replace(bytes(100), bytes(100) + b"\0"))
        for number in range(300):
            await response.write(bytes(100) + block(f"Song {number}"))
        for _ in range(300):
            await response.write(bytes(100) + b"\0")
            await asyncio.sleep(0.01)
        return response

    world.site.pages["/flood"] = page
    async with world.session.get(world.url("/flood")) as response:
        await until(lambda: world.told.titles and world.told.titles[-1][1] == "Song 299", what="the last title")
        assert len(world.told.titles) < 5
        assert response.status == 200


async def test_a_stall_is_joined_before_the_reserve_is_gone(world: World, ear: Ear) -> None:
    await ear.seconds(4)
    world.station.stall()
    await ear.seconds(8)
    assert world.station.connections == 2
    assert contiguous(ear.body), "not a byte is missing or twice"
    assert ear.reserve() > 0.5


async def test_a_station_that_a_source_located_is_asked_alike(world: World, tmp_path: Path) -> None:
    asked: list[str | None] = []

    async def page(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Referer"))
        return await world.station(request)

    world.site.pages["/radio"] = page
    located = Located(world.site.url("/radio"), {"Referer": "https://pond.test/"})
    uploads, app = Uploads(tmp_path, world.guard), web.Application()
    sources = Sources({"pond": Pond(located)})
    app.add_subapp("/media", media_app(world.urls, world.guard, uploads, uploads, sources=sources))
    async with TestServer(app, host="127.0.0.1") as server:
        track = Track(TrackRef("source:pond:https://pond.test/1"), "Radio")
        url = server.make_url(world.urls.media_url(track, bound_to="room:7"))
        async with world.session.get(url) as response:
            await response.content.readexactly(3 * RATE)
            world.station.stall()
            await response.content.readexactly(2 * RATE)
    assert asked == ["https://pond.test/"] * 2


async def test_a_station_without_a_burst_is_held_back_for_a_reserve(world: World, ear: Ear) -> None:
    world.station.burst = 0
    await ear.seconds(4)
    world.station.stall()
    await ear.seconds(5)
    assert ear.arrived[0][1] >= 1.8 * RATE
    assert ear.reserve() > 0.3


async def test_a_station_that_hangs_up_is_called_again_at_once(world: World, ear: Ear) -> None:
    await ear.seconds(4)
    await _hang_up(world)
    await ear.seconds(7)
    assert world.station.connections == 2
    assert contiguous(ear.body)
    assert ear.reserve() > 1.5


async def _hang_up(world: World) -> None:
    runner = world.site.server.runner
    assert runner is not None
    assert runner.server is not None
    for connection in runner.server.connections:
        if connection.transport is not None:
            connection.transport.close()


async def test_one_that_only_hesitated_goes_on_where_it_was(world: World, ear: Ear) -> None:
    await ear.seconds(3.5)
    place = len(ear.body)
    held = world.station.now
    frozen = held()
    world.station.now = lambda: frozen  # type: ignore[method-assign]
    await asyncio.sleep(1.2)
    world.station.now = held  # type: ignore[method-assign]
    await ear.seconds(place / RATE + 2)
    assert contiguous(ear.body)


async def test_a_station_that_is_gone_is_given_up(world: World, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.radio.PATIENCE", 1.5)
    await ear.seconds(3.5)
    world.station.gone = True
    await _hang_up(world)
    with pytest.raises(aiohttp.ClientPayloadError):
        await asyncio.wait_for(ear.task, 5)
    assert world.station.connections >= 3


async def test_a_broadcast_that_does_not_say_what_it_is_is_joined_again_too(world: World, ear: Ear) -> None:
    world.station.headers = {"Cache-Control": "no-cache, no-store"}
    await ear.seconds(6)
    world.station.stall()
    await ear.seconds(10)
    assert world.station.connections == 2
    assert contiguous(ear.body), "not a byte is missing or twice"
    assert ear.reserve() > 0.5
    assert "icy-name" not in ear.headers


async def test_a_file_that_comes_fast_is_not_begun_again_when_it_halts(world: World) -> None:
    """A server that makes it on the way may say neither how long it is nor that it may be kept."""
    data = numbered(0, 24 << 20)

    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(data[: 20 << 20])
        await asyncio.sleep(1.5)
        await response.write(data[20 << 20 :])
        return response

    world.site.pages["/file"] = page
    async with asyncio.timeout(20), world.session.get(world.url("/file")) as response:
        await asyncio.sleep(1.5)  # the node has enough for now
        assert await response.read() == data
    assert len(world.site.asked) == 1


@pytest.mark.parametrize("headers", [{}, {"Cache-Control": "no-store"}])
async def test_a_file_without_a_length_is_not_played_again(world: World, headers: dict[str, str]) -> None:
    """What is no station ends when it ends."""

    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg", **headers})
        await response.prepare(request)
        await response.write(b"x" * 10_000)
        return response

    world.site.pages["/file"] = page
    async with world.session.get(world.url("/file")) as response:
        assert await response.read() == b"x" * 10_000
    assert len(world.site.asked) == 1


async def test_a_station_of_old_answers_in_its_own_words(world: World) -> None:
    """SHOUTcast 1: `ICY 200 OK`, and nothing that a web server would say."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        lines = ["ICY 200 OK", "icy-name:Old Radio", "icy-br:128", f"icy-metaint:{INTERVAL}", "content-type:audio/mpeg"]
        head = "".join(f"{line}\r\n" for line in [*lines, ""])
        writer.write(head.encode() + numbered(0, INTERVAL) + block("Ann - Hello") + numbered(INTERVAL, 2 * INTERVAL))
        for start in range(2, 60):
            writer.write(b"\0" + numbered(start * INTERVAL, (start + 1) * INTERVAL))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/;stream"
    signed = world.urls.media_url(Track(TrackRef(f"url:{address}"), "Radio"), bound_to="room:7")
    async with world.session.get(world.server.make_url(signed)) as response:
        assert response.headers["icy-name"] == "Old Radio"
        body = bytearray()
        while len(body) < 40 * INTERVAL:
            body += await response.content.readany()
    assert contiguous(body[: 40 * INTERVAL])
    assert world.told.titles[0][1] == "Ann - Hello"
    server.close()
    await server.wait_closed()


async def test_when_the_node_leaves_so_do_we(world: World, ear: Ear) -> None:
    await ear.seconds(3)
    await ear.close()
    await until(lambda: not world.station._stalled, what="the station's connections to end")


@pytest.mark.parametrize(
    ("headers", "rate", "interval"),
    [
        ({"icy-name": "A", "icy-br": "128", "icy-metaint": "16000"}, 16_000, 16_000),
        ({"icy-name": "A", "icy-br": "128,128"}, 16_000, 0),
        ({"icy-name": "A", "icy-br": "64000"}, 8_000, 0),
        ({"Ice-Audio-Info": "ice-samplerate=44100;ice-bitrate=96;ice-channels=2"}, 12_000, 0),
        ({"icy-name": "A", "icy-metaint": "-5"}, 0, 0),
        ({"icy-name": "A", "icy-metaint": "99999999999999"}, 0, 0),
        ({"icy-name": "A", "icy-br": "fast", "icy-metaint": "²"}, 0, 0),
    ],
)
def test_what_stations_say_of_themselves(headers: dict[str, str], rate: int, interval: int) -> None:
    about = Description.read(headers)
    assert about is not None
    assert (about.rate, about.interval) == (rate, interval)


def test_other_servers_are_no_stations() -> None:
    assert Description.read({"Content-Type": "audio/mpeg", "Server": "nginx"}) is None


@given(st.lists(st.text(max_size=40).map(lambda text: text.replace("'", "").strip()), max_size=6), st.data())
def test_sound_and_titles_part_however_they_are_cut(titles: list[str], data: st.DataObject) -> None:
    sound = [bytes([number]) * INTERVAL for number in range(len(titles) + 1)]
    stream = b"".join(one + block(title) for one, title in zip(sound, titles, strict=False)) + sound[-1]
    reader, heard, told = IcyReader(INTERVAL), b"", list[str]()
    while stream:
        size = data.draw(st.integers(1, 1500))
        for piece in reader.feed(stream[:size]):
            heard += piece.sound
            told += [piece.title] if piece.title else []
        stream = stream[size:]
    assert heard == b"".join(sound)
    assert len(told) <= len(titles)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (b"StreamTitle='Caf\xe9';", "Café"),
        ("StreamTitle='Café';".encode(), "Café"),
        (b"StreamTitle='It's on';StreamUrl='x';", "It's on"),
        (b"StreamTitle='';", ""),
        (b"StreamUrl='x';", ""),
        (b"StreamTitle='cut off", ""),
        (b"\xff" * 30, ""),
    ],
)
def test_titles_as_they_are_written(text: bytes, title: str) -> None:
    length = -(-len(text) // 16)
    reader = IcyReader(1)
    pieces = list(reader.feed(b"s" + bytes([length]) + text.ljust(16 * length, b"\0") + b"s"))
    assert "".join(piece.title for piece in pieces) == title
    assert b"".join(piece.sound for piece in pieces) == b"ss"


def chained(folder: Path, suffix: str) -> bytes:
    """Three songs of a station that sends Ogg, one behind the other."""
    songs = ({"title": "Hello", "artist": "Ann"}, {"title": "Bye"}, {})
    kind = {"oga": "flac"}.get(suffix, suffix)
    parts = [write_tone(folder / f"{n}.{kind}", 440, 1, tags=tags) for n, tags in enumerate(songs)]
    if kind != suffix:
        parts = [in_ogg(part, part.with_suffix(f".{suffix}")) for part in parts]
    return b"".join(part.read_bytes() for part in parts)


def in_ogg(source: Path, target: Path) -> Path:
    """The same sound in Ogg pages."""
    with av.open(str(source)) as read, av.open(str(target), "w", format="ogg") as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        written.metadata.update(read.metadata)
        for packet in read.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return target


@pytest.mark.parametrize("suffix", ["opus", "ogg", "oga"])
@pytest.mark.parametrize("size", [1, 7, 1_000, 100_000])
def test_titles_in_ogg_however_it_is_cut(tmp_path: Path, suffix: str, size: int) -> None:
    stream, reader = chained(tmp_path, suffix), OggReader()
    pieces = [piece for start in range(0, len(stream), size) for piece in reader.feed(stream[start : start + size])]
    assert b"".join(piece.sound for piece in pieces) == stream
    assert [piece.title for piece in pieces if piece.title][-2 if size < 100_000 else -1 :] == (
        ["Ann - Hello", "Bye"] if size < 100_000 else ["Bye"]
    )


@given(st.lists(st.binary(max_size=600), max_size=6), st.booleans())
def test_no_ogg_breaks_the_reader(noise: list[bytes], captured: bool) -> None:
    reader = OggReader()
    head = b"OggS" + bytes(14) + (1).to_bytes(4, "little") + bytes(4) + b"\x02\xff\x10" + b"OpusTags" + b"\xff" * 40
    for one in noise:
        data = head + one if captured else one
        assert b"".join(piece.sound for piece in reader.feed(data)) == data
    assert len(reader._pending) < 70_000
