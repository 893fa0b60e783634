"""The waveform on a room's page in Chromium: drawn, played through, and no hindrance to those who do not see it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from core.events import PlayerChanged
from core.types import LOBBY, TrackRef
from tests.e2e.browser import chromium, errors, visitor
from tests.waiting import until
from tests.web.harness import furnish, make_site, songs

pytestmark = pytest.mark.timeout(120)

RISING = bytes(point * 255 // 399 for point in range(400))
FALLING = RISING[::-1]


class Waveforms:
    def __init__(self) -> None:
        self.known: dict[TrackRef, bytes] = {}

    async def waveform(self, ref: TrackRef) -> bytes:
        return self.known.get(ref, b"")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def height(page: Page, at: float) -> float:
    """How high the drawing is there (0 to 1 of its width), in its own units."""
    return await page.evaluate(
        """at => {
            const path = document.querySelector("#peaks path"), inside = new DOMPoint(400 * at, 0);
            let high = 0;
            for (inside.y = 0; inside.y <= 40; inside.y += 0.1) high += path.isPointInFill(inside) ? 0.1 : 0;
            return high;
        }""",
        at,
    )


async def played(page: Page) -> float:
    return float(await page.locator("#wave .played").get_attribute("width") or 0)


async def test_the_waveform_is_drawn_and_runs_with_the_track(tmp_path: Path, browser: Browser) -> None:
    known = Waveforms()
    site = await make_site(tmp_path, waveforms=known)
    await furnish(site)  # 70 s of 150
    server = TestServer(site.app)
    await server.start_server()
    try:
        page = await visitor(browser, str(server.make_url("/r/lobby")), width=360)
        wave, bar = page.locator("#wave"), page.get_by_role("progressbar", name="Position")
        await expect(wave).to_be_hidden()
        await expect(bar).to_be_visible()

        known.known[songs()[0].ref] = RISING
        site.bus.publish(PlayerChanged(room=LOBBY, status="playing"))
        await expect(wave).to_be_visible()
        assert await height(page, 0.1) < await height(page, 0.5) < await height(page, 0.9)
        assert await height(page, 0.99) > 35
        before = await played(page)
        assert 400 * 70 / 150 <= before < 400 * 90 / 150
        await until(lambda: _more(page, before), what="it runs on")
        await expect(bar).to_have_count(1)  # for screen readers
        assert await bar.get_attribute("value") is not None
        assert await wave.get_attribute("aria-hidden") == "true"

        known.known[songs()[1].ref] = FALLING
        await site.jukebox.skip(LOBBY, await site.come("Ben", "discord:1"))
        await site.start(0)
        await expect(page.locator("h1")).to_have_text(re.compile(songs()[1].title))
        await until(lambda: _falls(page), what="the next track's waveform")
        assert await played(page) < 40

        await site.jukebox.skip(LOBBY, await site.come("Ada", "telegram:7"))
        await site.start(0)
        await expect(wave).to_be_hidden()  # nothing is known of this one
        await expect(bar).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert errors(page) == []
    finally:
        await server.close()


async def _more(page: Page, before: float) -> bool:
    return await played(page) > before


async def _falls(page: Page) -> bool:
    return await height(page, 0.1) > await height(page, 0.9)
