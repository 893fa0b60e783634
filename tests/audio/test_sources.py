"""Further sources: by entry point, and yt-dlp in its process, which misbehaves on demand."""

import asyncio
import errno
import os
import re
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio.guard import Guard
from audio.media import media_app
from audio.media_probe import Prober
from audio.media_urls import MediaUrls
from audio.resolver import Resolver
from audio.sources import Located, Sources, SourceSettingError, make_ref, open_sources
from audio.uploads import Uploads
from audio.ytdlp import INDIGO, YtDlp, _environment
from audio.ytdlp_process import FORMAT
from core.errors import NothingFoundError, SourceOffError, UnplayableError
from core.ports.tracks import Found
from core.types import Track, TrackRef
from tests.audio.foreign import Site, body
from tests.waiting import until

LINK = "https://www.youtube.com/watch?v=x"

FAKE = """
    import os, socket, subprocess, sys, time

    class utils:
        class DownloadError(Exception):
            pass

    class YoutubeDL:
        def __init__(self, options):
            assert options["allowed_extractors"] == ["default", "-generic"]
            assert options["skip_download"] and options["noplaylist"] and options["cachedir"] is False
            self.options = options

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def extract_info(self, query, download):
            assert download is False
{script}
"""


class Fake:
    """A `yt_dlp` that does what a script says; `query` is what it is asked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        usual = _environment
        monkeypatch.setattr("audio.ytdlp._environment", lambda home: {**usual(home), "PYTHONPATH": str(folder)})
        monkeypatch.syspath_prepend(str(folder))
        self.does("return {'webpage_url': query, 'title': 'T', 'uploader': 'U', 'duration': 61.5, 'url': 'http://x/y'}")

    def does(self, script: str) -> None:
        told = textwrap.indent(textwrap.dedent(script), " " * 12)
        (self._folder / "yt_dlp.py").write_text(textwrap.dedent(FAKE.replace("{script}", told)))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch)


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    guard = Guard(["127.0.0.1"])
    yield guard
    await guard.close()


async def reason(attempt: Any) -> str:
    with pytest.raises(UnplayableError) as error:
        await attempt
    return error.value.reason


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def test_a_video_is_a_track(fake: Fake, guard: Guard) -> None:
    source = YtDlp(guard)
    assert await source.find(LINK, 5) == Found(
        (Track(TrackRef(f"source:yt-dlp:{LINK}"), "T", "U", 61_500, accent=INDIGO, uri=LINK),)
    )
    fake.does("raise RuntimeError")
    assert (await source.locate(LINK)).url == "http://x/y", "known from finding it"
    assert not children()


async def test_playlists_live_streams_and_searches(fake: Fake, guard: Guard) -> None:
    source = YtDlp(guard)
    fake.does("""
        entry = {'_type': 'url', 'url': 'https://v/%d', 'title': 'N'}
        many = [None, *({**entry, 'url': f'https://v/{n}'} for n in range(9))]
        return {'_type': 'playlist', 'title': 'List', 'entries': many}
    """)
    found = await source.find(LINK, 3)
    assert found.playlist == "List"
    assert [it.uri for it in found.tracks] == ["https://v/0", "https://v/1", "https://v/2"]
    fake.does("return {'webpage_url': query, 'title': 'On air', 'is_live': True, 'duration': 5, 'url': 'http://x'}")
    (live,) = (await source.find(LINK, 3)).tracks
    assert live.length is None
    fake.does("return {'_type': 'playlist', 'title': query, 'entries': [{'webpage_url': 'https://v', 'title': query}]}")
    found = await source.find("ytsearch: some words", 1)
    assert (found.tracks[0].title, found.playlist) == ("ytsearch1:some words", None)
    fake.does("return {'_type': 'playlist', 'entries': []}")
    with pytest.raises(NothingFoundError):
        await source.find("scsearch:nothing", 1)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("raise utils.DownloadError('Video unavailable')", "not_found"),
        ("raise utils.DownloadError('Requested format is not available')", "not_audio"),
        ("raise utils.DownloadError('HTTP Error 429')", "unreachable"),
        ("raise KeyError('a bug')", "unreachable"),
        ("os._exit(3)", "unreachable"),
        ("print('not json'); sys.stdout.flush(); os._exit(0)", "unreachable"),
        ("print('x' * 20_000_000); return {}", "unreachable"),
        ("x = bytearray(900 << 20); return {}", "too_large"),
        ("open(os.environ['HOME'] + '/x', 'wb').write(bytes(4 << 20)); return {}", "unreachable"),
        ("socket.create_connection(('127.0.0.1', 80), 1); return {}", "unreachable"),
        ("socket.create_connection(('169.254.169.254', 80), 1); return {}", "unreachable"),
    ],
    ids=["gone", "unfit", "refused", "bug", "dies", "nonsense", "endless", "greedy", "writes", "loopback", "metadata"],
)
async def test_whatever_goes_wrong_is_told(fake: Fake, guard: Guard, script: str, told: str) -> None:
    fake.does(script)
    assert await reason(YtDlp(guard).find(LINK, 1)) == told
    assert not children()


@pytest.mark.parametrize("what", ["audio.ytdlp.tempfile.TemporaryDirectory", "asyncio.create_subprocess_exec"])
async def test_a_machine_that_is_full_is_told(
    fake: Fake, guard: Guard, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(what, full)
    assert await reason(YtDlp(guard).find(LINK, 1)) == "unreachable"


def chosen(*protocols: str) -> str | None:
    """Which of a page's formats yt-dlp would choose by their protocols (`!*=`: holds not, `^=`: begins with)."""
    holds = {"^=": str.startswith, "!*=": lambda protocol, text: text not in protocol}
    for selector in FORMAT.split("/"):
        conditions = re.findall(r"\[protocol(\^=|!\*=)(\w+)\]", selector)
        for protocol in protocols:
            if all(holds[sign](protocol, text) for sign, text in conditions):
                return protocol
    return None


