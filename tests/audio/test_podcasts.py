"""Podcasts and chapters: from a feed's link to an episode, and to the places in it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mutagen
import mutagen.id3
import pytest
from aiohttp import web

from audio.feeds import BYTES
from audio.guard import Guard
from audio.library import Library
from audio.media_probe import Prober
from audio.resolver import Resolver
from audio.uploads import Uploads
from core.errors import NothingFoundError, UnplayableError
from core.ports.tracks import Chapter, Show
from core.types import Track, TrackRef
from tests.audio.foreign import Page, Site, body, file, moved
from tests.sound import write_tone


class StillClock:
    def now(self) -> int:
        return 1


class World:
    """A resolver, and a site with a podcast."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp = tmp_path
        self.music = tmp_path / "music"
        self.music.mkdir()
        self.site = Site()
        self.guard = Guard(["127.0.0.1"], stall=2)
        self.prober = Prober(self.guard, timeout=3)
        self.library = Library(tmp_path / "data", [self.music], StillClock())
        uploads = Uploads(tmp_path / "data", self.guard)
        self.resolver = Resolver(self.library, uploads, self.guard, self.prober, frozenset)

    async def start(self) -> None:
        await self.site.server.start_server()
        await self.library.open()
        self.site.pages["/1.mp3"] = file(write_tone(self.tmp / "1.mp3", 440, 3, tags={"title": "tagged"}))
        self.site.pages["/2.mp3"] = file(write_tone(self.tmp / "2.mp3", 660, 2))
        self.site.pages["/old"] = moved("/feed.xml")
        self.feed(("One", "/1.mp3", 5), ("Two", "/2.mp3", 6))

    async def stop(self) -> None:
        await self.guard.close()
        await self.site.server.close()
        await self.prober.close()
        await self.library.close()

    def feed(self, *items: tuple[str, str, int]) -> None:
        told = "".join(
            f"<item><title>{title}</title><pubDate>0{day} Jan 2026 00:00 GMT</pubDate>"
            f'<duration>999</duration><enclosure url="{url}" type="audio/mpeg"/></item>'
            for title, url, day in items
        )
        text = f"<rss><channel><title>The Show</title>{told}</channel></rss>"
        self.site.pages["/feed.xml"] = body(text, "application/rss+xml")

    async def show(self, path: str = "/feed.xml") -> Show:
        show = await self.resolver.episodes(self.site.url(path))
        assert show
        return show

    async def refused(self, page: Page) -> str:
        self.site.pages["/bad"] = page
        assert await self.resolver.episodes(self.site.url("/bad")) is None
        with pytest.raises(UnplayableError) as error:
            await self.resolver.resolve(self.site.url("/bad"), limit=5)
        return error.value.reason


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


async def test_a_feed_lists_its_episodes_and_any_can_be_played(world: World) -> None:
    show = await world.show("/old")
    assert show.title == "The Show"
    assert [(it.title, it.length) for it in show.episodes] == [("Two", 999_000), ("One", 999_000)]
    assert all(len(it.query) <= 100 and not world.resolver.local(it.query) for it in show.episodes)
    found = await world.resolver.resolve(show.episodes[1].query, limit=5)
    (track,) = found.tracks
    assert found.resumes
    assert (track.title, track.artist, track.ref) == ("One", "The Show", f"url:{world.site.url('/1.mp3')}")
    assert track.length
    assert abs(track.length - 3_000) < 100, "the file's own length, whatever the feed says"


async def test_a_feeds_link_is_its_newest_episode(world: World) -> None:
    found = await world.resolver.resolve(world.site.url("/feed.xml"), limit=5)
    assert [it.title for it in found.tracks] == ["Two"]
    assert found.resumes


async def test_a_feed_is_fetched_once_for_many_looks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await world.show()
    assert world.site.asked == ["/feed.xml"]
    assert await world.resolver.episodes(world.site.url("/2.mp3")) is None
    assert await world.resolver.episodes(world.site.url("/2.mp3")) is None
    assert world.site.asked == ["/feed.xml", "/2.mp3"], "and what is none is remembered too"
    monkeypatch.setattr("audio.podcasts.FRESH", 0.0)
    world.feed(("Three", "/1.mp3", 7))
    assert [it.title for it in (await world.show()).episodes] == ["Three"]


