"""The rest of the room on its page in Chromium: polls, undo, stars, order by hand, at 360 px and without a reload."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from core.types import LOBBY
from tests.e2e.browser import chromium, errors, visitor
from tests.web.harness import Site, furnish, make_site

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    return await make_site(tmp_path)


@pytest.fixture
async def url(site: Site) -> AsyncIterator[str]:
    server = TestServer(site.app)
    await server.start_server()
    yield str(server.make_url("/r/lobby"))
    await server.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def add(page: Page, title: str) -> None:
    await page.fill("#q", title)
    await page.locator("#results").get_by_role("button", name=f"Add {title}").click()
    await expect(page.locator(".card", has_text=title)).to_be_visible()
    await expect(page.locator("#results li")).to_have_count(0)


async def titles(page: Page) -> list[str]:
    return await page.locator(".card .name").all_inner_texts()


async def small(page: Page) -> None:
    """Nothing sticks out."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors(page) == []


async def test_a_poll_appears_counts_down_and_is_agreed_to(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page, other = await visitor(browser, url), await visitor(browser, url)
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.evaluate("window.untouched = true")
    await expect(page.locator("#polls")).to_have_count(0)
    await site.jukebox.shuffle(LOBBY, await site.come("Zed", "discord:1"))
    poll = page.locator("#poll-shuffle")
    await expect(poll).to_contain_text("shuffle the queue")
    await expect(poll).to_contain_text(re.compile(r"1:5\d"))
    await expect(poll).to_contain_text(re.compile("(one|2) more, or"))
    yes = poll.get_by_role("button", name="Yes")
    await yes.click()
    await expect(yes).to_have_attribute("aria-pressed", "true")
    await expect(other.locator("#poll-shuffle").get_by_role("button")).to_have_attribute("aria-pressed", "false")
    await small(page)
    seed = site.rooms.rooms[LOBBY].shuffle
    for name in ("Yan", "Xiu", "Wes"):
        if site.rooms.rooms[LOBBY].polls:
            await site.jukebox.shuffle(LOBBY, await site.come(name, "discord:1"))
    await expect(poll).to_have_count(0)
    assert site.rooms.rooms[LOBBY].shuffle != seed
    assert await page.evaluate("window.untouched")


async def test_what_was_removed_comes_back_by_a_press(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await page.set_viewport_size({"width": 360, "height": 740})
    await add(page, "Second Sun")
    own = page.locator(".card", has_text="Second Sun")
    await own.get_by_role("button", name="Remove").click()
    await expect(own).to_have_count(0)
    await small(page)
    await page.locator("#notice").get_by_role("button", name="Undo").click()
    await expect(own).to_have_count(1)
    await expect(page.locator("#notice")).to_contain_text("“Second Sun” is back")
    await expect(own).to_have_class(re.compile("mine"))
    await small(page)


async def test_a_star_keeps_a_track(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    star = page.locator("#say [data-star]")
    await expect(star).to_have_attribute("aria-pressed", "false")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await page.get_by_text("Favourites", exact=True).click()
    kept = page.locator("#kept")
    await expect(kept).to_contain_text("Harbour Lights")
    await site.come("Somebody")  # the list stays while the room changes
    await expect(page.locator("#people")).to_contain_text("Somebody")
    await expect(kept).to_contain_text("Harbour Lights")
    await kept.get_by_role("button", name="Add").click()
    await expect(page.locator(".card", has_text="Harbour Lights")).to_be_visible()
    await page.reload()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "false")
    assert errors(page) == []


async def test_ones_own_cards_change_places_by_hand(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await add(page, "Second Sun")
    await add(page, "Eleven Minutes of Rain")
    before = await titles(page)
    card = page.locator(".card", has_text="Eleven Minutes of Rain")
    await card.locator("summary").click()
    await card.get_by_role("button", name="Play earlier").click()
    await expect(page.locator(".card.mine .name").first).to_have_text("Eleven Minutes of Rain")
    assert sorted(await titles(page)) == sorted(before)
    await expect(card.get_by_role("button", name="Play later")).to_be_visible()  # it stays open
    foreign = page.locator(".card", has_text="Copper Wire")
    await foreign.locator("summary").click()
    await expect(foreign.get_by_role("button", name="Play earlier")).to_be_hidden()
    assert errors(page) == []


async def test_the_mode_is_explained_and_only_what_works_is_shown(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await page.locator("#mode summary").click()
    await expect(page.locator("#mode p")).to_contain_text("votes decide inside a turn")
    await expect(page.locator("#shuffle")).to_be_hidden()  # for those who listen or act
    await expect(page.locator("#loop")).to_be_hidden()
    await add(page, "Second Sun")
    await expect(page.locator("#shuffle")).to_be_visible()
    await expect(page.locator("#loop")).to_be_hidden()
    await page.click("#shuffle")
    await expect(page.locator("#poll-shuffle")).to_be_visible()
    await expect(page.locator("#mode p")).to_be_visible()
    assert errors(page) == []
