"""A room's page in Chromium when as many listen as the plan has places for: it says so, and tries no further."""

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from tests.e2e.browser import chromium, errors, visitor
from tests.web.harness import furnish, make_site

pytestmark = pytest.mark.timeout(120)


async def test_who_comes_too_late_is_told_and_may_listen_when_somebody_has_gone(tmp_path: Path) -> None:
    site = await make_site(tmp_path)
    await furnish(site)
    room = await site.rooms.read(site.lobby.room)
    room.limits = replace(room.limits, listeners=1)
    server = TestServer(site.app)
    await server.start_server()
    try:
        url = str(server.make_url("/r/lobby"))
        async with ClientSession() as http, chromium() as browser:
            async with http.get(f"{url}/stream.mp3") as sound:
                await sound.content.readany()
                page = await visitor(browser, url)
                await page.click("#listen")
                await expect(page.locator("#notice")).to_contain_text(
                    "1 listen already, as many as this room’s plan has places for.", timeout=15_000
                )
                await expect(page.locator("#listen")).to_have_text("Listen")
                await expect(page.locator("#listen")).to_have_attribute("aria-pressed", "false")
                assert await sound.content.readany(), "who was inside hears on"
            await page.wait_for_timeout(1_000)
            await page.click("#listen")
            await expect(page.locator("#listen")).to_have_text("Stop listening", timeout=15_000)
            assert not errors(page)
    finally:
        await server.close()
