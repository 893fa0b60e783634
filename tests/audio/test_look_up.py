"""What the lines of a list stand for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.ports.tracks import ListLine
from core.types import Track, TrackRef
from tests.audio.foreign import body, file
from tests.audio.test_resolver import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.start()
    yield world
    await world.stop()


async def looked_up(world: World, *lines: ListLine) -> list[str | None]:
    return [track and track.title for track in await world.resolver.look_up(lines)]


async def test_library_tracks_are_known_by_reference_or_by_what_the_line_says(world: World) -> None:
    ref = (await world.one("holiday")).ref
    lines = (
        ListLine(ref),
        ListLine("library:gone", "Smells Like Teen Spirit", "Nirvana"),
        ListLine("/home/ann/Holiday.mp3", "Holiday", "Ana"),
        ListLine(str(world.tmp / "music" / "2.flac")),
        ListLine("library:gone"),
        ListLine("", "zzz qqq xxx"),
    )
    assert await looked_up(world, *lines) == ["Holiday", "Smells Like Teen Spirit", "Holiday", None, None, None]


async def test_a_link_is_believed_what_its_line_says_and_else_looked_at(world: World) -> None:
    world.site.pages["/s"] = file(world.sound("s.mp3", title="Sound"))
    world.site.pages["/x"] = body("<html>")
    told = ListLine(world.site.url("/never"), "Told", "By", 61_000)
    known, looked, broken = await world.resolver.look_up(
        [told, ListLine(world.site.url("/s")), ListLine(world.site.url("/x"))]
    )
    assert known is not None
    assert (known.ref, known.title, known.artist, known.length) == (f"url:{told.address}", "Told", "By", 61_000)
    assert looked is not None
    assert looked.title == "Sound"
    assert broken is None
    assert "/never" not in world.site.asked


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1/a.mp3",
        "http://[::1]/a.mp3",
        "http://a:b@c@d/",
        "ftp://x/a.mp3",
        "file:///etc/passwd",
        "http://",
    ],
)
async def test_the_guard_stands_before_lists_too(world: World, address: str) -> None:
    assert await looked_up(world, ListLine(address, "T", "A", 1_000), ListLine(address)) == [None, None]


async def test_what_only_nodes_play_is_known_while_one_offers_it(world: World) -> None:
    line = ListLine("node:soundcloud:https://soundcloud.com/a/b", "T", "A", 1_000)
    other = ListLine("node:soundcloud:http://10.0.0.1/a", "T", "A", 1_000)
    assert await looked_up(world, line) == [None]
    world.managers.add("soundcloud")
    found, refused = await world.resolver.look_up([line, other])
    assert found is not None
    assert (found.ref, found.title) == (TrackRef(line.address), "T")
    assert refused is None


async def test_no_lines_are_no_tracks(world: World) -> None:
    nothing: list[Track | None] = []
    assert list(await world.resolver.look_up([])) == nothing
