"""From queries to tracks, and every way in which a query can be bad."""

import asyncio
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from audio.guard import Guard
from audio.library import Library
from audio.library_covers import INDIGO
from audio.media_probe import BUDGET, Prober
from audio.resolver import Load, Resolver
from audio.resolver_sources import source_of
from audio.uploads import Uploads
from core.errors import NothingFoundError, SourceOffError, UnplayableError
from core.ports.tracks import Attachment, Found
from core.types import Track, TrackRef
from tests.audio.foreign import Page, Site, body, file, live, moved
from tests.sound import write_tone


class StillClock:
    def now(self) -> int:
        return 1


class World:
    """A resolver over a small library and a foreign site that MEDIA_ALLOW exempts."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp = tmp_path
        music = tmp_path / "music"
        music.mkdir()
        write_tone(music / "1.flac", 440, 1, tags={"title": "Smells Like Teen Spirit", "artist": "Nirvana"})
        write_tone(music / "2.flac", 440, 1, tags={"title": "Holiday", "artist": "Ana"})
        self.site = Site()
        self.managers: set[str] = set()
        self.guard = Guard(["127.0.0.1"], stall=5)
        self.prober = Prober(self.guard, timeout=1.5, max_body=400_000_000)
        self.library = Library(tmp_path / "data", [music], StillClock())
        self.resolver = self.build()

    def build(self, load: Load | None = None) -> Resolver:
        uploads = Uploads(self.tmp / "data", self.guard)
        managers = lambda: frozenset(self.managers)  # noqa: E731
        return Resolver(self.library, uploads, self.guard, self.prober, managers, load=load)

    def sound(self, name: str, *, seconds: float = 2, **tags: str) -> Path:
        return write_tone(self.tmp / name, 440, seconds, tags=tags)

    async def start(self) -> None:
        await self.site.server.start_server()
        await self.library.open()
        await self.library.scan()

    async def stop(self) -> None:
        await self.guard.close()
        await self.site.server.close()
        await self.prober.close()
        await self.library.close()

    async def one(self, query: str) -> Track:
        found = await self.resolver.resolve(query, limit=10)
        assert len(found.tracks) == 1
        return found.tracks[0]

    async def reason(self, page: Page | None, path: str = "/x") -> str:
        if page:
            self.site.pages[path] = page
        with pytest.raises(UnplayableError) as refused:
            await self.resolver.resolve(self.site.url(path), limit=10)
        return refused.value.reason


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.parametrize(
    "query", ["nirvana teen spirit", "smels like ten spirit", " SMELLS LIKE ", "nirvana - smells like teen spirit"]
)
async def test_text_is_looked_up_in_the_library(world: World, query: str) -> None:
    assert (await world.one(query)).title == "Smells Like Teen Spirit"


async def test_a_library_reference_is_that_track(world: World) -> None:
    track = await world.one("holiday")
    assert await world.one(track.ref) == track


@pytest.mark.parametrize("query", ["", "   ", "zzz qqq xxx", "🎵", "library:nothing", "x" * 4_000, "upload:abc"])
async def test_what_matches_nothing_is_told(world: World, query: str) -> None:
    with pytest.raises(NothingFoundError):
        await world.resolver.resolve(query, limit=10)


def test_local_queries_need_no_network(tmp_path: Path) -> None:
    resolver = World(tmp_path).resolver
    for query in ("nirvana", "library:abc", "AC/DC", "9:30 live", ""):
        assert resolver.local(query)
    for query in ("https://a.test/x.mp3", "<http://a.test>", "scsearch:x", "youtu.be/abc", "ftp://x"):
        assert not resolver.local(query)


async def test_an_attachment_is_copied(world: World) -> None:
    world.site.pages["/s"] = file(world.sound("s.mp3", title="Sent"))
    found = await world.resolver.resolve(Attachment(world.site.url("/s"), "a.mp3", 10), limit=10)
    assert found.tracks[0].title == "Sent"
    assert found.tracks[0].ref.startswith("upload:")


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".opus", ".m4a", ".wav"])
@pytest.mark.parametrize("ranged", [True, False])
async def test_a_link_to_a_file_tells_length_and_title(world: World, suffix: str, ranged: bool) -> None:
    tags = {} if suffix == ".wav" else {"title": "Far Away", "artist": "Ben"}
    path = world.sound(f"s{suffix}", seconds=3, **tags)
    world.site.pages["/my_song" + suffix] = file(path) if ranged else body(_bytes(path), "audio/x")
    track = await world.one(f"<{world.site.url('/my_song' + suffix)}>")
    assert track.length is not None
    assert abs(track.length - 3_000) < 150
    assert track.title == ("Far Away" if tags else "my song")
    assert track.ref == f"url:{track.uri}"


async def test_a_long_file_is_not_fetched_whole(world: World) -> None:
    path = world.sound("long.m4a", seconds=120)
    world.site.pages["/long.m4a"] = file(path)
    track = await world.one(world.site.url("/long.m4a"))
    assert abs((track.length or 0) - 120_000) < 500
    assert any(asked and asked != "bytes=0-" for asked in world.site.ranges), "its index lies at its end"


async def test_a_ten_hour_track_tells_its_length(world: World) -> None:
    path = world.tmp / "ten.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8_000)
        out.setnframes(36_000 * 8_000)
        out.writeframesraw(b"\x80" * 8_000)
        header = out.getnframes()
    assert header
    _stretch(path, 36_000 * 8_000)
    world.site.pages["/ten.wav"] = file(path)
    assert (await world.one(world.site.url("/ten.wav"))).length == 36_000_000


async def test_a_large_file_of_a_server_without_ranges_is_played(world: World) -> None:
    """Its end, where old tags may stand, is not read."""
    data = _bytes(world.sound("s.mp3", seconds=5))
    frames = data[data.index(b"\xff\xfb") :]
    count = BUDGET // len(frames) + 20
    world.site.pages["/mix.mp3"] = body(frames * count, "audio/mpeg")
    track = await world.one(world.site.url("/mix.mp3"))
    assert track.length == pytest.approx(count * 5_000, rel=0.05)


def _stretch(path: Path, size: int) -> None:
    """Make a wave file sparse and its header say so."""
    with path.open("r+b") as out:
        out.seek(4)
        out.write((36 + size).to_bytes(4, "little"))
        out.seek(40)
        out.write(size.to_bytes(4, "little"))
        out.truncate(44 + size)


async def test_a_stream_without_an_end_is_live(world: World) -> None:
    world.site.pages["/radio"] = live(_bytes(world.sound("s.mp3")), headers={"icy-name": "Radio Nowhere"})
    track = await world.one(world.site.url("/radio"))
    assert (track.length, track.title) == (None, "Radio Nowhere")


@pytest.mark.parametrize("suffix", [".mp3", ".opus"])
async def test_a_station_that_sends_no_faster_than_it_is_heard(world: World, suffix: str) -> None:
    """Entered in the middle of a frame, where the format allows that."""
    data = _bytes(world.sound(f"s{suffix}", seconds=20))
    page = live(data[30_001 if suffix == ".mp3" else 0 :], headers={"icy-name": "Slow"}, pause=0.5)
    world.site.pages["/radio"] = page
    assert await world.one(world.site.url("/radio")) == Track(
        TrackRef(f"url:{world.site.url('/radio')}"), "Slow", accent=INDIGO, uri=world.site.url("/radio")
    )


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (None, "not_found"),
        (body("<html><p>", "text/html"), "not_audio"),
        (body("<!DOCTYPE html><p>"), "not_audio"),
        (body("hello, I am a text", "text/plain"), "not_audio"),
        (body("hello, I am a text", "audio/mpeg"), "not_audio"),
        (body('{"a": 1}', "application/json"), "not_audio"),
        (body(b"\x89PNG\r\n\x1a\n", "image/png"), "not_audio"),
        (body(b"", "audio/mpeg"), "corrupt"),
        (body(os.urandom(9_000), "audio/mpeg"), "corrupt"),
        (body(b"RIFF\x00\x00\x00\x00WAVE", "audio/wav"), "corrupt"),
        (moved("http://127.0.0.2:8000/a.mp3"), "private_address"),
        (moved("http://169.254.169.254/latest/meta-data"), "private_address"),
        (moved("file:///etc/passwd"), "bad_link"),
        (live(b"nonsense " * 2_000), "not_audio"),
        (live(b"", then="stall"), "timeout"),
        (live(os.urandom(200), then="stall"), "timeout"),
        (live(b"#EXTM3U\n" + b"a.mp3\n" * 2_000, headers={"Content-Type": "audio/x-mpegurl"}), "too_large"),
    ],
)
async def test_links_that_cannot_be_played_have_their_reason(world: World, page: Page | None, reason: str) -> None:
    assert await world.reason(page) == reason


async def test_a_stream_that_only_drips_is_given_up(world: World) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        while True:
            await response.write(b"\0")
            await asyncio.sleep(0.1)

    async with asyncio.timeout(4):
        assert await world.reason(drip) == "timeout"


async def test_a_truncated_file_is_corrupt(world: World) -> None:
    whole = _bytes(world.sound("s.m4a"))
    assert await world.reason(body(whole[: len(whole) // 2], "audio/mp4")) == "corrupt"


async def test_a_file_over_the_cap_is_too_large(world: World) -> None:
    path = world.sound("s.wav")
    _stretch(path, 400_000_001)
    assert await world.reason(file(path)) == "too_large"


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("http://127.0.0.2/a.mp3", "private_address"),
        ("http://[::1]/a.mp3", "private_address"),
        ("http://10.0.0.1/a.mp3", "private_address"),
        ("file:///etc/passwd", "bad_link"),
        ("ftp://example.test/a.mp3", "bad_link"),
        ("http://a:b@127.0.0.1/", "bad_link"),
        ("http://", "bad_link"),
        ("http://nowhere.invalid/a.mp3", "unreachable"),
    ],
)
async def test_links_that_may_not_be_opened_have_their_reason(world: World, link: str, reason: str) -> None:
    with pytest.raises(UnplayableError, match=reason):
        await world.resolver.resolve(link, limit=10)


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "YouTube"),
        ("https://youtu.be/dQw4w9WgXcQ", "YouTube"),
        ("music.youtube.com/watch?v=x", "YouTube"),
        ("https://open.spotify.com/track/1", "Spotify"),
        ("https://on.soundcloud.com/x", "SoundCloud"),
        ("https://someone.bandcamp.com/track/x", "Bandcamp"),
        ("https://www.deezer.com/track/1", "Deezer"),
        ("https://music.apple.com/x", "Apple Music"),
        ("https://www.twitch.tv/x", "Twitch"),
        ("scsearch:holiday", "SoundCloud"),
        ("ytsearch: holiday", None),
        ("YTMSEARCH:holiday", "YouTube"),
        ("https://notyoutube.com/x", None),
        ("https://youtube.com.evil.test/x", None),
    ],
)
def test_known_sources_are_recognised(query: str, source: str | None) -> None:
    found = source_of(query)
    assert (found.name if found else None) == source


async def test_a_source_that_is_off_is_told_by_name(world: World) -> None:
    for query, name in {"https://youtu.be/x": "YouTube", "scsearch:x": "SoundCloud"}.items():
        with pytest.raises(SourceOffError) as told:
            await world.resolver.resolve(query, limit=10)
        assert told.value.source == name


async def test_a_source_that_a_node_offers_is_asked_of_it(world: World) -> None:
    asked: list[tuple[str, int]] = []

    async def load(identifier: str, limit: int) -> Found:
        asked.append((identifier, limit))
        return Found((Track(TrackRef("url:https://soundcloud.com/x"), "X", length=1),))

    resolver = world.build(load)
    with pytest.raises(SourceOffError):
        await resolver.resolve("scsearch:x", limit=3)
    world.managers.add("soundcloud")
    assert (await resolver.resolve("scsearch:x", limit=3)).tracks[0].title == "X"
    assert asked == [("scsearch:x", 3)]


async def test_a_playlist_becomes_its_tracks_in_order(world: World) -> None:
    for number in range(4):
        world.site.pages[f"/l/{number}.flac"] = file(world.sound(f"{number}.flac", title=f"T{number}"))
    world.site.pages["/l/list.m3u"] = body(
        "#EXTM3U\n#PLAYLIST:Mix\n0.flac\n#EXTINF:77,Cy - Told\n1.flac\n/l/gone.mp3\nhttp://127.0.0.2/in.mp3\n"
        "https://youtu.be/x\n2.flac\n3.flac\n",
        "audio/x-mpegurl",
    )
    found = await world.resolver.resolve(world.site.url("/l/list.m3u"), limit=50)
    assert found.playlist == "Mix"
    assert [track.title for track in found.tracks] == ["T0", "Told", "T2", "T3"]
    assert (found.tracks[1].artist, found.tracks[1].length) == ("Cy", 77_000)
    assert "/l/1.flac" not in world.site.asked, "a line that says what it is is believed"
    short = await world.resolver.resolve(world.site.url("/l/list.m3u"), limit=2)
    assert [track.title for track in short.tracks] == ["T0", "Told"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.pls", "[playlist]\nFile1=a.flac\nNumberOfEntries=1\n"),
        (
            "list.xspf",
            (
                '<playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>a.flac</location></track>'
                "</trackList></playlist>"
            ),
        ),
        ("outer.m3u", "#EXTM3U\nlist.pls\n"),
    ],
)
async def test_other_kinds_of_playlists_and_nested_ones(world: World, name: str, text: str) -> None:
    world.site.pages["/a.flac"] = file(world.sound("a.flac", title="A"))
    world.site.pages["/list.pls"] = body("[playlist]\nFile1=a.flac\n")
    world.site.pages[f"/{name}"] = body(text)
    found = await world.resolver.resolve(world.site.url(f"/{name}"), limit=50)
    assert [track.title for track in found.tracks] == ["A"]
    assert found.playlist == name.partition(".")[0]


async def test_a_list_of_streams_is_one_station(world: World) -> None:
    radio = _bytes(world.sound("s.mp3"))
    world.site.pages |= {f"/{number}": live(radio) for number in (2, 3)}
    world.site.pages["/radio.pls"] = body(
        "[playlist]\nFile1=/1\nFile2=/2\nTitle2=Radio Two\nFile3=/3\n", "audio/x-scpls"
    )
    found = await world.resolver.resolve(world.site.url("/radio.pls"), limit=50)
    assert [(track.title, track.length) for track in found.tracks] == [("Radio Two", None)]


async def test_a_playlist_of_nothing_playable_tells_why(world: World) -> None:
    assert await world.reason(body("#EXTM3U\nhttp://127.0.0.2/a\n"), "/a.m3u") == "private_address"
    assert await world.reason(body("#EXTM3U\ngone.mp3\n"), "/b.m3u") == "not_found"
    assert await world.reason(body("#EXTM3U\n"), "/c.m3u") == "corrupt"
    assert await world.reason(body("#EXTM3U\nloop.m3u\n"), "/loop.m3u") == "bad_link"


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.0,\n1.ts\n#EXTINF:4.0,\n2.ts\n"


async def test_hls_is_one_track(world: World) -> None:
    world.site.pages["/vod/show.m3u8"] = body("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n")
    world.site.pages["/vod/low.m3u8"] = body(HLS + "#EXT-X-ENDLIST\n")
    world.site.pages["/live.m3u8"] = body(HLS)
    track = await world.one(world.site.url("/vod/show.m3u8"))
    assert (track.title, track.length) == ("show", 10_000)
    assert track.ref.endswith("/vod/show.m3u8")
    assert (await world.one(world.site.url("/live.m3u8"))).length is None
