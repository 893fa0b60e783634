"""The Lobby of a clean start, in Chromium: two visitors, and the sound that one of them hears."""

import base64
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser import chromium, errors, visitor
from tests.e2e.hearing import match, samples_of
from tests.e2e.product import Product
from tests.waiting import until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(120)]
KEEP_AUDIO = "const Real = Audio; window.Audio = function (...a) { return (window.heard = new Real(...a)); };"
RECORD = """(seconds) => new Promise((resolve) => {
  const context = new AudioContext({sampleRate: 48000}), tap = context.createScriptProcessor(4096, 2, 2), parts = [];
  context.createMediaElementSource(window.heard).connect(tap);
  tap.connect(context.destination);
  tap.onaudioprocess = ({inputBuffer}) => {
    const [left, right] = [inputBuffer.getChannelData(0), inputBuffer.getChannelData(1)];
    parts.push(left.map((value, index) => (value + right[index]) / 2));
    if (parts.length * 4096 < seconds * 48000) return;
    tap.onaudioprocess = null;
    const all = new Int16Array(parts.length * 4096);
    parts.forEach((part, at) => part.forEach((value, index) => { all[at * 4096 + index] = value * 32767; }));
    let text = "";
    for (const byte of new Uint8Array(all.buffer)) text += String.fromCharCode(byte);
    resolve(btoa(text));
  };
})"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.mark.heard
async def test_two_visitors_share_the_lobby_and_one_hears_it(chorus: Product, browser: Browser) -> None:
    ada, ben = await visitor(browser, f"{chorus.url}/readyz"), await visitor(browser, chorus.url)
    await ada.add_init_script(KEEP_AUDIO)
    await ada.goto(chorus.url)
    for page in (ada, ben):
        await expect(page.locator("#stage")).to_be_visible()
        await page.evaluate("window.untouched = true")

    await ada.click("#listen")
    await expect(ada.locator("#listen")).to_have_text("Stop listening", timeout=10_000)
    for page in (ada, ben):
        await expect(page.locator("#crowd")).to_contain_text("1 listening")
        await expect(page.locator(".asker")).to_contain_text("From the house list")

    await until(lambda: ada.evaluate("window.heard.currentTime > 4"), within=20)
    title = await ada.locator("h1").inner_text()
    raw = np.frombuffer(base64.b64decode(await ada.evaluate(RECORD, 4)), np.int16)
    heard = (raw / 32768).astype(np.float32)
    reference = samples_of(next((chorus.data / "demo").glob(f"*{title}.opus")))
    seconds = [heard[at : at + 48_000] for at in range(0, len(heard) - 48_000, 24_000)]
    fits = sorted(match(second, reference).correlation for second in seconds)
    assert fits[len(fits) // 2] > 0.9, fits  # a busy machine's browser may drop a buffer here and there

    await until(lambda: chorus.logs(event="library indexed"), within=60, what="all demo tracks")
    for index in range(3):
        await ben.click("#q")
        await ben.locator("#results .add").nth(index).click()
        await expect(ben.locator("#q")).to_have_value("")
        await expect(ada.locator(".card")).to_have_count(index + 1)
    await expect(ben.locator(".card.mine")).to_have_count(3)
    _, passed, wanted = await waiting(ada)  # the first may be settled already, and stay
    await ada.locator(".card", has_text=wanted).get_by_role("button", name="Vote up").click()
    for page in (ada, ben):
        await until(lambda page=page: _is_before(page, wanted, passed), what=f"{wanted} before {passed}")
        await expect(page.locator(".card", has_text=wanted).locator(".score")).to_have_text("1")

    await ben.click("#listen")
    listens = time.monotonic()
    await until(lambda: time.monotonic() > listens + 11, within=15, what="streams old enough to count")
    following = (await waiting(ada))[0]
    await ada.click("#skip")  # one of two: a poll
    await expect(ben.locator("#skip")).to_contain_text("1 of 2")
    await ben.click("#skip")
    for page in (ada, ben):
        await expect(page.locator("h1")).to_have_text(following, timeout=10_000)
        assert await page.evaluate("window.untouched")
        assert errors(page) == []


async def waiting(page: Page) -> list[str]:
    """The titles of the queue, as a page shows them."""
    return await page.locator(".card .name").all_inner_texts()


async def _is_before(page: Page, one: str, other: str) -> bool:
    titles = await waiting(page)
    return titles.index(one) < titles.index(other)


async def test_the_page_and_its_sound_come_back_when_the_bot_was_killed(chorus: Product, browser: Browser) -> None:
    page = await visitor(browser, "about:blank")
    await page.add_init_script(KEEP_AUDIO)
    await page.goto(chorus.url)
    await page.click("#listen")
    await expect(page.locator("#listen")).to_have_text("Stop listening", timeout=10_000)
    await expect(page.locator("h1")).not_to_have_text("Quiet in here", timeout=15_000)
    await until(lambda: page.evaluate("window.heard.currentTime > 1"), within=15)

    await chorus.kill()
    await expect(page.locator("#link")).to_contain_text("Reconnecting")
    await expect(page.locator("#listen")).to_have_text("Finding the sound again…", timeout=10_000)
    await chorus.start()
    await expect(page.locator("#link")).to_be_hidden(timeout=15_000)
    await expect(page.locator("#listen")).to_have_text("Stop listening", timeout=6_000)
    heard = await page.evaluate("window.heard.currentTime")
    await until(lambda: page.evaluate(f"window.heard.currentTime > {heard} + 2"), within=10)
    await expect(page.locator("#crowd")).to_contain_text("1 listening")
    assert errors(page) == []
