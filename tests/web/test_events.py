"""Live pages: what comes by server-sent events, to whom, and how much of it."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientResponse, ClientSession, TCPConnector
from aiohttp.test_utils import TestClient, TestServer

from core.enums import Guests
from core.events import SettingsChanged
from core.types import LOBBY, PersonId, PlaceId, RoomId
from tests.fakes import track
from tests.waiting import crowding, until
from tests.web.conftest import Browser
from tests.web.harness import Site, furnish, make_site
from web.app import PAGES


class Event(NamedTuple):
    name: str
    id: str
    data: str


async def read_event(response: ClientResponse) -> Event:
    while True:
        block = (await response.content.readuntil(b"\n\n")).decode()
        lines = [line.partition(": ") for line in block.strip("\n").split("\n")]
        fields = [(name, value) for name, _, value in lines]
        values = dict(fields)
        if "event" in values:
            data = "\n".join(value for name, value in fields if name == "data")
            return Event(values["event"], values.get("id", ""), data)


async def next_event(response: ClientResponse, name: str, *, within: float = 5) -> Event:
    async with asyncio.timeout(within):
        while (event := await read_event(response)).name != name:
            pass
    return event


@asynccontextmanager
async def opened(browser: Browser) -> AsyncGenerator[ClientResponse]:
    """An open page that has had its first state."""
    await browser.open()
    async with browser.client.get("/r/lobby/events") as events:
        assert events.headers["Content-Type"] == "text/event-stream"
        await next_event(events, "me")
        yield events


async def test_everything_comes_at_once_then_what_changed(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    async with browser.client.get("/r/lobby/events") as events:
        names = [(await read_event(events)).name for _ in range(5)]
        assert names == ["hello", "stage", "queue", "people", "me"]
        version = (await site.rooms.read(LOBBY)).version
        ben = await site.come("Ben", "discord:1")
        await site.jukebox.add(LOBBY, ben, [track("Brand new")])
        queue = await next_event(events, "queue")
        assert "Brand new" in queue.data
        assert int(queue.id) > version


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_events_come_packed_or_plain(site: Site, browser: Browser, encoding: str) -> None:
    await furnish(site)
    await browser.open()
    async with browser.client.get("/r/lobby/events", headers={"Accept-Encoding": encoding}) as events:
        assert events.headers.get("Content-Encoding", "identity") == encoding
        assert [(await read_event(events)).name for _ in range(5)] == ["hello", "stage", "queue", "people", "me"]
        for value in ("1", "-1", "0", "1"):
            await browser.post("/r/lobby/vote", entry="3", value=value, htmx=True)
            queue = await next_event(events, "queue")
            assert f'data-score="3" data-value="{value}"' in queue.data
            votes = {"3": int(value)} if value != "0" else {}
            assert json.loads((await next_event(events, "me")).data)["votes"] == votes


async def test_one_visitors_vote_reaches_the_other(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    async with opened(browsers[0]) as mine, opened(browsers[1]) as other:
        await browsers[0].post("/r/lobby/vote", entry="3", value="1", htmx=True)
        while 'data-score="3" data-value="1"' not in (await next_event(other, "queue")).data:
            pass
        me = json.loads((await next_event(mine, "me")).data)
        asked = ["shuffle", "previous", "volume", "mode", "clear", "stop"]
        assert me == {"votes": {"3": 1}, "mine": [], "polls": [], "may": [*asked, "favourite"]}


async def test_shared_part_says_nothing_personal(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    async with opened(browsers[0]) as mine, opened(browsers[1]) as other:
        await browsers[0].post("/r/lobby/add", q="library:6", htmx=True)
        queues = [(await next_event(page, "queue")).data for page in (mine, other)]
        assert queues[0] == queues[1]
        assert 'class="card mine"' not in queues[0]
        assert len(json.loads((await next_event(mine, "me")).data)["mine"]) == 1


async def test_votes_in_a_burst_are_shown_together(site: Site, browser: Browser) -> None:
    await furnish(site)
    voters = [await site.come(f"Voter {index}") for index in range(100)]
    async with opened(browser) as events:
        for voter in voters:
            await site.jukebox.vote(LOBBY, voter, 3, 1)  # pyright: ignore[reportArgumentType]
        seen = 1
        while 'data-score="3" data-value="100"' not in (await next_event(events, "queue")).data:
            seen += 1
        assert seen < 50


async def test_pages_follow_a_track_change(site: Site, browser: Browser) -> None:
    await furnish(site)
    async with opened(browser) as events:
        current = (await site.rooms.read(LOBBY)).current
        assert current
        await site.reports.track_ended(LOBBY, current.entry.id, "finished")  # pyright: ignore[reportArgumentType]
        stage = await next_event(events, "stage")
        assert "Harbour Lights" not in stage.data
        people = await next_event(events, "people")
        assert "Harbour Lights" in people.data  # what has played


async def test_reader_who_stops_misses_changes_but_not_the_state(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    async with opened(browsers[0]) as events:
        pages = site.app[PAGES]
        channel = pages._channels[LOBBY]
        (page,) = channel._pages
        page.stale = True  # as if its buffer had been full
        ben = await site.come("Ben", "discord:1")
        await site.jukebox.add(LOBBY, ben, [track("While away")])
        names = {(await read_event(events)).name for _ in range(4)}
        assert names == {"stage", "queue", "people", "me"}


async def test_the_first_page_of_a_language_shows_what_is_while_others_are_open(
    site: Site, browsers: list[Browser]
) -> None:
    await furnish(site)
    spanish = {"Accept-Language": "es"}
    async with opened(browsers[0]) as events:
        async with browsers[1].client.get("/r/lobby/events", headers=spanish) as gone:
            await next_event(gone, "queue")
        await until(lambda: len(site.app[PAGES]._channels[LOBBY]) == 1)
        await site.jukebox.add(LOBBY, await site.come("Ben", "discord:1"), [track("While away")])
        while "While away" not in (await next_event(events, "queue")).data:
            pass
        async with browsers[1].client.get("/r/lobby/events", headers=spanish) as back:
            assert "While away" in (await next_event(back, "queue")).data


async def test_room_that_closes_says_so_on_open_pages(site: Site, browser: Browser) -> None:
    await furnish(site)
    async with opened(browser) as events:
        room = site.rooms.rooms[LOBBY]
        room.settings = replace(room.settings, guests=Guests.OFF)
        site.bus.publish(SettingsChanged(room=LOBBY))
        async with asyncio.timeout(5):
            rest = await events.content.read()
        assert b"A Slow Machine" not in rest


async def test_room_that_closes_ends_its_streams(site: Site, browser: Browser) -> None:
    await furnish(site)
    await browser.open()
    async with browser.client.get("/r/lobby/stream.ogg") as stream:
        await stream.content.readany()
        room = site.rooms.rooms[LOBBY]
        room.settings = replace(room.settings, guests=Guests.OFF)
        site.bus.publish(SettingsChanged(room=LOBBY))
        async with asyncio.timeout(5):
            await stream.content.read()


async def test_whoever_listens_here_is_there_even_if_another_process_starts(site: Site, browser: Browser) -> None:
    """A process that starts takes everybody for gone; only those who really are stay so."""
    await browser.open()
    people = site.rooms.rooms[LOBBY].people

    async def there() -> bool:
        return [it.left_at is None for it in people.values()] == [True]

    async with browser.client.get("/r/lobby/stream.ogg") as stream:
        await stream.content.readany()
        await until(there)
        await site.reports.people(LOBBY, PlaceId("web:lobby"), [])
        assert not await there()
        await until(there)
    await until(lambda: [it.left_at is None for it in people.values()] == [False])
    await site.reports.people(LOBBY, PlaceId("web:lobby"), [])
    assert not await there()


async def test_players_without_cookies_are_one_person_of_their_address(site: Site, browser: Browser) -> None:
    for _ in range(3):
        async with ClientSession() as session, session.get(browser.client.make_url("/r/lobby/stream.ogg")) as stream:
            await stream.content.readany()
    assert len(site.places.people) == 1


async def test_pages_say_when_there_is_no_sound(tmp_path: Path) -> None:
    class Node:
        state = "playing"

        def status(self, room: RoomId) -> str:
            return self.state

        def nodes(self) -> dict[str, str]:
            return {}

    node = Node()
    site = await make_site(tmp_path, playback=node)
    await furnish(site)
    async with TestClient(TestServer(site.app)) as client, opened(Browser(client)) as events:
        for state in ("waiting", "playing"):
            node.state = state
            stage = await next_event(events, "stage")
            assert ("The sound is away" in stage.data) == (state == "waiting")


async def test_leaving_is_noticed(site: Site, browser: Browser) -> None:
    await furnish(site)
    async with opened(browser):
        await until(lambda: len(site.app[PAGES]._channels[LOBBY]) == 1)
    await until(lambda: len(site.app[PAGES]._channels[LOBBY]) == 0)


async def test_who_listens_is_present_and_who_looks_is_not(site: Site, browser: Browser) -> None:
    await browser.open()
    room = site.rooms.rooms[LOBBY]

    def present() -> list[str]:
        return [str(one.hearing) for one in room.people.values() if one.left_at is None]

    async with browser.client.get("/r/lobby/events"):
        await asyncio.sleep(0.1)
        assert present() == []
        async with browser.client.get("/r/lobby/stream.ogg") as first:
            await first.content.readany()
            assert present() == ["stream"]
            async with browser.client.get("/r/lobby/stream.ogg") as second:
                await second.content.readany()
                assert len(present()) == 1
            await asyncio.sleep(0.3)
            assert present() == ["stream"]
        await until(lambda: present() == [])
        await browser.post("/r/lobby/vote", entry="1", value="1")
        assert present() == ["chat"]
    await until(lambda: present() == [])
    (presence,) = room.people.values()
    assert presence.place == "web:lobby"
    assert presence.address
    assert "127.0.0.1" not in presence.address


async def test_hundreds_of_pages_hear_of_a_change_quickly(site: Site) -> None:
    await furnish(site)
    server = TestServer(site.app)
    await server.start_server()
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        pages = await asyncio.gather(*(session.get(server.make_url("/r/lobby/events")) for _ in range(300)))
        await asyncio.gather(*(next_event(page, "me", within=20) for page in pages))
        ben = await site.come("Ben", "discord:1")
        heard = [asyncio.create_task(next_event(page, "queue", within=20)) for page in pages]
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        await site.jukebox.add(LOBBY, ben, [track("For everybody")])
        events: list[Any] = await asyncio.gather(*heard)
        assert all("For everybody" in event.data for event in events)
        assert time.perf_counter() - began < 2 * crowding()
        for page in pages:
            page.close()
    await server.close()


async def test_people_of_a_dead_process_are_gone_after_the_start(site: Site) -> None:
    from core.enums import Hearing
    from core.types import Presence

    ghost = Presence(PersonId("ghost"), PlaceId("web:lobby"), Hearing.STREAM, "Ghost", since=site.clock.now())
    await site.reports.arrived(LOBBY, ghost)
    await site.come("Ben", "discord:1")
    server = TestServer(site.app)
    await server.start_server()
    there = [one.name for one in site.rooms.rooms[LOBBY].people.values() if one.left_at is None]
    assert there == ["Ben"]
    await server.close()
