"""The page to those who hear it or use it by keys alone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from tests.e2e.browser import chromium, visitor
from tests.web.harness import furnish, make_site

pytestmark = pytest.mark.timeout(120)

REACHED = """() => { const e = document.activeElement;
  return e.id || e.getAttribute('aria-label') || e.title || e.textContent.trim().slice(0, 40); }"""
RINGS = "() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none'; }"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """A room in the middle of its evening, with search results open."""
    site = await make_site(tmp_path)
    await furnish(site)
    server = TestServer(site.app)
    await server.start_server()
    async with chromium() as browser:
        yield await visitor(browser, str(server.make_url("/r/lobby")), width=360)
    await server.close()


async def test_everything_has_a_name_and_nothing_is_read_that_says_nothing(page: Page) -> None:
    await page.fill("#q", "second")
    await expect(page.locator("#results li").first).to_be_visible()
    heard = await page.locator("body").aria_snapshot()
    assert 'heading "Harbour Lights" [level=1]' in heard
    assert not re.findall(r'- (?:button|link|searchbox|radio|slider|img)(?! ")', heard)
    live = await page.locator("[aria-live=polite], [role=status], [role=alert], output:not([aria-live=off])").all()
    assert {await one.get_attribute("id") for one in live} == {"link", "announce", "notice"}


async def test_keys_reach_everything_and_show_where_they_are(page: Page) -> None:
    reached: list[str] = []
    await page.keyboard.press("Tab")
    while await page.evaluate("document.activeElement !== document.body"):
        where = await page.evaluate(REACHED)
        reached.append(where)
        shown_elsewhere = where == "q" or where.startswith("tab-") or "why" in where
        assert shown_elsewhere or await page.evaluate(RINGS), f"{where} has no focus ring"
        await page.keyboard.press("Tab")
    for wanted in ("listen", "skip", "More of this", "Vote up", "tab-people", "q"):
        assert wanted in reached, reached
    assert reached.index("listen") < reached.index("skip") < reached.index("Vote up") < reached.index("q")
