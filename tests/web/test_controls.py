"""The player's controls on the page: what each form does, to whom it is shown, and what is refused."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.enums import Guests, Mode
from core.ports.tracks import Chapter
from core.room import Room
from core.types import LOBBY, Track
from tests.waiting import until
from tests.web.conftest import Browser
from tests.web.harness import Site, furnish
from tests.web.test_events import next_event, opened

ALONE = {"previous", "pause", "volume", "mode", "clear", "stop", "seek"}


@pytest.fixture
async def alone(site: Site, browser: Browser) -> Browser:
    """Somebody who listens while nobody else does: they may do what DJs do, but choose the mode."""
    await furnish(site)
    site.rooms.rooms[LOBBY].people.clear()
    await browser.open()
    await browser.listen()
    return browser


def room(site: Site) -> Room:
    return site.rooms.rooms[LOBBY]


async def shown(browser: Browser) -> set[str]:
    """The controls that a visitor sees."""
    text = await browser.open()
    return {action for action in ALONE if re.search(rf'data-may="{action}"(?! hidden)', text)}


async def test_only_controls_that_work_are_shown(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    looks, asked = browsers
    assert await shown(looks) == {"seek"}  # the bar itself is shown by the script alone
    await asked.open()
    await asked.listen()
    site.clock.move(10_000)
    assert await shown(asked) == {"seek", "previous", "volume", "mode", "clear", "stop"}
    room(site).people = {key: it for key, it in room(site).people.items() if it.name.count(" ") and it.address}
    assert await shown(asked) == ALONE
    room(site).settings.policy["pause"] = ("dj",)
    assert await shown(asked) == ALONE - {"pause"}


async def test_pause_and_go_on(site: Site, alone: Browser) -> None:
    assert (await alone.post("/r/lobby/pause?entry=1", htmx=True)).status == 204
    assert room(site).paused == "person"
    text = await alone.open()
    assert 'id="resume"' in text
    assert 'id="pause"' not in text
    assert (await alone.post("/r/lobby/resume?entry=1", htmx=True)).status == 204
    assert room(site).paused is None


async def test_seek(site: Site, alone: Browser) -> None:
    assert (await alone.post("/r/lobby/seek?entry=1&to=90000", htmx=True)).status == 204
    assert room(site).clock.at(site.clock.now()) == 90_000
    for to in ("150000", "-5", "x", "9" * 30, ""):
        refused = await alone.post(f"/r/lobby/seek?entry=1&to={to}", htmx=True)
        assert refused.status == 409
        assert "The track is 2:30 long." in await refused.text()
    assert room(site).clock.at(site.clock.now()) == 90_000


async def test_back_to_the_track_before(site: Site, alone: Browser) -> None:
    refused = await alone.post("/r/lobby/previous?entry=1", htmx=True)
    assert refused.status == 409
    await alone.post("/r/lobby/skip?entry=1", htmx=True)
    now = room(site).current
    assert now
    assert now.entry.track.title == "A Slow Machine"
    assert (await alone.post(f"/r/lobby/previous?entry={now.entry.id}", htmx=True)).status == 204
    assert room(site).current.entry.track.title == "Harbour Lights"  # pyright: ignore[reportOptionalMemberAccess]


async def test_a_press_that_comes_twice_goes_back_once(site: Site, alone: Browser) -> None:
    await alone.post("/r/lobby/skip?entry=1", htmx=True)
    now = room(site).current
    assert now
    for _ in range(2):
        assert (await alone.post(f"/r/lobby/previous?entry={now.entry.id}&command=once", htmx=True)).status == 204
    assert room(site).current.entry.track.title == "Harbour Lights"  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("action", ["previous", "pause", "resume", "seek"])
async def test_a_press_is_about_the_track_that_was_seen(site: Site, alone: Browser, action: str) -> None:
    before = room(site).version
    refused = await alone.post(f"/r/lobby/{action}?entry=2&to=5000", htmx=True)
    assert refused.status == 404
    assert "not waiting any more" in await refused.text()
    assert room(site).version == before


async def test_volume_for_everybody(site: Site, alone: Browser) -> None:
    assert re.search(r'volume\?value=90"[^>]*title="Quieter"', await alone.open())
    assert (await alone.post("/r/lobby/volume?value=90", htmx=True)).status == 204
    text = await alone.open()
    assert ">90 %<" in text
    assert re.search(r'volume\?value=100"[^>]*title="Louder"', text)
    for odd in ("201", "-1", "loud", "²"):
        refused = await alone.post("/r/lobby/volume", htmx=True, value=odd)
        assert (refused.status, room(site).volume) == (409, 90)
        assert "from 0 to 200" in await refused.text()


async def test_clear_comes_back_and_stop_ends_it_all(site: Site, alone: Browser) -> None:
    cleared = await (await alone.post("/r/lobby/clear", htmx=True)).text()
    assert "5 tracks are out of the queue." in cleared
    assert ">Undo<" in cleared
    assert 'id="clear"' not in await alone.open()
    await alone.post("/r/lobby/undo", htmx=True)
    assert len(room(site).entries) == 5
    assert (await alone.post("/r/lobby/stop", htmx=True)).status == 204
    assert (room(site).current, dict(room(site).entries)) == (None, {})


async def test_the_order_is_chosen_or_asked_for(site: Site, alone: Browser) -> None:
    text = await alone.open()
    assert re.search(r'what=fair" data-mode="fair" aria-pressed="true"', text)
    answer = await alone.post("/r/lobby/mode?what=votes", htmx=True)
    assert answer.status == 200
    assert "Noted. It counts once you have listened" in await answer.text()
    assert (room(site).mode, list(room(site).polls)) == (Mode.FAIR, ["mode"])
    site.clock.move(10_000)
    await alone.post("/r/lobby/mode?what=votes", htmx=True)
    assert room(site).mode is Mode.VOTES
    odd = await alone.post("/r/lobby/mode?what=chaos", htmx=True)
    assert odd.status == 409
    assert "no choice" in await odd.text()


async def test_among_others_one_asks(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    await browser.listen()
    site.clock.move(10_000)
    for action, what in (
        ("volume?value=50", "set the volume to 50 %"),
        ("stop", "stop and empty the queue"),
        ("clear", "empty the queue"),
        ("mode?what=fifo", "First come, first served"),
    ):
        answer = await browser.post(f"/r/lobby/{action}", htmx=True)
        text = await answer.text()
        assert "The others are asked" in text, action
        assert what in text
    assert set(room(site).polls) == {"volume", "stop", "clear", "mode"}
    assert room(site).volume == 100
    for action in ("pause?entry=1", "seek?entry=1&to=5000"):
        assert (await browser.post(f"/r/lobby/{action}", htmx=True)).status == 403


async def test_guests_who_may_only_listen_see_and_do_nothing(site: Site, alone: Browser) -> None:
    room(site).settings = replace(room(site).settings, guests=Guests.LISTEN)
    before = room(site).version
    assert await shown(alone) == {"seek"}
    for action in ("pause", "stop", "clear", "volume?value=5", "mode?what=fifo", "seek?to=5"):
        assert (await alone.post(f"/r/lobby/{action}", htmx=True)).status == 403
    assert room(site).version == before


async def test_chapters_come_when_they_are_known(site: Site, alone: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def chapters(track: Track) -> Sequence[Chapter]:
        asked.append(track.title)
        return [Chapter(0, "Overture"), Chapter(61_000, "<b>Two</b>")] if track.title == "A Slow Machine" else []

    monkeypatch.setattr(site.resolver, "chapters", chapters)
    async with opened(alone) as events:
        await alone.post("/r/lobby/skip?entry=1", htmx=True)
        while 'id="chapters"' not in (stage := (await next_event(events, "stage")).data):
            pass
    assert re.search(r'seek\?entry=\d+&amp;to=61000" data-seek="61000"', stage)
    assert "<time>1:01</time>" in stage
    assert "&lt;b&gt;Two" in stage
    await alone.open()
    assert asked.count("A Slow Machine") == 1
    assert not re.search(r"data-seek=[^>]*disabled", await alone.open())
    room(site).settings.policy["seek"] = ("dj",)
    assert re.search(r'data-seek="61000" disabled', await alone.open())


async def test_chapters_far_away_keep_no_page_waiting(site: Site, alone: Browser) -> None:
    started: list[str] = []

    async def never(track: Track) -> Sequence[Chapter]:
        started.append(track.title)
        await until(lambda: False, within=30)
        return []

    site.resolver.chapters = never  # pyright: ignore[reportAttributeAccessIssue]
    await alone.post("/r/lobby/skip?entry=1", htmx=True)
    assert "A Slow Machine" in await alone.open()
    await alone.open()
    assert started == ["A Slow Machine"]


async def test_a_track_that_starts_while_anothers_chapters_are_read_gets_its_own(site: Site, alone: Browser) -> None:
    far, asked = asyncio.Event(), list[str]()

    async def chapters(track: Track) -> Sequence[Chapter]:
        asked.append(track.title)
        if len(asked) > 1:
            return [Chapter(0, "Overture"), Chapter(61_000, "Two")]
        await far.wait()
        return []

    site.resolver.chapters = chapters  # pyright: ignore[reportAttributeAccessIssue]
    async with opened(alone) as events:
        await alone.post("/r/lobby/skip?entry=1", htmx=True)
        await until(lambda: asked)
        now = room(site).current
        assert now
        await alone.post(f"/r/lobby/skip?entry={now.entry.id}", htmx=True)
        while 'id="chapters"' not in (await next_event(events, "stage")).data:
            pass
        far.set()
    assert 'id="chapters"' in await alone.open()
    assert len(asked) == 2


async def test_what_one_may_changes_while_the_page_is_open(site: Site, alone: Browser) -> None:
    async with opened(alone) as events:
        await site.come("Somebody", "discord:1")
        while "pause" in json.loads((await next_event(events, "me")).data)["may"]:
            pass
