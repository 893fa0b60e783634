"""Modes, polls, reordering, undo, history, favourites: as forms and as HTMX sends them; only what works is shown."""

import json
import re
from dataclasses import replace

from core.enums import EndReason, Guests, Loop, Mode, Surface
from core.policy import allows, asks
from core.types import LOBBY, Actor, PersonId, PlaceId
from tests.fakes import track
from tests.web.conftest import Browser
from tests.web.harness import Site, furnish
from tests.web.test_events import next_event, opened
from web.rights import ON_AIR, SHOWN, Rights


async def waiting(site: Site) -> list[str]:
    view = await site.jukebox.view(LOBBY, None, size=50)
    return [entry.track.title for entry in view.upcoming]


async def own(site: Site, browser: Browser, *refs: str) -> list[str]:
    """A visitor's entries, queued now."""
    await browser.open()
    for ref in refs:
        await browser.post("/r/lobby/add", q=ref)
    text = await browser.open()
    return re.findall(r'id="e(\d+)" class="card mine"', text)


async def test_the_mode_is_shown_with_what_it_means(site: Site, browser: Browser) -> None:
    await furnish(site)
    text = await browser.open()
    assert "Fair turns" in text
    assert "votes decide inside a turn. Money never moves a track." in text
    site.rooms.rooms[LOBBY].mode, site.rooms.rooms[LOBBY].closed = Mode.PROPORTIONAL, True
    text = await browser.open(headers={"Accept-Language": "es"})
    assert "Cuotas por votos" in text
    assert "La cola está cerrada: solo añaden los DJ." in text


async def test_own_cards_change_places_and_go_back(site: Site, browser: Browser) -> None:
    await furnish(site)
    first, second = await own(site, browser, "library:6", "library:7")
    order = [title for title in await waiting(site) if title in {"Eleven Minutes of Rain", "Second Sun"}]
    assert (await browser.post("/r/lobby/move", entry=second, way="-1", htmx=True)).status == 204
    assert [title for title in await waiting(site) if title in order] == order[::-1]
    assert (await browser.post("/r/lobby/move", entry=second, way="-1", htmx=True)).status == 204  # at the top already
    undone = await browser.post("/r/lobby/undo", htmx=True)
    assert "Undone: the order is as it was." in await undone.text()
    assert [title for title in await waiting(site) if title in order] == order
    assert (await browser.post("/r/lobby/move", entry="2", way="1", htmx=True)).status == 403
    assert (await browser.post("/r/lobby/move", entry="999", way="1", htmx=True)).status == 204
    assert re.search(rf'id="e{first}".*?data-move>', await browser.open())


async def test_what_was_removed_comes_back_by_the_notice(site: Site, browser: Browser) -> None:
    await furnish(site)
    (entry,) = await own(site, browser, "library:6")
    gone = await (await browser.post("/r/lobby/remove", entry=entry, htmx=True)).text()
    assert 'formaction="/r/lobby/undo"' in gone
    assert (await browser.post("/r/lobby/undo", htmx=True)).status == 200
    assert "Eleven Minutes of Rain" in await waiting(site)
    await browser.post("/r/lobby/remove", entry=entry)  # without script
    text = await browser.open()
    assert 'formaction="/r/lobby/undo"' in text
    assert 'formaction="/r/lobby/undo"' not in await browser.open()
    site.clock.move(31_000)
    late = await browser.post("/r/lobby/undo", htmx=True)
    assert late.status == 409
    assert "at most 30 s old" in await late.text()


async def test_a_shuffle_is_asked_and_said_yes_to(site: Site, browsers: list[Browser]) -> None:
    one, other = browsers
    await furnish(site)
    await site.come("Zoe")
    for browser in browsers:
        await browser.open()
        await browser.listen()
        assert (await browser.post("/r/lobby/vote", entry="3", value="1")).status == 303
    site.clock.move(10_000)
    asked = await one.post("/r/lobby/shuffle", htmx=True)
    assert "The others are asked: shuffle the queue. 1 of 3 said yes." in await asked.text()
    text = await other.open()
    assert "2 more, or" in text
    yes = re.search(r"yes\?kind=shuffle&amp;ends=(\d+)|yes\?kind=shuffle&ends=(\d+)", text)
    assert yes
    ends = yes[1] or yes[2]
    assert re.search(r'data-poll="shuffle" aria-pressed="true"', await one.open())
    for wrong in ({"kind": "shuffle", "ends": "1"}, {"kind": "dance", "ends": ends}, {}):
        refused = await other.post("/r/lobby/yes", htmx=True, **wrong)
        assert refused.status == 409
        assert "That vote is over." in await refused.text()
    assert (await other.post("/r/lobby/yes", kind="shuffle", ends=ends, htmx=True)).status == 204
    assert (await site.jukebox.view(LOBBY, None)).polls[0].votes == 2
    seed = site.rooms.rooms[LOBBY].shuffle
    mia = await site.come("Mia Fernández")
    await site.jukebox.shuffle(LOBBY, mia)
    assert site.rooms.rooms[LOBBY].shuffle != seed
    assert "data-poll=" not in await other.open()


