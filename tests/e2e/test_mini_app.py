"""The Mini App in a real browser, over the whole product: the fragment, the sign-in, a vote, a frame."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from tests.e2e.browser import chromium, errors, visitor
from tests.e2e.product import Product
from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.simulators.telegram.init_data import fragment, init_data
from tests.waiting import until

PUBLIC = "http://music.example.org"
"""Without https updates are asked for."""
SAFE = "https://music.example.org"
AROUND = """<!doctype html><title>Telegram</title><script>
window.told = []; addEventListener("message", (event) => told.push(JSON.parse(event.data).eventType));
</script><iframe id="app" name="app" src="{app}"></iframe><iframe id="page" name="page" src="{page}"></iframe>"""


@dataclass
class World:
    """A group with two people, the product, a browser."""

    telegram: TelegramSimulator
    group: Chat
    ann: Person
    ben: Person
    chorus: Product
    browser: Browser

    async def room(self) -> str:
        """The room's id, as the Listen button names it."""
        link = (await self.ann.say("/listen", self.group)).button("Listen")["url"]
        found = re.fullmatch(r"https://t\.me/chorus_test_bot/music\?startapp=([\w-]{22})", link)
        assert found, link
        return found[1]

    def address(self, room: str, person: Person) -> str:
        """What Telegram opens when the button is pressed."""
        said = init_data(person, self.telegram.token, start_param=room)
        return f"{self.chorus.url}/app?tgWebAppStartParam={room}{fragment(said)}"


@pytest.fixture
async def world(tmp_path: Path, library: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator.start())
        ann, ben = telegram.user("Ann"), telegram.user("Ben")
        group = telegram.group("Testers", ann, ben)
        env = {"LIBRARY_PATHS": str(library), "MEDIA_ALLOW": "127.0.0.1", "PUBLIC_URL": PUBLIC, "TELEGRAM_APP": "music"}
        env["TRUSTED_PROXIES"] = "127.0.0.0/8"
        chorus = Product(tmp_path / "data", {**telegram.env(), **env})
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await telegram.ready()
        browser = await stack.enter_async_context(chromium())
        yield World(telegram, group, ann, ben, chorus, browser)


async def shown(page: Page) -> str:
    """Who the page takes its visitor for."""
    return (await page.locator("#me").inner_text()).strip()


async def test_a_vote_in_the_mini_app_is_the_vote_of_the_chats_person(world: World) -> None:
    await world.ann.say("/play Long", world.group)
    await world.ann.say("/play Low A", world.group)
    room = await world.room()
    page = await visitor(world.browser, world.address(room, world.ben))
    await page.wait_for_selector("#queue .card")
    assert page.url == f"{world.chorus.url}/app/{room}"
    assert await shown(page) == "Ben"
    await page.locator(".card [data-vote='1']").click()
    await page.wait_for_selector(".card [data-score][data-value='1']")
    assert "+1" in (await world.ben.say("/vote Low A", world.group)).text
    assert "-1" in (await world.ben.say("/vote Low A down", world.group)).text
    await page.wait_for_selector(".card [data-score][data-value='-1']")
    assert await page.locator(".card [data-vote='-1']").get_attribute("aria-pressed") == "true"
    assert not errors(page)


async def test_what_somebody_else_used_signs_nobody_in(world: World) -> None:
    room = await world.room()
    address = world.address(room, world.ben)
    first = await visitor(world.browser, address)
    await first.wait_for_selector("#me")
    second = await visitor(world.browser, address)
    await second.wait_for_selector("text=opened by somebody already")
    forged = await visitor(world.browser, f"{world.chorus.url}/app/{room}{fragment('user=%7B%7D&hash=0')}")
    await forged.wait_for_selector("text=Telegram does not vouch for this")
    nobody = await visitor(world.browser, f"{world.chorus.url}/app/{room}")
    await nobody.wait_for_selector("text=Open this from the chat in Telegram")
    lines = [*world.chorus.lines, *world.chorus.screen]
    assert not [line for line in lines if "tgWebAppData" in line or world.telegram.token.split(":")[1] in line]


async def test_it_works_in_telegrams_own_page_where_nothing_else_may_stand(world: World) -> None:
    """Telegram's web client shows it in a frame of another site, where the browser keeps cookies apart."""
    await world.ann.say("/play Long", world.group)
    await world.ann.say("/play Low A", world.group)
    room = await world.room()
    app = f"{SAFE}/app/{room}{fragment(init_data(world.ben, world.telegram.token))}"
    for around, opens in (("https://web.telegram.org", True), ("https://evil.example", False)):
        page = await framed(world, around, app=app, page=f"{SAFE}/r/{room}")
        inside = page.frame_locator("#app")
        if opens:
            await inside.locator("#queue .card").wait_for()
            assert (await inside.locator("#me").inner_text()).strip() == "Ben"
            await inside.locator(".card [data-vote='1']").click()
            await until(lambda: any("+1" in text for text in world.group.said))
            assert await page.evaluate("told") == ["web_app_ready", "web_app_expand"]
        refused = page.frames[1:] if not opens else [one for one in page.frames if one.name == "page"]
        for frame in refused:
            await until(lambda frame=frame: frame.url.startswith("chrome-error:"), what=frame.name)
        await page.context.close()


async def framed(world: World, around: str, *, app: str, page: str) -> Page:
    """A page of another site with two frames of ours, which is reached by https through a proxy."""

    async def telegram(route: Route) -> None:
        await route.fulfill(body=AROUND.format(app=app, page=page), content_type="text/html")

    async def proxy(route: Route) -> None:
        if route.request.url.endswith("/events"):
            await route.abort()
            return
        told = {"Host": SAFE.removeprefix("https://"), "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        headers = {**await route.request.all_headers(), **told}
        url = route.request.url.replace(SAFE, world.chorus.url)
        await route.fulfill(response=await route.fetch(url=url, headers=headers, max_redirects=0))

    context = await world.browser.new_context()
    await context.route(f"{around}/**", telegram)
    await context.route(f"{SAFE}/**", proxy)
    outside = await context.new_page()
    await outside.goto(f"{around}/a/")
    return outside
