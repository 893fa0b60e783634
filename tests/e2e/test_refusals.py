"""What people cannot have, said in words: every refusal as somebody in a guild meets it."""

import asyncio
import wave
from pathlib import Path
from typing import Any

import pytest

from tests import sound
from tests.audio.foreign import body, file, live, moved
from tests.e2e.world import Stage, World, button
from tests.simulators.discord.errors import NotAnsweredError
from tests.simulators.discord.members import Member
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_WAITING = "not waiting any more"
TEN_HOURS = 36_000


def ten_hours(path: Path) -> Path:
    """A wave file of ten hours, most of it not on the disk."""
    rate = 8_000
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(rate)
        out.writeframesraw(b"\x80" * rate)
    with path.open("r+b") as out:
        size = TEN_HOURS * rate
        for at, value in ((4, size + 36), (40, size)):
            out.seek(at)
            out.write(value.to_bytes(4, "little"))
        out.truncate(size + 44)
    return path


@pytest.fixture(scope="module")
def library(library: Path) -> Path:
    ten_hours(library / "Endless evening.wav")
    return library


async def test_not_in_a_voice_channel(stage: Stage) -> None:
    world = await stage.guild()
    outsider = world.guild.member("Otto")
    for command in ("play", "join"):
        options: dict[str, Any] = {"query": "Long"} if command == "play" else {}
        assert "Join a voice channel" in await world.said(outsider, command, **options)
    assert "Nothing is waiting" in await world.queue()
    assert world.guild.bot.voice is None


async def test_in_another_channel(stage: Stage) -> None:
    world = await stage.guild()
    ann, ben, _ = world.people
    await world.play(ann, "Long")
    await until(lambda: world.guild.bot.voice)
    await world.told(ann, "now", "3 listening")
    await ben.join(world.guild.voice_channel("Elsewhere"))
    await world.told(ann, "now", "2 listening")
    for command in ("skip", "pause", "join"):
        assert f"I am playing in {world.music.mention}" in await world.said(ben, command)
    assert f"I am playing in {world.music.mention}" in await world.said(ben, "play", query="Low A")
    assert "Low A" not in await world.queue()


@pytest.mark.parametrize(("permission", "words"), [("connect", "I may not join"), ("speak", "I may not speak in")])
async def test_without_permission_to_join_or_speak(stage: Stage, permission: str, words: str) -> None:
    world = await stage.guild()
    ann = world.people[0]
    world.music.deny(world.guild.bot, permission)
    for command in ("play", "join"):
        options: dict[str, Any] = {"query": "Long"} if command == "play" else {}
        assert f"{words} {world.music.mention}" in await world.said(ann, command, **options)
    assert "Nothing is waiting" in await world.queue()
    world.music.allow(world.guild.bot, permission)
    await world.play(ann, "Long")
    await until(lambda: world.guild.bot.voice)


async def test_an_unknown_query(stage: Stage) -> None:
    world = await stage.guild()
    for query in ("zzz qqq xxx", "🎵", "x" * 4_000, "   "):
        assert "Nothing found for" in await world.said(world.people[0], "play", query=query)


async def test_links_that_lead_nowhere_good(stage: Stage, tmp_path: Path) -> None:
    """All at once: none waits for another, none is queued, and nothing private was asked for anything."""
    world = await stage.guild()
    site, tone = stage.site, sound.write_tone(tmp_path / "t.mp3", 440, 3).read_bytes()
    stage.inside.pages["/t.mp3"] = body(tone, "audio/mpeg")
    inside = stage.inside.url("/t.mp3")
    port = inside.rpartition(":")[2].partition("/")[0]
    site.pages |= {
        "/page": body("<!doctype html><p>music</p>", "text/html"),
        "/disguised.mp3": body("<html><p>music</p></html>", "audio/mpeg"),
        "/within": moved(inside),
        "/twice": moved(site.url("/within")),
        "/list.m3u": body(f"#EXTM3U\n{inside}\n", "audio/x-mpegurl"),
        "/noise.mp3": body(b"\x00\x01\x02garbage" * 500, "audio/mpeg"),
        "/empty.mp3": body(b"", "audio/mpeg"),
        "/endless": live(b"\x00noise" * 20_000, headers={"Content-Type": "application/octet-stream"}, pause=0),
        "/stalls.mp3": live(tone[:100], then="stall"),
    }
    private, damaged = "leads into a private network", "That file is damaged"
    expected = {
        inside: private,
        f"http://[::1]:{port}/t.mp3": private,
        f"http://2130706434:{port}/t.mp3": "does not look like a link",
        "http://169.254.169.254/latest/meta-data": private,
        "http://10.0.0.1/song.mp3": private,
        site.url("/within"): private,
        site.url("/twice"): private,
        site.url("/list.m3u"): private,
        site.url("/page"): "There is nothing in it that I can play",
        site.url("/disguised.mp3"): "There is nothing in it that I can play",
        site.url("/nothing.mp3"): "nothing at that address",
        site.url("/noise.mp3"): damaged,
        site.url("/empty.mp3"): damaged,
        site.url("/endless"): damaged,
        site.url("/stalls.mp3"): "did not answer in time",
        "http://user:word@127.0.0.1/t.mp3": "does not look like a link",
        "file:///etc/passwd": "does not look like a link",
        "https://youtu.be/dQw4w9WgXcQ": "YouTube are not switched on",
    }
    asked = {url: world.people[0].slash("play", in_=world.text, within=14, query=url) for url in expected}
    replies = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
    wrong = {url: reply.text for url, reply in replies.items() if expected[url] not in reply.text}
    assert not wrong
    assert all(reply.ephemeral for reply in replies.values())
    assert "Nothing is waiting" in await world.queue()
    assert not stage.inside.asked