async def test_a_yes_of_somebody_who_does_not_hear_the_room_says_when_it_counts(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    await site.jukebox.shuffle(LOBBY, await site.come("Zoe"))
    (poll,) = (await site.jukebox.view(LOBBY, None)).polls
    told = await browser.post("/r/lobby/yes", kind="shuffle", ends=str(poll.deadline), htmx=True)
    assert "once you have listened for ten seconds" in await told.text()
    assert (await site.jukebox.view(LOBBY, None)).polls[0].votes == poll.votes


async def test_each_page_is_told_what_it_may_do(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    async with opened(browsers[0]) as page:
        await browsers[0].post("/r/lobby/vote", entry="3", value="1", htmx=True)
        me = json.loads((await next_event(page, "me")).data)
        assert "shuffle" in me["may"]
        assert "loop" not in me["may"]  # others listen
    text = await browsers[1].open()
    assert re.search(r'id="loop"[^>]*data-may="loop" hidden', text)


async def test_somebody_alone_may_loop_and_move_everything(site: Site, browser: Browser) -> None:
    entries = await own(site, browser, "library:5", "library:6", "library:7")
    async with browser.client.get("/r/lobby/stream.ogg") as sound:
        await sound.content.readany()
        site.clock.move(10_000)
        text = await browser.open()
        assert re.search(r'id="loop"[^>]*data-may="loop" aria-pressed="false"', text)
        assert "Repeat the queue." in await (await browser.post("/r/lobby/loop", what="queue", htmx=True)).text()
        assert site.rooms.rooms[LOBBY].loop is Loop.QUEUE
        assert 'loop?what=track"' in await browser.open()
        await browser.post("/r/lobby/loop", what="nonsense", htmx=True)
        assert site.rooms.rooms[LOBBY].loop is Loop.OFF
        shuffled = await browser.post("/r/lobby/shuffle", htmx=True)
        assert "Shuffled." in await shuffled.text()
    assert entries


async def test_history_plays_again_where_guests_may_add(site: Site, browser: Browser) -> None:
    await furnish(site)
    room = site.rooms.rooms[LOBBY]
    assert room.current is not None
    entry = room.current.entry.id
    site.clock.move(40_000)
    await site.reports.track_ended(LOBBY, entry, EndReason.FINISHED)
    text = await browser.open()
    assert f'again?entry={entry}"' in text
    assert (
        "“Harbour Lights” plays in about"
        in await (await browser.post("/r/lobby/again", entry=str(entry), htmx=True)).text()
    )
    assert "Harbour Lights" in await waiting(site)
    assert (await browser.post("/r/lobby/again", entry="999", htmx=True)).status in {404, 409}
    room.settings = replace(room.settings, guests=Guests.VOTE)
    assert "again?entry=" not in await browser.open()
    assert (await browser.post("/r/lobby/again", entry=str(entry), htmx=True)).status == 403


async def test_favourites_are_ones_own(site: Site, browsers: list[Browser]) -> None:
    one, other = browsers
    await furnish(site)
    for browser in browsers:
        await browser.open()
    kept = await one.post("/r/lobby/favourite", entry="1", htmx=True)
    assert "“Harbour Lights” is among your favourites now." in await kept.text()
    fragment = await (await one.client.get("/r/lobby/favourites")).text()
    star = re.search(r'data-kept="(\w+)"', fragment)
    assert star
    assert f'data-star="{star[1]}"' in await one.open()
    assert 'value="library:0"' in fragment
    assert "The star keeps a track for you." in await other.open()
    assert "is no favourite any more" in await (await one.post("/r/lobby/favourite", entry="1", htmx=True)).text()
    assert "data-kept" not in await one.open()


async def test_rights_of_a_crowd_are_those_of_each(site: Site) -> None:
    """Worked out for a few, they hold for all: the policy says the same of everybody."""
    room, now = site.rooms.rooms[LOBBY], site.clock.now()
    asker = await site.come("Asker")
    await site.jukebox.add(LOBBY, asker, [track("On air")])
    room.people.clear()

    def policy_says(actor: Actor) -> list[str]:
        about = {action: room.current.entry if room.current and action in ON_AIR else None for action in SHOWN}
        asked = {action: (room, actor, action, now, entry) for action, entry in about.items()}
        return [action.value for action, it in asked.items() if allows(*it) or asks(*it)]

    def everybody() -> list[Actor]:
        guests = [Actor(person, "", place, Surface.WEB) for person, place in room.people]
        chat = Actor(PersonId("eve"), "Eve", PlaceId("telegram:7"), Surface.TELEGRAM)
        return [*guests, asker, chat, replace(chat, dj=True), replace(chat, dj=True, admin=True)]

    for count in (0, 1, 2, 40):
        for number in range(count):
            await site.come(f"Guest {number}")
        given = Rights(room, site.lobby, now)
        for actor in everybody():
            assert list(given.of(actor)) == policy_says(actor), (count, actor)
    assert (
        given.of(None) == given.of(Actor(PersonId("a stranger"), "", site.lobby.place, Surface.WEB)) == ("favourite",)
    )