@pytest.mark.parametrize("query", ["episode:0123456789abcdef01234567", "episode:"])
async def test_an_episode_that_nobody_looked_at_is_not_found(world: World, query: str) -> None:
    with pytest.raises(NothingFoundError):
        await world.resolver.resolve(query, limit=5)


@pytest.mark.parametrize("link", ["http://127.0.0.2/feed", "ftp://x/feed", "https://youtube.com/feed", "words", "://"])
async def test_links_that_may_not_be_opened_have_no_episodes(world: World, link: str) -> None:
    assert await world.resolver.episodes(link) is None


async def test_an_episode_inside_is_refused(world: World) -> None:
    world.feed(("Inside", "http://127.0.0.2:8080/admin", 5))
    (episode,) = (await world.show()).episodes
    with pytest.raises(UnplayableError) as error:
        await world.resolver.resolve(episode.query, limit=5)
    assert error.value.reason == "private_address"


async def test_an_episode_that_is_a_playlist_or_a_page_is_refused(world: World) -> None:
    world.site.pages["/list"] = body("#EXTM3U\nhttp://127.0.0.1/x\n", "audio/x-mpegurl")
    world.site.pages["/page"] = body("<html>", "text/html")
    world.feed(("List", "/list", 5), ("Page", "/page", 6))
    for episode in (await world.show()).episodes:
        with pytest.raises(UnplayableError, match="not_audio"):
            await world.resolver.resolve(episode.query, limit=5)


async def test_a_feed_of_50_mb_is_not_read_to_its_end(world: World) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "application/rss+xml"})
        await response.prepare(request)
        while sent < 2 * 50 << 20:
            await response.write(b" " * 100_000)
            sent += 100_000
        return response

    assert await world.refused(endless) == "too_large"
    assert sent < 2 * 25 << 20


async def test_a_feed_that_says_it_is_too_large_is_not_read(world: World) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "application/rss+xml", "Content-Length": str(50 << 20)}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b"<rss>")
        return response

    assert await world.refused(large) == "too_large"


async def test_a_feed_that_comes_line_by_line_is_one(world: World) -> None:
    lines = [
        b'<?xml version="1.0"?>\n',
        b"<rss><channel><title>Slow</title>",
        b'<item><enclosure url="/2.mp3"/></item>',
    ]

    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/xml"})
        await response.prepare(request)
        for line in [*lines, b"</channel></rss>"]:
            await response.write(line)
            await asyncio.sleep(0.02)
        return response

    world.site.pages["/slow"] = page
    assert (await world.show("/slow")).title == "Slow"
    assert (await world.resolver.resolve(world.site.url("/slow"), limit=5)).resumes


async def test_hostile_feeds_have_their_reason(world: World) -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><rss><channel><title>&b;</title></channel></rss>'
    assert await world.refused(body(bomb, "application/rss+xml")) == "corrupt"
    assert await world.refused(body("<rss><channel/></rss>", "application/rss+xml")) == "not_audio"


async def test_feeds_looked_at_long_ago_are_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.podcasts.KEPT", 1)
    (first, *_) = (await world.show()).episodes
    world.site.pages["/other"] = body(
        '<rss><channel><item><title>x</title><enclosure url="/x.mp3"/></item></channel></rss>', "application/rss+xml"
    )
    await world.show("/other")
    with pytest.raises(NothingFoundError):
        await world.resolver.resolve(first.query, limit=5)


async def test_a_feed_that_is_down_for_a_moment_keeps_its_episodes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two, _) = (await world.show()).episodes
    monkeypatch.setattr("audio.podcasts.FRESH", 0.0)
    good = world.site.pages["/feed.xml"]
    world.site.pages["/feed.xml"] = body("busy", "text/html")
    assert (await world.show()).episodes[0] == two
    assert (await world.resolver.resolve(two.query, limit=5)).tracks[0].title == "Two"
    assert world.site.asked.count("/feed.xml") == 2
    await world.show()
    assert world.site.asked.count("/feed.xml") == 2, "it is left alone for a while"
    monkeypatch.setattr("audio.podcasts.AGAIN", 0.0)
    world.site.pages["/feed.xml"] = good
    world.feed(("Three", "/1.mp3", 7))
    assert [it.title for it in (await world.show()).episodes] == ["Three"]


