"""The room's page in Chromium: two visitors, no script, narrow screens, keys, sound."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from core.enums import EndReason, Guests
from core.events import SettingsChanged
from core.types import LOBBY, PersonId, PlaceId
from tests.e2e.browser import chromium, errors, visitor
from tests.fakes import track
from tests.waiting import until
from tests.web.harness import Site, furnish, make_site
from web.app import PAGES

pytestmark = pytest.mark.timeout(120)
LISTENING = """() => {
  const audio = window.heard, context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 16384;
  context.createMediaElementSource(audio).connect(analyser);
  return new Promise((resolve) => setTimeout(() => {
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const best = bins.indexOf(Math.max(...bins));
    resolve([best * context.sampleRate / analyser.fftSize, audio.currentTime]);
  }, 1500));
}"""
KEEP_AUDIO = "const Real = Audio; window.Audio = function (...a) { return (window.heard = new Real(...a)); };"


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    return await make_site(tmp_path)


@pytest.fixture
async def server(site: Site) -> AsyncIterator[TestServer]:
    server = TestServer(site.app)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
def url(server: TestServer) -> str:
    return str(server.make_url("/r/lobby"))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


def card(page: Page, title: str):  # noqa: ANN201 - playwright's Locator
    return page.locator(".card", has_text=title)


async def test_two_visitors_add_vote_and_skip_and_both_pages_follow(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    for person in ("ben", "ada", "mia fernández"):
        for place in ("discord:1", "telegram:7", "web:lobby"):
            await site.reports.left(LOBBY, PersonId(person), PlaceId(place))
    site.clock.move(20_000)  # past the grace of a dropped stream
    ada, ben = await visitor(browser, url), await visitor(browser, url, color_scheme="dark")
    for page in (ada, ben):
        await page.evaluate("window.untouched = true")

    await ada.fill("#q", "second")
    await ada.locator("#results").get_by_role("button", name="Add Second Sun").click()
    for page in (ada, ben):
        await expect(card(page, "Second Sun")).to_be_visible()
    await expect(ada.locator("#notice")).to_contain_text("Second Sun")
    await expect(ada.locator("#q")).to_have_value("")
    await expect(ada.locator(".card.mine")).to_have_count(1)
    await expect(ben.locator(".card.mine")).to_have_count(0)

    up = card(ben, "Copper Wire").get_by_role("button", name="Vote up")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await expect(card(ada, "Copper Wire").locator(".score")).to_have_text("1")
    await expect(card(ada, "Copper Wire").get_by_role("button", name="Vote up")).to_have_attribute(
        "aria-pressed", "false"
    )
    await up.click()  # withdraw
    await expect(card(ada, "Copper Wire").locator(".score")).to_have_text("0")

    await ada.click("#skip")
    await expect(ben.locator("#skip")).to_contain_text("1 of")
    await expect(ada.locator("#skip")).to_have_attribute("aria-pressed", "true")
    await expect(ben.locator("#skip")).to_have_attribute("aria-pressed", "false")
    await ben.click("#skip")
    for page in (ada, ben):
        await expect(page.locator("h1")).not_to_have_text("Harbour Lights")
        await expect(page).to_have_title("A Slow Machine · Lobby")
        await expect(page.locator("#announce")).to_contain_text("A Slow Machine")
        assert await page.evaluate("window.untouched")
        assert errors(page) == []


async def test_refused_press_corrects_itself(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    other = card(page, "Copper Wire")
    up = other.get_by_role("button", name="Vote up")
    await expect(other).to_be_visible()
    await page.context.set_offline(True)
    await up.click()
    await expect(page.locator("#notice.wrong")).to_contain_text("did not arrive")
    await expect(up).to_have_attribute("aria-pressed", "false")
    await expect(other.locator(".score")).to_have_text("0")
    await page.context.set_offline(False)
    room = site.rooms.rooms[LOBBY]
    room.settings = replace(room.settings, guests=Guests.LISTEN)  # the page does not know yet
    await up.click()
    await expect(page.locator("#notice.wrong")).to_contain_text("Guests of the page may not do that")
    await expect(other.locator(".score")).to_have_text("0")
    await expect(up).to_have_count(0)  # now it does


async def test_ones_own_track_can_be_removed_but_not_voted_for(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await page.fill("#q", "second")
    await page.locator("#results").get_by_role("button", name="Add Second Sun").click()
    own = card(page, "Second Sun")
    await expect(own.get_by_role("button", name="Remove")).to_be_visible()
    await expect(own.get_by_role("button", name="Vote up")).to_be_hidden()
    await own.get_by_role("button", name="Remove").click()
    await expect(own).to_have_count(0)
    assert errors(page) == []


async def test_order_changes_keep_what_is_open_and_focused(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await card(page, "Paper Boats").locator("summary").click()
    await expect(card(page, "Paper Boats").locator(".why p")).to_be_visible()
    await page.fill("#q", "har")
    mia = await site.come("Omar")
    await site.jukebox.add(LOBBY, mia, [track("New one")])
    await expect(card(page, "New one")).to_be_visible()
    await expect(card(page, "Paper Boats").locator(".why p")).to_be_visible()
    await expect(page.locator("#q")).to_be_focused()
    await expect(page.locator("#q")).to_have_value("har")


async def test_without_script_everything_works_by_forms(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url, java_script_enabled=False)
    await page.fill("#q", "second")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("button", name="Add Second Sun").click()
    await expect(page.locator("#notice")).to_contain_text("Second Sun")
    await expect(card(page, "Second Sun")).to_be_visible()
    await card(page, "Copper Wire").get_by_role("button", name="Vote up").click()
    await expect(card(page, "Copper Wire").locator(".score")).to_have_text("1")
    await card(page, "Copper Wire").get_by_role("button", name="Vote up").click()
    await expect(card(page, "Copper Wire").locator(".score")).to_have_text("0")
    await page.get_by_role("button", name="Skip").click()
    await expect(page.locator("#skip")).to_contain_text("0 of")  # it has not listened
    await card(page, "Second Sun").get_by_role("button", name="Remove").click()
    await expect(card(page, "Second Sun")).to_have_count(0)
    await page.locator("#me summary").click()
    await page.fill("#name", "Zoë")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#me summary")).to_contain_text("Zoë")
    assert await page.locator("audio").get_attribute("src") == "/r/lobby/stream.ogg"


async def test_name_changes_in_place(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    for name in ("Zoë", "Noor"):
        await page.locator("#me summary").click()
        await page.fill("#name", name)
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#me summary")).to_contain_text(name)
    await page.fill("#q", "second")
    await page.locator("#results").get_by_role("button", name="Add Second Sun").click()
    await expect(card(page, "Second Sun")).to_contain_text("Noor")
    assert errors(page) == []


@pytest.mark.parametrize("width", [320, 360, 768, 1024, 1440])
async def test_nothing_scrolls_sideways(site: Site, browser: Browser, url: str, width: int) -> None:
    await furnish(site)
    someone = await site.come("W" * 32 + " https://" + "x" * 300, "discord:1")
    await site.jukebox.add(LOBBY, someone, [track("L" * 4000, artist="A" * 4000), track("\u05e9" * 200)])
    page = await visitor(browser, url, width=width)
    await page.fill("#q", "a")
    await expect(page.locator("#results li").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    await site.reports.track_ended(LOBBY, (await now(site)), EndReason.FINISHED)
    await site.jukebox.skip(LOBBY, someone)
    small = await page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden], [type=radio]), summary, a')]
          .filter((e) => e.checkVisibility() && !e.closest('.why') && Math.min(e.offsetHeight, e.offsetWidth) < 44)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == []


async def now(site: Site):  # noqa: ANN201 - an entry's id
    current = (await site.rooms.read(LOBBY)).current
    assert current
    return current.entry.id


async def test_keys(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".card").nth(1)).to_be_focused()
    await page.keyboard.press("+")
    await expect(card(page, "Low Tide").get_by_role("button", name="Vote up")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("-")
    await expect(card(page, "Low Tide").get_by_role("button", name="Vote down")).to_have_attribute(
        "aria-pressed", "true"
    )
    await page.keyboard.press("/")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("second")
    await expect(page.locator("#results li")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator("#results li")).to_have_count(0)
    await page.keyboard.press(" ")
    await expect(page.locator("#listen")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press(" ")
    await expect(page.locator("#listen")).to_have_attribute("aria-pressed", "false")


async def test_sound_starts_by_a_press_survives_the_upstream_and_is_the_right_one(
    site: Site, browser: Browser, url: str
) -> None:
    await furnish(site)
    page = await visitor(browser, "about:blank")
    await page.add_init_script(KEEP_AUDIO)
    await page.goto(url)
    assert await page.evaluate("window.heard.paused")
    await page.click("#listen")
    await expect(page.locator("#listen")).to_have_text("Stop listening")
    await expect(page.locator("#crowd")).to_contain_text("3 listening")
    assert await page.evaluate("navigator.mediaSession.metadata.title") == "Harbour Lights"
    await until(lambda: page.evaluate("window.heard.currentTime > 3.5"))  # behind the silence of the first listener
    hertz, before = await page.evaluate(LISTENING)
    assert hertz == pytest.approx(440, abs=6)
    site.stream.cut()
    await until(lambda: page.evaluate(f"window.heard.currentTime > {before + 2}"))
    await page.click("#listen")
    await expect(page.locator("#listen")).to_have_text("Listen")
    await expect(page.locator("#crowd")).to_contain_text("2 listening")
    assert errors(page) == []


async def test_lost_connection_says_so_and_comes_back(
    site: Site, browser: Browser, server: TestServer, url: str
) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await expect(card(page, "Copper Wire")).to_be_visible()
    await page.context.set_offline(True)
    await site.app[PAGES].close()
    await expect(page.locator("#link")).to_contain_text("Reconnecting")
    omar = await site.come("Omar")
    await site.jukebox.add(LOBBY, omar, [track("Meanwhile")])
    await page.context.set_offline(False)
    await expect(card(page, "Meanwhile")).to_be_visible(timeout=15_000)
    await expect(page.locator("#link")).to_be_hidden()


async def test_room_closed_to_guests_leaves_the_page(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url)
    await expect(card(page, "Copper Wire")).to_be_visible()
    room = site.rooms.rooms[LOBBY]
    room.settings = replace(room.settings, guests=Guests.OFF)
    site.bus.publish(SettingsChanged(room=LOBBY))
    await expect(page.get_by_text("closed to guests")).to_be_visible()


async def test_calm_when_motion_is_unwelcome(site: Site, browser: Browser, url: str) -> None:
    await furnish(site)
    page = await visitor(browser, url, reduced_motion="reduce")
    omar = await site.come("Omar")
    await site.jukebox.vote(LOBBY, omar, 3, 1)  # pyright: ignore[reportArgumentType]
    await expect(card(page, "Paper Boats").locator(".score")).to_have_text("1")
    assert await page.evaluate("document.getAnimations().length") == 0


async def test_markup_in_titles_is_only_text(site: Site, browser: Browser, url: str) -> None:
    wild = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    someone = await site.come(wild, "discord:1")
    await site.jukebox.add(LOBBY, someone, [track(wild, artist=wild), track(wild + "2")])
    await site.start()
    page = await visitor(browser, url)
    await expect(page.locator("h1")).to_contain_text("<script>")
    await site.jukebox.add(LOBBY, someone, [track(wild + "3")])
    await expect(page.locator(".card")).to_have_count(2)
    assert await page.evaluate("window.hacked") is None
    assert errors(page) == []
