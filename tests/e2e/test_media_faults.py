"""Music that breaks after it was queued: skipped with a reason that everybody reads, and the next one is heard."""

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests import sound
from tests.audio.foreign import body, file, live, moved
from tests.e2e.world import LONG, Stage, World
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.heard]

BROKEN = 300.0


@pytest.fixture(scope="module")
def library(library: Path) -> Path:
    """With files to break: `Gone`, `Rots` and `Cut` (its second half is missing), and two that never were music."""
    for title in ("Gone", "Rots", "Cut"):
        sound.write_tone(library / f"{title}.flac", BROKEN, 6.0, tags={"title": title, "artist": "Generator"})
    whole = (library / "Cut.flac").read_bytes()
    (library / "Cut.flac").write_bytes(whole[: len(whole) // 2])
    (library / "Noise.mp3").write_bytes(b"\x00\x01\x02garbage" * 500)
    (library / "Empty.flac").write_bytes(b"")
    return library


async def skipped(world: World, title: str, reason: str, *, within: float = 8) -> None:
    """The now-playing message says that a track was skipped, and why."""
    note = f"Skipped **{title}**: {reason}"
    await until(lambda: any(note in message.text for message in world.text.messages), within=within, what=note)


async def test_files_that_are_no_music_are_not_offered(stage: Stage) -> None:
    world = await stage.guild()
    for title in ("Noise", "Empty"):
        assert "Nothing found" in await world.said(world.people[0], "play", query=title)


async def test_a_truncated_file_is_heard_as_far_as_it_goes(stage: Stage) -> None:
    world = await stage.guild()
    await world.play(world.people[0], "Cut")
    await world.play(world.people[0], "Top A")
    await world.music.heard(BROKEN)
    await world.music.heard(880, within=8)


async def test_a_file_deleted_after_queueing(stage: Stage) -> None:
    world = await stage.guild()
    ann = world.people[0]
    await world.start_long(ann)
    await world.play(ann, "Gone")
    await world.play(ann, "Top A")
    (stage.music / "Gone.flac").unlink()
    await world.said(ann, "skip")
    await world.music.heard(880, within=8)
    await skipped(world, "Gone", "There is nothing at that address any more")


async def test_a_file_that_rots_before_its_gapless_turn(stage: Stage) -> None:
    """It was to be joined without a gap; its neighbours are heard all the same."""
    world = await stage.guild()
    ann = world.people[0]
    await world.start_long(ann)
    await world.play(ann, "Rots")
    await world.play(ann, "Top A")
    (stage.music / "Rots.flac").write_bytes(b"\x00\x01\x02garbage" * 500)
    await world.said(ann, "seek", position="0:57")
    await world.music.heard(LONG)
    await world.music.heard(880, within=10)
    await skipped(world, "Rots", "There is nothing in it that I can play")


async def test_a_link_that_leads_inside_by_the_time_it_plays(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    path = sound.write_tone(tmp_path / "t.wav", BROKEN, 5)
    stage.inside.pages["/t.wav"] = file(path)
    stage.site.pages["/turncoat.wav"] = file(path)
    await world.start_long(ann)
    assert "turncoat" in await world.said(ann, "play", query=stage.site.url("/turncoat.wav"), within=10)
    await world.play(ann, "Top A")
    stage.site.pages["/turncoat.wav"] = moved(stage.inside.url("/t.wav"))
    await world.said(ann, "skip")
    await world.music.heard(880, within=8)
    await skipped(world, "turncoat", "That link leads into a private network")
    assert not stage.inside.asked


async def test_a_link_that_is_gone_by_the_time_it_plays(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    stage.site.pages["/fleeting.wav"] = file(sound.write_tone(tmp_path / "t.wav", BROKEN, 5))
    await world.start_long(ann)
    assert "fleeting" in await world.said(ann, "play", query=stage.site.url("/fleeting.wav"), within=10)
    await world.play(ann, "Top A")
    stage.site.pages["/fleeting.wav"] = body("<html>sold</html>", "text/html")
    await world.said(ann, "skip")
    await world.music.heard(880, within=8)
    await skipped(world, "fleeting", "There is nothing in it that I can play")


class Stalling:
    """A file with ranges which, once `on`, comes to a halt after its first part."""

    def __init__(self, path: Path, part: int) -> None:
        self._path = path
        self._part = part
        self.on = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if not self.on:
            return web.FileResponse(self._path)
        data = self._path.read_bytes()
        start = request.http_range.start or 0
        headers = {"Content-Length": str(len(data) - start), "Content-Type": "audio/wav", "Accept-Ranges": "bytes"}
        if "Range" in request.headers:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        response = web.StreamResponse(status=206 if "Range" in request.headers else 200, headers=headers)
        await response.prepare(request)
        await response.write(data[start : self._part])
        await asyncio.Event().wait()
        return response


async def test_a_stream_that_stalls_for_ever(stage: Stage, tmp_path: Path) -> None:
    world, other = await stage.guild(), await stage.guild("Others", "Zoe")
    ann, zoe = world.people[0], other.people[0]
    page = Stalling(sound.write_tone(tmp_path / "t.wav", BROKEN, 20), part=800_000)  # about four seconds
    stage.site.pages["/stalling.wav"] = page
    await world.start_long(ann)
    assert "stalling" in await world.said(ann, "play", query=stage.site.url("/stalling.wav"), within=10)
    await world.play(ann, "Top A")
    await other.start_long(zoe)
    page.on, since = True, time.monotonic()
    await world.said(ann, "skip")
    await world.music.heard(BROKEN, within=8)
    await world.music.heard(880, within=40)
    await skipped(world, "stalling", "The stream stood still")
    assert not other.music.gaps(since, longer_than=0.3)


async def test_a_radio_without_an_end(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    tone = sound.write_tone(tmp_path / "t.mp3", BROKEN, 10).read_bytes()
    stage.site.pages["/radio"] = live(tone, headers={"icy-name": "Radio Chorus"}, pause=0.05)
    assert "Radio Chorus" in await world.said(ann, "play", query=stage.site.url("/radio"), within=12)
    await world.music.heard(BROKEN, within=10)
    assert "🔴 Live" in await world.said(ann, "now")
    assert "A live track cannot be wound" in await world.said(ann, "seek", position="1")
    await world.play(ann, "Top A")
    await world.said(ann, "skip")
    await world.music.heard(880)