def test_only_what_has_an_address_of_its_own_is_chosen() -> None:
    """A DASH stream is an address of fragments, which FFmpeg would have to fetch by itself."""
    assert chosen("http_dash_segments", "https") == "https"
    assert chosen("http_dash_segments", "m3u8_native") == "m3u8_native"
    assert chosen("http_dash_segments", "rtmp", "mhtml") is None


async def test_one_that_takes_too_long_is_ended_with_all_its_children(fake: Fake, guard: Guard) -> None:
    fake.does("subprocess.Popen(['sleep', '60']); time.sleep(60)")
    began = time.monotonic()
    assert await reason(YtDlp(guard, seconds=1.0).find(LINK, 1)) == "timeout"
    assert time.monotonic() - began < 3
    assert not children()
    assert not [it for it in psutil.process_iter(["cmdline"]) if it.info["cmdline"] == ["sleep", "60"]]


async def test_it_sees_none_of_our_secrets(fake: Fake, guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    fake.does("return {'webpage_url': query, 'title': repr([*os.environ, *sys.argv, os.nice(0)])}")
    (track,) = (await YtDlp(guard).find(LINK, 1)).tracks
    assert "DISCORD_TOKEN" not in track.title
    assert "youtube" not in track.title, "what is asked is in no command line"
    assert track.title.endswith(f"{os.nice(0) + 10}]")


async def test_a_node_that_asks_again_joins_the_question(fake: Fake, guard: Guard) -> None:
    fake.does("time.sleep(0.5); return {'webpage_url': query, 'title': 'T', 'url': f'http://x/{os.getpid()}'}")
    source = YtDlp(guard)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(source.locate(LINK), 0.1)
    first, second = await asyncio.gather(source.locate(LINK), source.locate(LINK))
    assert first == second
    await source.close()


async def test_closing_ends_the_questions(fake: Fake, guard: Guard) -> None:
    fake.does("time.sleep(60)")
    source = YtDlp(guard)
    question = asyncio.create_task(source.locate(LINK))
    await until(children, what="the process")
    await source.close()
    await asyncio.gather(question, return_exceptions=True)
    assert not children()


@pytest.mark.parametrize(
    ("query", "takes"),
    [
        (LINK, True),
        ("https://soundcloud.com/a/b", True),
        ("ytsearch:words", True),
        ("ytsearch:", False),
        ("https://open.spotify.com/track/x", False),
        ("https://example.org/a.mp3", False),
        ("file:///etc/passwd", False),
        ("words", False),
    ],
)
def test_it_takes_its_sites_alone(fake: Fake, guard: Guard, query: str, *, takes: bool) -> None:
    assert YtDlp(guard).takes(query) is takes


# By name


class Pond:
    """Somebody's package: a source of frogs."""

    def __init__(self, guard: Guard) -> None:
        self.site = ""
        self.closed = False

    def takes(self, query: str) -> bool:
        return query.startswith("frog:")

    async def find(self, query: str, limit: int) -> Found:
        return Found((Track(make_ref("pond", query.removeprefix("frog:")), "Frog", length=1_000),))

    async def locate(self, address: str) -> Located:
        return Located(f"{self.site}{address}", {"Referer": "https://pond", "Range": "bytes=5-", "Host": "evil"})

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def pond(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("pond", "tests.audio.test_sources:Pond", "chorus.sources")]
    points += [EntryPoint("dry", "no_such_package:Pond", "chorus.sources")]

    def found(*, group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "chorus.sources"
        return [it for it in points if name in {None, it.name}]

    monkeypatch.setattr("audio.sources.entry_points", found)


@pytest.mark.usefixtures("pond")
async def test_a_package_offers_a_source(guard: Guard, tmp_path: Path) -> None:
    """Its tracks are found by its queries and fetched through us, from where it says."""
    site, asked = Site(), list[dict[str, str]]()
    await site.server.start_server()
    quack = body(b"ribbit" * 100, "audio/mpeg")

    async def page(request: web.Request) -> web.StreamResponse:
        asked.append(dict(request.headers))
        return await quack(request)

    site.pages["/green"] = page
    sources = open_sources(["pond"], guard)
    source: Any = sources.of("frog:/green")
    source.site = site.url("").rstrip("/")
    uploads: Any = Uploads(tmp_path, guard)
    prober = Prober(guard)
    resolver = Resolver(uploads, uploads, guard, prober, frozenset, sources=sources)
    assert not resolver.local("frog:/green")
    (track,) = (await resolver.resolve("frog:/green", limit=1)).tracks
    assert track.ref == "source:pond:/green"
    clock: Any = type("Clock", (), {"now": lambda _: round(time.time() * 1000)})()
    urls = MediaUrls("", b"k" * 32, clock)
    app = web.Application()
    app.add_subapp("/media", media_app(urls, guard, uploads, uploads, sources=sources))
    async with TestServer(app, host="127.0.0.1") as server:
        import aiohttp

        async with aiohttp.ClientSession() as node:
            async with node.get(server.make_url(urls.media_url(track, bound_to="r:1"))) as response:
                assert await response.read() == b"ribbit" * 100
            gone = Track(make_ref("dry", "/x"), "x", length=1)
            async with node.get(server.make_url(urls.media_url(gone, bound_to="r:1"))) as response:
                assert response.status == 404
    assert asked[0]["Referer"] == "https://pond"
    assert "Range" not in asked[0]
    assert asked[0]["Host"] != "evil"
    await sources.close()
    assert source.closed
    await prober.close()
    await site.server.close()


@pytest.mark.usefixtures("pond")
@pytest.mark.parametrize(("name", "words"), [("lake", "dry, pond, yt-dlp"), ("dry", "pip install no_such_package")])
async def test_a_source_that_is_not_there_is_told(guard: Guard, name: str, words: str) -> None:
    with pytest.raises(SourceSettingError, match=words):
        open_sources([name], guard)


async def test_without_yt_dlp_the_setting_says_what_to_do(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SourceSettingError, match="pip install yt-dlp"):
        open_sources(["yt-dlp"], guard)


async def test_links_are_off_until_a_source_is_on(fake: Fake, guard: Guard, tmp_path: Path) -> None:
    uploads: Any = Uploads(tmp_path / "data", guard)
    prober = Prober(guard)
    build: Callable[[Sources | None], Any] = lambda sources: Resolver(  # noqa: E731
        uploads,
        uploads,
        guard,
        prober,
        frozenset,
        sources=sources,
    )
    with pytest.raises(SourceOffError):
        await build(None).resolve(LINK, limit=1)
    on = build(open_sources(["yt-dlp"], guard))
    assert [it.title for it in (await on.resolve(LINK, limit=1)).tracks] == ["T"]
    with pytest.raises(SourceOffError):
        await on.resolve("https://open.spotify.com/track/x", limit=1)
    await prober.close()
    assert os.environ.get("PYTHONPATH") is None or str(tmp_path) not in os.environ["PYTHONPATH"]
