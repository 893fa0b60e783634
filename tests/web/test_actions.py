"""Posts: as forms of a page without script, and as HTMX sends them."""

import re

from core.enums import Guests
from core.types import LOBBY
from tests.web.conftest import Browser
from tests.web.harness import Site, furnish


async def waiting(site: Site) -> list[str]:
    view = await site.jukebox.view(LOBBY, None, size=50)
    return [entry.track.title for entry in view.upcoming]


async def score(site: Site, entry: int) -> int:
    view = await site.jukebox.view(LOBBY, None, size=50)
    return next(item.up - item.down for item in view.upcoming if item.id == entry)


async def test_add_by_reference_link_and_words(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    answer = await browser.post("/r/lobby/add", q="library:6")
    assert (answer.status, answer.headers["Location"]) == (303, "/r/lobby")
    text = await browser.open()
    assert "“Eleven Minutes of Rain” plays in about" in text
    assert "Eleven Minutes of Rain" in await waiting(site)
    assert "“Eleven Minutes" not in await browser.open()  # said once
    assert (await browser.post("/r/lobby/add", q="second sun")).status == 303
    assert (await browser.post("/r/lobby/add", q="no such thing", htmx=True)).status == 404
    assert (await browser.post("/r/lobby/add", q="  ")).status == 404


async def test_vote_change_and_withdraw(site: Site, browser: Browser) -> None:
    await furnish(site)
    text = await browser.open()
    assert re.search(r'data-vote="1" data-of="3" aria-pressed="false"', text)
    assert (await browser.post("/r/lobby/vote", entry="3", value="1")).status == 303
    assert await score(site, 3) == 1
    text = await browser.open()
    assert re.search(r'value=0"[^>]*data-vote="1" data-of="3" aria-pressed="true"', text)
    assert (await browser.post("/r/lobby/vote?entry=3&value=-1", htmx=True)).status == 204
    assert await score(site, 3) == -1
    await browser.post("/r/lobby/vote", entry="3", value="0")
    assert await score(site, 3) == 0


async def test_one_person_votes_once_and_two_twice(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    for browser in (*browsers, browsers[0]):
        await browser.open()
        await browser.post("/r/lobby/vote", entry="3", value="1")
    assert await score(site, 3) == 2


async def test_repeated_form_is_one_command(site: Site, browsers: list[Browser]) -> None:
    one, other = browsers
    await furnish(site)
    await one.open()
    await other.open()
    for _ in range(3):
        assert (await one.post("/r/lobby/add", q="library:6", command="token-1")).status == 303
    assert (await waiting(site)).count("Eleven Minutes of Rain") == 1
    await one.post("/r/lobby/add", q="library:7", command="token-1")  # the same old page, another button
    await other.post("/r/lobby/add", q="library:6", command="token-1")  # somebody else's token
    assert (await waiting(site)).count("Second Sun") == 1
    assert (await waiting(site)).count("Eleven Minutes of Rain") == 2


async def test_remove_ones_own_and_nobody_elses(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    await browser.post("/r/lobby/add", q="library:6")
    text = await browser.open()
    own = re.search(r'id="e(\d+)" class="card mine"', text)
    assert own
    assert (await browser.post("/r/lobby/remove", entry="2", htmx=True)).status == 403
    assert (await browser.post("/r/lobby/remove", entry=own[1])).status == 303
    assert "is out of the queue" in await browser.open()
    gone = await browser.post("/r/lobby/remove", entry=own[1], htmx=True)
    assert gone.status == 404
    assert "not waiting any more" in await gone.text()


async def test_skip_opens_a_poll_and_names_what_it_meant(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    for browser in browsers:
        await browser.open()
        await browser.listen()
    site.clock.move(10_000)
    old = await browsers[0].post("/r/lobby/skip", entry="99", htmx=True)
    assert old.status == 404
    first = await browsers[0].post("/r/lobby/skip", entry="1", htmx=True)
    assert first.status == 204
    text = await browsers[0].open()
    poll = re.search(r"(\d) of (\d)</span>", text)
    assert poll
    assert poll[1] == "1"
    for _ in range(5):
        await browsers[0].post("/r/lobby/skip", entry="1", htmx=True)
    assert (await site.jukebox.view(LOBBY, None)).current.id == 1  # pyright: ignore[reportOptionalMemberAccess]
    second = await browsers[1].post("/r/lobby/skip", entry="1", htmx=True)
    assert second.status in {200, 204}


async def test_a_skip_by_somebody_who_does_not_listen_yet_says_when_it_counts(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    for listens in (False, True):
        if listens:
            await browser.listen()
        early = await browser.post("/r/lobby/skip", entry="1", htmx=True)
        assert "once you have listened for ten seconds" in await early.text()
    site.clock.move(10_000)
    counted = await browser.post("/r/lobby/skip", entry="1", htmx=True)
    assert counted.status == 204
    assert re.search(r"1 of \d</span>", await browser.open())


async def test_refusals_are_worded_on_the_page(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    await browser.post("/r/lobby/add", q="library:6")
    mine = next(entry for entry in (await site.rooms.read(LOBBY)).entries.values() if entry.track.ref == "library:6")
    refused = await browser.post("/r/lobby/vote", entry=str(mine.id), value="1")
    assert refused.status == 409
    text = await refused.text()
    assert "votes are for the others" in text
    assert "<h1" in text  # the whole page, not a bare line
    partial = await browser.post("/r/lobby/vote", entry=str(mine.id), value="1", htmx=True)
    assert (await partial.text()).startswith('<p id="notice" class="notice wrong" role="alert">')


async def test_odd_entries_are_refused_not_crashed_on(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    for entry in ("", "-1", "1e5", "abc", "9" * 40, "٣", "1\x00"):
        answer = await browser.post("/r/lobby/vote", entry=entry, value="1", htmx=True)
        assert answer.status == 404, entry
    assert (await browser.post("/r/lobby/vote", entry="3", value="100")).status == 303
    assert await score(site, 3) == 0


async def test_name_is_kept_and_cleaned(site: Site, browsers: list[Browser]) -> None:
    browser = browsers[0]
    await browser.open()
    await browser.post("/r/lobby/name", name="  Zoë\u0000\u202e \n <b>  ")
    text = await browser.open()
    assert "Zoë &lt;b&gt;" in text
    await browser.post("/r/lobby/add", q="library:6")
    await browser.post("/r/lobby/add", q="library:7")
    assert {entry.name for entry in (await site.rooms.read(LOBBY)).entries.values()} <= {"Zoë <b>"}
    await browser.post("/r/lobby/name", name="\u200b\n")
    assert "Zoë &lt;b&gt;" in await browser.open()
    named = await browser.post("/r/lobby/name", name="n" * 400, htmx=True)
    assert "n" * 32 + "</b>" in await named.text()
    assert "<html" not in await named.text()


async def test_pause_and_resume_follow_the_policy(site: Site, browser: Browser) -> None:
    await browser.open()
    await browser.post("/r/lobby/add", q="library:6")
    await site.reports.wake(LOBBY)
    await site.start()
    assert (await browser.post("/r/lobby/pause", htmx=True)).status == 204  # it is their track
    assert "Paused" in await browser.open()
    assert (await browser.post("/r/lobby/resume", htmx=True)).status == 204


async def test_guests_of_a_guild_room_come_by_a_place_of_their_own(site: Site, browser: Browser) -> None:
    ref = await site.places.guild_room(1, 2, "Guild")
    room = site.rooms.rooms[ref.room]
    room.settings = type(room.settings)(guests=Guests.ADD)
    await browser.open(f"/r/{ref.room}")
    assert (await browser.post(f"/r/{ref.room}/add", q="library:6")).status == 303
    assert {place for _, place in room.people} == {f"web:{ref.room}"}