async def test_an_episode_of_two_feeds_outlives_one_of_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.podcasts.KEPT", 2)
    world.site.pages["/same.xml"] = world.site.pages["/feed.xml"]
    (two, _) = (await world.show("/same.xml")).episodes
    await world.show()
    await world.resolver.episodes(world.site.url("/2.mp3"))
    assert (await world.resolver.resolve(two.query, limit=5)).tracks[0].title == "Two"


# Chapters


def chaptered(path: Path, seconds: float = 6) -> Path:
    """A tone with an ID3 chapter every two seconds."""
    write_tone(path, 440, seconds)
    tags = mutagen.id3.ID3()
    for number, start in enumerate(range(0, round(seconds * 1000), 2_000)):
        title = mutagen.id3.TIT2(text=[f"Part {number + 1}"])
        tags.add(
            mutagen.id3.CHAP(element_id=f"c{number}", start_time=start, end_time=start + 2_000, sub_frames=[title])
        )
    tags.save(path)
    return path


PARTS = [Chapter(0, "Part 1"), Chapter(2_000, "Part 2"), Chapter(4_000, "Part 3")]


async def test_chapters_of_a_link_and_of_the_library(world: World) -> None:
    world.site.pages["/book.mp3"] = file(chaptered(world.tmp / "book.mp3"))
    (linked,) = (await world.resolver.resolve(world.site.url("/book.mp3"), limit=1)).tracks
    asked = len(world.site.asked)
    for _ in range(2):
        assert list(await world.resolver.chapters(linked)) == PARTS
    assert len(world.site.asked) == asked + 1
    chaptered(world.music / "Book.mp3")
    await world.library.scan()
    (own,) = await world.library.search("book")
    assert list(await world.resolver.chapters(own)) == PARTS


@pytest.mark.parametrize("suffix", ["opus", "flac"])
async def test_chapters_in_vorbis_comments(world: World, suffix: str) -> None:
    path = write_tone(world.music / f"x.{suffix}", 440, 3, tags={"title": "Ogg"})
    tags: Any = mutagen.File(path)  # pyright: ignore[reportPrivateImportUsage] -- as mutagen's manual says
    tags.update({"CHAPTER001": "00:00:00.000", "CHAPTER001NAME": "Intro"})
    tags.update({"CHAPTER002": "00:00:01.500", "CHAPTER002NAME": "Song"})
    tags.save()
    await world.library.scan()
    (track,) = await world.library.search("ogg")
    assert list(await world.resolver.chapters(track)) == [Chapter(0, "Intro"), Chapter(1_500, "Song")]


async def test_tracks_without_chapters_have_none(world: World) -> None:
    linked = Track(TrackRef(f"url:{world.site.url('/1.mp3')}"), "x", length=3_000)
    gone = Track(TrackRef(f"url:{world.site.url('/gone.mp3')}"), "x", length=3_000)
    live = Track(TrackRef(f"url:{world.site.url('/1.mp3')}"), "x")
    foreign = Track(TrackRef("node:youtube:https://y"), "x", length=3_000)
    for track in (linked, gone, live, foreign):
        assert not await world.resolver.chapters(track)


async def test_chapters_that_take_long_are_read_once_and_kept(world: World) -> None:
    """Discord waits for three seconds, and asks with every letter."""
    page, free = file(chaptered(world.tmp / "far.mp3")), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await free.wait()
        return await page(request)

    world.site.pages["/far.mp3"] = slow
    track = Track(TrackRef(f"url:{world.site.url('/far.mp3')}"), "Far", length=6_000)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.resolver.chapters(track), 0.1)
    free.set()
    assert len(await world.resolver.chapters(track)) == 3
    assert world.site.asked == ["/far.mp3"]


async def test_chapters_beyond_the_end_cannot_be_sought(world: World) -> None:
    world.site.pages["/book.mp3"] = file(chaptered(world.tmp / "book.mp3"))
    short = Track(TrackRef(f"url:{world.site.url('/book.mp3')}"), "x", length=3_000)
    assert list(await world.resolver.chapters(short)) == PARTS[:2]


def test_the_cap_is_well_below_what_is_refused() -> None:
    assert BYTES < 50 << 20
