"""A browser that reads no Ogg hears the room as MP3; one that plays AAC hears that."""

from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from tests.e2e.browser import chromium, visitor
from tests.e2e.test_page import KEEP_AUDIO, LISTENING
from tests.waiting import until
from tests.web.harness import furnish, make_site
from tests.web.test_stream import encoded

pytestmark = pytest.mark.timeout(120)
NO_OGG = """(() => {
  const real = HTMLMediaElement.prototype.canPlayType;
  HTMLMediaElement.prototype.canPlayType = function (type) {
    return type.includes("ogg") ? "" : real.call(this, type);
  };
})();"""


async def test_a_browser_without_ogg_hears_mp3(tmp_path: Path) -> None:
    site = await make_site(tmp_path, stream=encoded(440, 4.0, "mp3"))
    await furnish(site)
    async with TestServer(site.app) as server, chromium() as browser:
        page = await visitor(browser, "about:blank")
        await page.add_init_script(KEEP_AUDIO + NO_OGG)
        await page.goto(str(server.make_url("/r/lobby")))
        await page.click("#listen")
        await until(lambda: page.evaluate("window.heard.currentTime > 3.5"), within=20)
        assert "/stream.mp3?" in await page.evaluate("window.heard.src")
        hertz, before = await page.evaluate(LISTENING)
        assert hertz == pytest.approx(440, abs=6)
        site.stream.cut()
        await until(lambda: page.evaluate(f"window.heard.currentTime > {before + 2}"), within=20)
        assert site.stream.forms == ["mp3", "mp3"]


async def test_a_browser_plays_the_aac_stream(tmp_path: Path) -> None:
    site = await make_site(tmp_path, stream=encoded(660, 4.0, "aac"))
    async with TestServer(site.app) as server, chromium() as browser:
        page = await visitor(browser, "about:blank")
        await page.goto(str(server.make_url("/r/lobby")))
        await page.evaluate("window.heard = new Audio('/r/lobby/stream.aac'); void window.heard.play()")
        await until(lambda: page.evaluate("window.heard.currentTime > 3.5"), within=20)
        hertz, _ = await page.evaluate(LISTENING)
        assert hertz == pytest.approx(660, abs=6)