async def test_ten_hours_are_over_the_cap(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    stage.site.pages["/ten.wav"] = file(ten_hours(tmp_path / "ten.wav"))
    for query in ("Endless evening", stage.site.url("/ten.wav")):
        assert "is longer than 6:00:00" in await world.said(world.people[0], "play", query=query, within=10)
    assert "Nothing is waiting" in await world.queue()


async def test_damaged_files_that_are_sent(stage: Stage, tmp_path: Path) -> None:
    world = await stage.guild()
    ann = world.people[0]
    whole = sound.write_tone(tmp_path / "t.m4a", 440, 3).read_bytes()
    files = {"noise.mp3": b"\x00\x01\x02garbage" * 500, "empty.mp3": b"", "cut.m4a": whole[: len(whole) // 2]}
    for name, data in files.items():
        words = await world.said(ann, "play", file=ann.upload(name, data), within=10)
        assert "That file is damaged" in words, name
    assert "nothing in it that I can play" in await world.said(
        ann, "play", file=ann.upload("note.txt", b"la la la"), within=10
    )
    assert "Nothing is waiting" in await world.queue()
    assert not list((stage.chorus.data / "uploads").glob("*"))


async def test_out_of_range(stage: Stage) -> None:
    world = await stage.guild()
    ann = world.people[0]
    await world.play(ann, "Long")
    for time in ("1:00", "99:00", "99999999999"):
        assert "The track ends at 1:00" in await world.said(ann, "seek", position=time)
    assert "Write a time" in await world.said(ann, "seek", position="-5")
    for percent in (-1, 201, 1000, 2**53 - 1):
        assert "from 0 to 200" in await world.said(ann, "volume", percent=percent)
    assert "0 %" in await world.said(ann, "volume", percent=0)
    assert "🔊 0 %" in await world.said(ann, "now")


async def test_a_played_entry_takes_no_vote(stage: Stage) -> None:
    world = await stage.guild()
    ann, ben, _ = world.people
    await world.play(ann, "Long")
    panel = await world.shown()
    up = button(panel, "up")
    await world.play(ann, "Top A")
    await world.said(ann, "skip")
    old = stage.discord.interactions.press(ben, panel, None, up, None)
    assert NOT_WAITING in (await old.answered()).text
    assert NOT_WAITING in await world.said(ben, "vote", track="#1")
    assert NOT_WAITING in await world.said(ben, "vote", track="#999999999999999999999")


async def test_two_people_remove_the_same_entry(stage: Stage) -> None:
    world = await stage.guild()
    ann, boss = world.people[0], world.guild.member("Boss", admin=True)
    await world.play(ann, "Long")
    await world.play(ann, "Low A")
    both = await asyncio.gather(*(world.said(who, "remove", track="#2") for who in (ann, boss)))
    assert sorted("Removed **Low A**" in words for words in both) == [False, True]
    assert any(NOT_WAITING in words for words in both)


@pytest.mark.heard  # alone on the machine: Discord's three seconds are counted
async def test_three_hundred_presses_in_a_second(stage: Stage) -> None:
    """Each is answered in time, all are one person's one vote, and the message is not edited for each."""
    world = await stage.guild()
    ann, ben, _ = world.people
    await world.play(ann, "Long")
    panel = await world.shown()
    skip, edits = button(panel, "skip"), panel.edits
    replies = await asyncio.gather(*(ben.press(panel, custom_id=skip, within=10) for _ in range(300)))
    assert all("**Long**: 1 of 2" in reply.text for reply in replies)
    assert max(reply.ack_ms for reply in replies) < 3_000
    await world.panel_says("Skip: 1 of 2")
    assert panel.edits - edits <= 4
    assert "Long" in await world.said(ann, "now")


async def test_the_same_interaction_delivered_twice(stage: Stage) -> None:
    world = await stage.guild()
    ann = world.people[0]
    await world.play(ann, "Long")
    stage.discord.faults.duplicate_interactions(1)
    await world.play(ann, "Low A")
    assert (await world.queue()).count("Low A") == 1


async def test_an_interaction_that_comes_too_late(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord has told the person already that nothing came; what follows is answered as ever."""
    monkeypatch.setattr("tests.simulators.discord.interactions.crowding", lambda: 1.0)
    world, other = await stage.guild(), await stage.guild("Others", "Zoe")
    ann = world.people[0]
    await world.play(ann, "Long")
    stage.discord.faults.interaction_delay = 3.2
    try:
        await asyncio.gather(
            _unanswered(ann, world, "queue"),
            _unanswered(ann, world, "play", query=stage.site.url("/none.mp3")),
            _unanswered(other.people[0], other, "play", query="Long"),
        )
    finally:
        stage.discord.faults.interaction_delay = 0
    await until(lambda: len(stage.chorus.logs(event="discord.interaction_too_late")) == 3, within=20)
    assert "Long" in (await other.shown()).text  # it plays, and everybody sees it
    assert not stage.chorus.logs(event="discord.command_failed")
    await world.play(ann, "Low A")


async def _unanswered(member: Member, world: World, command: str, **options: Any) -> None:
    with pytest.raises(NotAnsweredError):
        await member.slash(command, in_=world.text, **options)
