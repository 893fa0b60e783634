"""Podcasts and stations on the page."""

from dataclasses import replace

from core.ports.tracks import Episode, Found, Show
from core.types import LOBBY
from tests.fakes import track
from tests.web.conftest import Browser
from tests.web.harness import Site

LINK = "https://show.test/feed"


async def search(browser: Browser, query: str) -> str:
    params, headers = {"q": query}, {"HX-Request": "1"}
    return await (await browser.client.get("/r/lobby/search", params=params, headers=headers)).text()


async def test_a_podcasts_link_lists_its_episodes(site: Site, browser: Browser) -> None:
    site.resolver.shows[LINK] = Show(
        "The Show", (Episode("episode:1", "<b>One</b>", 90_000), Episode("episode:2", "Two"))
    )
    await browser.open()
    text = await search(browser, LINK)
    assert 'value="episode:1"' in text
    assert "&lt;b&gt;One&lt;/b&gt;" in text
    assert "The Show" in text
    assert "1:30" in text
    site.resolver.remote["episode:2"] = Found((track("Two"),), resumes=True)
    await browser.post("/r/lobby/add", q="episode:2")
    assert "Two" in await browser.open()


async def test_who_may_not_add_has_nothing_fetched(site: Site, browser: Browser) -> None:
    site.resolver.shows[LINK] = Show("The Show", (Episode("episode:1", "One"),))
    assert "episode:1" not in await search(browser, LINK), "nobody yet"


async def test_the_song_and_its_station_are_on_air(site: Site, browser: Browser) -> None:
    ben = await site.come("Ben")
    queued = await site.jukebox.add(LOBBY, ben, [replace(track("Radio Chorus"), length=None)])
    await site.start()
    for title in ("Hello", "Bye"):
        await site.reports.titled(LOBBY, queued.entries[0], title, "Ann")
    text = await browser.open()
    assert 'data-title="Bye"' in text
    assert 'class="artist station" dir="auto">Radio Chorus<' in text
