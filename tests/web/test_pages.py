"""Pages as a browser without script gets them."""

import re

import pytest

from core.enums import Guests
from core.types import LOBBY, Filter
from tests.fakes import track
from tests.web.conftest import Browser
from tests.web.harness import Site, furnish


def set_guests(site: Site, guests: Guests) -> None:
    from dataclasses import replace

    room = site.rooms.rooms[LOBBY]
    room.settings = replace(room.settings, guests=guests)


async def test_root_leads_to_the_lobby(browser: Browser) -> None:
    answer = await browser.client.get("/", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/r/lobby")


async def test_page_shows_what_is_on_and_what_comes(site: Site, browser: Browser) -> None:
    await furnish(site)
    text = await browser.open()
    assert text.index("Harbour Lights") < text.index("A Slow Machine") < text.index("Paper Boats")
    assert "Ada’s first turn." in text
    assert "in about 1 min" in text


async def test_a_quiet_room_says_what_makes_it_play(site: Site, browser: Browser) -> None:
    assert "Nothing is playing. Add a track and it starts." in await browser.open()
    site.rooms.rooms[LOBBY].fallback = (track("House"),)
    assert "Press Listen and the house list plays, or add something of your own." in await browser.open()
    set_guests(site, Guests.LISTEN)
    assert "Press Listen and the house list plays.</p>" in await browser.open()


async def test_page_is_small(site: Site, browser: Browser) -> None:
    await furnish(site)
    text = await browser.open()
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(files) == 4
    bodies = [await (await browser.client.get(file)).read() for file in files]
    assert len(text.encode()) + sum(map(len, bodies)) < 100 * 1024  # five cards, uncompressed
    packed = 0
    for path in ["/r/lobby", *files]:
        answer = await browser.client.get(path, headers={"Accept-Encoding": "gzip"})
        packed += int(answer.headers["Content-Length"])
    assert packed < 40 * 1024


async def test_strict_headers_and_nothing_inline(site: Site, browser: Browser) -> None:
    await furnish(site)
    answer = await browser.client.get("/r/lobby")
    policy, text = answer.headers["Content-Security-Policy"], await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    nonce = re.search(r"nonce-([\w-]+)", policy)
    assert nonce
    assert re.findall(r"<style[^>]*>", text) == [f'<style nonce="{nonce[1]}">']
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


async def test_other_rooms_and_files_are_not_there(browser: Browser) -> None:
    for path in ("/r/nowhere", "/r/nowhere/events", "/r/nowhere/stream.ogg", "/static/app.py", "/static/..%2fapp.py"):
        answer = await browser.client.get(path)
        assert answer.status == 404, path
        assert "Content-Security-Policy" in answer.headers


WILD = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> @everyone **b** {{ 7*7 }} \u202e\u05e9\u05d9\u05e8 🎧"


@pytest.mark.parametrize("title", [WILD, "x" * 4000, "\u05e9" * 300, "a\nb\r\nc\u2028data: d", "🎉" * 1000])
async def test_titles_and_names_are_only_text(site: Site, browser: Browser, title: str) -> None:
    ben = await site.come(title[:200], "discord:1")
    await site.jukebox.add(LOBBY, ben, [track(title, artist=title), track(title + "2")])
    await site.start()
    text = await browser.open()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[0]
    async with browser.client.get("/r/lobby/events") as events:
        head = (await events.content.readuntil(b"event: me\n")).decode()
    assert "<script>alert" not in head
    for line in head.split("\n"):
        assert re.match(r"(data|event|id|retry): |$", line), line[:80]


async def test_search_finds_tracks_and_offers_links_as_they_are(browser: Browser) -> None:
    found = await (await browser.client.get("/r/lobby/search?q=tide", headers={"HX-Request": "1"})).text()
    assert 'value="library:3"' in found
    assert "<html" not in found
    link = await (await browser.client.get("/r/lobby/search?q=https://a.example/x", headers={"HX-Request": "1"})).text()
    assert 'value="https://a.example/x"' in link
    nothing = await (await browser.client.get("/r/lobby/search?q=<b>zz", headers={"HX-Request": "1"})).text()
    assert "Nothing found for" in nothing
    assert "&lt;b&gt;zz" in nothing


async def test_search_without_script_is_a_page(browser: Browser) -> None:
    answer = await browser.client.get("/r/lobby/search?q=tide")
    assert str(answer.url.relative()) == "/r/lobby?q=tide"
    assert 'value="library:3"' in await answer.text()


async def test_covers_are_kept_for_good(browser: Browser) -> None:
    answer = await browser.client.get("/covers/c1/176.webp")
    assert (answer.status, answer.content_type) == (200, "image/webp")
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await browser.client.get("/covers/c1/99.webp")).status == 404
    assert (await browser.client.get("/covers/zz/88.webp")).status == 404


async def test_files_are_named_by_what_they_hold(browser: Browser) -> None:
    text = await browser.open()
    path = re.search(r'"(/static/page\.js\?\w+)"', text)
    assert path
    answer = await browser.client.get(path[1])
    assert "immutable" in answer.headers["Cache-Control"]
    again = await browser.client.get("/static/page.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    assert again.headers["Cache-Control"] == "no-cache"


async def test_words_follow_the_browser(site: Site, browser: Browser) -> None:
    await furnish(site)
    spanish = await browser.open(headers={"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"})
    assert '<html lang="es">' in spanish
    assert "A continuación" in spanish
    assert "Primer turno de Ada." in spanish
    assert "Up next" in await browser.open(headers={"Accept-Language": "fr, en;q=x"})


async def test_guests_off_closes_the_page_and_its_streams(site: Site, browser: Browser) -> None:
    await furnish(site)
    set_guests(site, Guests.OFF)
    text = await browser.open()
    assert "closed to guests" in text
    assert "A Slow Machine" not in text
    assert "Harbour Lights" not in text
    assert (await browser.client.get("/r/lobby/events")).status == 403
    assert (await browser.client.get("/r/lobby/stream.ogg")).status == 403


async def test_guests_who_only_listen_get_no_controls(site: Site, browser: Browser) -> None:
    await furnish(site)
    set_guests(site, Guests.LISTEN)
    text = await browser.open()
    assert "A Slow Machine" in text
    assert "data-vote" not in text
    assert 'id="skip"' not in text
    assert 'id="q"' not in text
    refused = await browser.post("/r/lobby/vote", entry="2", value="1")
    assert refused.status == 403


async def test_long_queues_have_pages(site: Site, browser: Browser) -> None:
    site.rooms.rooms[LOBBY].limits = type(site.rooms.rooms[LOBBY].limits)(entries_per_person=500)
    ben = await site.come("Ben", "discord:1")
    await site.jukebox.add(LOBBY, ben, [track(f"Number {index:03}") for index in range(70)])
    text = await browser.open()
    assert "40 more" in text or "39 more" in text
    second = await browser.open("/r/lobby?page=1")
    assert "Number 045" in second
    assert "Number 003" not in second
    for nonsense in ("-1", "x", "9" * 5000):
        assert (await browser.client.get(f"/r/lobby?page={nonsense}")).status == 200


async def test_page_tells_what_changes_the_sound(site: Site, browser: Browser) -> None:
    await furnish(site)
    assert 'id="sound"' not in await browser.open()
    room = site.rooms.rooms[LOBBY]
    room.filter, room.crossfade = Filter("nightcore"), 4_500
    text = await browser.open()
    assert '<p class="sound" id="sound">Nightcore · Crossfade 4.5 s</p>' in text
    assert 'data-rate="1.2"' in text
