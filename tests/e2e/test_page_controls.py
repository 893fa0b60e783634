"""The player's controls in Chromium: winding by mouse and keyboard, chapters, volume, the order; at 360 px too."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from core.enums import Mode
from core.ports.tracks import Chapter
from core.room import Room
from core.types import LOBBY, Track
from tests.e2e.browser import chromium, errors, visitor
from tests.waiting import until
from tests.web.harness import Site, furnish, make_site

pytestmark = pytest.mark.timeout(120)
SECOND = 1_000


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    site = await make_site(tmp_path)
    await furnish(site)
    room(site).people.clear()

    async def chapters(track: Track) -> Sequence[Chapter]:
        return [Chapter(number * 20 * SECOND, f"Part {number}") for number in range(6)]

    site.resolver.chapters = chapters  # pyright: ignore[reportAttributeAccessIssue]
    return site


def room(site: Site) -> Room:
    return site.rooms.rooms[LOBBY]


def position(site: Site) -> int:
    """Where the room is, in ms."""
    return room(site).clock.at(site.clock.now())


@pytest.fixture
async def page(site: Site) -> AsyncIterator[Page]:
    """Of somebody who listens alone, on a small screen."""
    server = TestServer(site.app)
    await server.start_server()
    async with chromium() as browser:
        yield await listener(browser, str(server.make_url("/r/lobby")))
    await server.close()


async def listener(browser: Browser, url: str) -> Page:
    page = await visitor(browser, url)
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.get_by_role("button", name="Listen").click()
    await expect(page.locator("#pause")).to_be_visible()
    return page


async def small(page: Page) -> None:
    """Nothing sticks out."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors(page) == []


async def test_winding_by_mouse_and_keyboard(site: Site, page: Page) -> None:
    seek = page.get_by_role("slider", name="Go to a time")
    await expect(seek).to_be_visible()
    box = await seek.bounding_box()
    assert box
    assert box["height"] >= 44
    await page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=4)
    await expect(page.locator("#elapsed")).to_have_text(re.compile(r"2:0\d"))
    assert position(site) < 115 * SECOND  # nothing moves before it is let go
    await page.mouse.up()
    await until(lambda: 119 * SECOND <= position(site) <= 125 * SECOND)
    await expect(page.locator("#elapsed")).to_have_text(re.compile(r"2:0\d"))
    await seek.focus()
    await page.keyboard.press("Home")
    await until(lambda: position(site) < 5 * SECOND)
    await page.keyboard.press("ArrowRight")
    await until(lambda: 5 * SECOND <= position(site) < 12 * SECOND)
    await page.keyboard.press("End")
    await until(lambda: position(site) > 140 * SECOND)
    await small(page)


async def test_a_chapter_is_gone_to(site: Site, page: Page) -> None:
    await page.get_by_title("Chapters").click()
    await small(page)
    await page.get_by_role("button", name="Part 2").click()
    await until(lambda: 40 * SECOND <= position(site) < 45 * SECOND)
    await expect(page.locator("#chapters")).to_have_attribute("open", "")  # it stays, to try another
    await page.get_by_role("button", name="Part 4").click()
    await until(lambda: 80 * SECOND <= position(site) < 85 * SECOND)
    await page.locator("h1").click()
    await expect(page.locator("#chapters ol")).to_be_hidden()


async def test_pause_volume_order_and_the_end(site: Site, page: Page) -> None:
    await page.click("#pause")
    await expect(page.get_by_role("button", name="Go on")).to_be_visible()
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#pause")).to_be_visible()
    await page.get_by_title("More", exact=True).click()
    for shown in ("90 %", "80 %"):
        await page.click("#quieter")
        await expect(page.locator("#level")).to_have_text(shown)
    assert room(site).volume == 80
    await small(page)
    await page.locator("h1").click()
    await page.locator("#mode summary").click()
    site.clock.time += 10 * SECOND
    await page.get_by_role("button", name="Votes alone").click()
    await expect(page.locator("#mode summary")).to_contain_text("Votes alone")
    assert room(site).mode is Mode.VOTES
    await page.get_by_title("Empty the queue").click()
    await expect(page.locator(".card")).to_have_count(0)
    await page.locator("#notice").get_by_role("button", name="Undo").click()
    await expect(page.locator(".card")).to_have_count(5)
    await page.get_by_title("More", exact=True).click()
    await page.get_by_role("button", name="Stop and empty the queue").click()
    await expect(page.get_by_text("Quiet in here")).to_be_visible()
    await small(page)


async def test_when_somebody_else_comes_the_buttons_go(site: Site, page: Page) -> None:
    await page.get_by_title("Chapters").click()
    await site.come("Somebody", "discord:1")
    await expect(page.locator("#pause")).to_be_hidden()
    await expect(page.locator("#seek")).to_be_hidden()
    await expect(page.get_by_role("button", name="Part 2")).to_be_disabled()
    await expect(page.get_by_title("Empty the queue")).to_be_visible()  # it can be asked for
    await small(page)
