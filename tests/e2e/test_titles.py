"""Titles and names that try something: shown as text on every surface, never a ping, never run."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import sound
from tests.e2e.browser import chromium, errors, visitor
from tests.e2e.world import Stage, World, button
from tests.simulators.discord.members import Member

pytestmark = pytest.mark.asyncio(loop_scope="module")

TITLES = {
    "Alfa": "@everyone <@1> <@&2> @here",
    "Bravo": "**bold** __under__ `code` ||spoiler|| [click](https://evil.test) # head",
    "Charlie": "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>",
    "Delta": "\u202eevil \u2066שלום עולם\u2069 مرحبا",
    "Echo": "🎵👨‍👩‍👧‍👦🏳️‍🌈 é̈́",
    "Foxtrot": "long " * 800,
}

MASKED_LINK = re.compile(r"(?<!\\)\[[^\]]+\]\(\S+\)")


@pytest.fixture(scope="module")
def library(library: Path) -> Path:
    for artist, title in TITLES.items():
        sound.write_tone(library / f"{artist}.flac", 440, 30, tags={"title": title, "artist": artist})
    return library


async def play_all(world: World, member: Member) -> None:
    """Queue every one of them, by what autocomplete offers."""
    for artist in TITLES:
        offered = await member.autocomplete("play", "query", artist, in_=world.text)
        assert artist in offered[0]["name"]
        reply = await member.slash("play", in_=world.text, query=offered[0]["value"])
        assert "in the queue" in reply.content or "is on" in reply.content, reply.content


def sent(stage: Stage) -> Iterator[dict[str, Any]]:
    """Every message that the bot sent or edited."""
    for request in stage.discord.requests:
        body = request.body if isinstance(request.body, dict) else {}
        message = body.get("data") if "type" in body else body
        if isinstance(message, dict) and ("content" in message or "embeds" in message):
            yield message


async def test_nobody_is_pinged_and_nothing_is_formatted(stage: Stage) -> None:
    world = await stage.guild("@everyone's guild", "@everyone **Ann**", "Ben")
    ann, ben = world.people
    await play_all(world, ann)
    said = [await world.queue(), await world.said(ben, "now"), (await world.shown()).text]
    for number in range(1, len(TITLES)):
        said += [await world.said(ben, "why", track=str(number)), await world.said(ben, "vote", track=str(number))]
    said.append(await world.said(ann, "remove", track="1"))
    await ben.press(await world.shown(), custom_id=button(await world.shown(), "up"))
    text = "\n".join(said)
    assert "@everyone" not in text
    assert "@here" not in text
    assert "**bold**" not in text
    assert not MASKED_LINK.search(text)
    assert "\u202e" not in text
    assert "👨‍👩‍👧‍👦" in text
    assert "שלום" in text
    assert all(len(line) < 1_500 for line in text.splitlines())
    assert all(message.pings == [] for message in world.text.everything)


async def test_every_message_forbids_mentions(stage: Stage) -> None:
    world = await stage.guild()
    await play_all(world, world.people[0])
    await world.shown()
    messages = list(sent(stage))
    assert len(messages) > len(TITLES)
    assert [m for m in messages if m.get("allowed_mentions") != {"parse": []} and m.get("content")] == []


async def test_the_page_shows_them_as_text(stage: Stage) -> None:
    world = await stage.guild("<b>Guild</b>", "<img src=x onerror='window.ran = 1'>")
    await play_all(world, world.people[0])
    room = button(await world.shown(), "up").split(":")[2]
    async with chromium() as browser:
        page = await visitor(browser, f"{stage.chorus.url}/r/{room}")
        await page.get_by_text("<script>window.ran = 1</script>").first.wait_for()
        assert await page.evaluate("window.ran") is None
        assert await page.locator("img[onerror], script:not([src]), b:text-is('Guild')").count() == 0
        shown = await page.inner_text("body")
        assert "@everyone <@1> <@&2> @here" in shown
        assert "<img src=x onerror='window.ran = 1'>" in shown
        width: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0
        assert errors(page) == []


async def test_log_lines_hold_them_escaped(stage: Stage) -> None:
    """One line an event, whatever a title holds."""
    assert all(json.loads(line) for line in stage.chorus.lines if line)
