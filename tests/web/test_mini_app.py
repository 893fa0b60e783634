"""The page as a Mini App: who Telegram says it is, and nobody else."""

import json
import re
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from core.enums import Hearing, Surface
from core.errors import StoreUnavailableError
from core.ports.places import RoomRef
from core.types import Actor, EntryId, Identity, PersonId, PlaceId, Presence, RoomId
from tests.fake_links import FakeCodes
from tests.fakes import FakeClock, track
from tests.simulators.telegram import Person, TelegramSimulator
from tests.simulators.telegram.init_data import init_data
from tests.waiting import until
from tests.web.conftest import Browser
from tests.web.harness import Site, make_site
from tests.web.test_events import next_event

TOKEN = "7000000001:the-token-of-this-bot"
CHAT = PlaceId("telegram:-100")
DAY = 86_400_000


class FakeMembers:
    """One chat and who is in it."""

    def __init__(self, *members: Person) -> None:
        self.members = {str(one.id) for one in members}
        self.admins: set[str] = set()

    async def actor(self, ref: RoomRef, places: Collection[PlaceId], identity: Identity) -> Actor | None:
        if CHAT not in places or identity.external not in self.members:
            return None
        admin, person = identity.external in self.admins, PersonId(f"telegram-{identity.external}")
        return Actor(person, identity.name, CHAT, Surface.TELEGRAM, dj=admin, admin=admin)


class World:
    """A chat's room with something in it, and people of Telegram."""

    def __init__(self) -> None:
        telegram = TelegramSimulator()
        self.ann, self.ben = telegram.user("Ann"), telegram.user("Ben <b>")
        self.members = FakeMembers(self.ann)
        self.clock = FakeClock()
        self.site: Site

    async def furnish(self, folder: Path) -> None:
        parts = {"codes": FakeCodes(), "members": self.members}
        self.site = await make_site(folder, clock=self.clock, stream=None, telegram_token=TOKEN, **parts)
        self.ref = await self.site.places.place_room(CHAT, "Testers")
        cleo = Actor(PersonId("cleo"), "Cleo", CHAT, Surface.TELEGRAM)
        for title in ("Aria", "Blues"):
            await self.site.jukebox.add(self.ref.room, cleo, [track(title)])

    def said(self, person: Person, token: str = TOKEN, *, ago: int = 0) -> str:
        return init_data(person, token, at=(self.clock.now() - ago) // 1000)

    @property
    def path(self) -> str:
        return f"/app/{self.ref.room}"

    async def score(self) -> int:
        view = await self.site.jukebox.view(self.ref.room, None, size=5)
        return view.upcoming[0].why.score

    async def waiting(self) -> EntryId:
        return (await self.site.jukebox.view(self.ref.room, None, size=5)).upcoming[0].id


@pytest.fixture
async def world(tmp_path: Path) -> World:
    world = World()
    await world.furnish(tmp_path)
    return world


@pytest.fixture
async def phones(world: World) -> AsyncIterator[list[Browser]]:
    server = TestServer(world.site.app)
    clients = [TestClient(server), TestClient(server)]
    for client in clients:
        await client.start_server()
    yield [Browser(client) for client in clients]
    for client in clients:
        await client.close()


@pytest.fixture
def phone(phones: list[Browser]) -> Browser:
    return phones[0]


async def sign_in(phone: Browser, path: str, said: str) -> tuple[int, str]:
    """The status and the page; its token is remembered."""
    answer = await phone.client.post(path, data={"initData": said})
    text = await answer.text()
    if answer.status == 200:
        phone.csrf = text.split('name="csrf" value="')[1].split('"')[0]
    return answer.status, text


async def test_who_opens_it_is_the_person_of_the_chat(world: World, phone: Browser) -> None:
    status, text = await sign_in(phone, world.path, world.said(world.ann))
    assert status == 200
    assert "Ann" in text
    entry = await world.waiting()
    ann = Actor(PersonId(f"telegram-{world.ann.id}"), "Ann", CHAT, Surface.TELEGRAM)
    await phone.post(f"/r/{world.ref.room}/vote", htmx=True, entry=str(entry), value="1")
    assert await world.score() == 1
    await world.site.jukebox.vote(world.ref.room, ann, entry, 1)
    assert await world.score() == 1
    await world.site.jukebox.vote(world.ref.room, ann, entry, -1)
    assert await world.score() == -1


async def test_a_member_of_the_chat_is_no_guest(world: World, phone: Browser) -> None:
    """Guests of a chat's room may listen; Ann may do what she may do there."""
    _, text = await sign_in(phone, world.path, world.said(world.ann))
    assert 'name="q"' in text
    assert "data-vote" in text
    answer = await phone.post(f"/r/{world.ref.room}/add", htmx=True, q="Harbour Lights")
    assert answer.status == 200
    assert "Harbour Lights" in await answer.text()


def buttons(text: str) -> set[str]:
    """The actions whose buttons a page shows."""
    return set(re.findall(r'data-may="(\w+)"(?! hidden)', text)) - {"seek"}


async def test_buttons_are_those_that_one_may_press_in_the_chat(world: World, phones: list[Browser]) -> None:
    """A member's, an administrator's, a guest's; on the page as it is loaded and as it goes on."""
    room = await world.site.rooms.read(world.ref.room)
    elsewhere = Presence(PersonId("cyd"), CHAT, Hearing.CHAT, "Cyd", world.clock.now())
    room.people["cyd", CHAT] = elsewhere  # pyright: ignore[reportArgumentType]
    _, member = await sign_in(phones[0], world.path, world.said(world.ann))
    asked = {"shuffle", "previous", "volume", "mode", "clear", "stop"}
    assert buttons(member) == {*asked, "pause", "loop", "favourite"}
    world.members.admins.add(str(world.ann.id))
    assert await told(phones[0], world) >= {"pause", "loop", "move", "remove"}
    assert re.search(r'data-remove="2" title="Remove">', await phones[0].open(f"/r/{world.ref.room}"))
    _, guest = await sign_in(phones[1], world.path, world.said(world.ben))
    assert buttons(guest) == set()
    assert await told(phones[1], world) == {"favourite"}


async def told(phone: Browser, world: World) -> set[str]:
    """What the open page hears that its visitor may do."""
    async with phone.client.get(f"/r/{world.ref.room}/events") as events:
        return set(json.loads((await next_event(events, "me")).data)["may"])


async def test_whoever_comes_to_rule_or_goes_sees_it_on_the_open_page(
    world: World, phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.MEMBERSHIP", 0.1)
    await sign_in(phone, world.path, world.said(world.ann))

    async def may(events: ClientResponse) -> set[str]:
        return set(json.loads((await next_event(events, "me")).data)["may"])

    async with phone.client.get(f"/r/{world.ref.room}/events") as events:
        assert "remove" not in await may(events)
        world.members.admins.add(str(world.ann.id))
        while "remove" not in await may(events):
            pass
        world.members.members.clear()
        while "data-vote" in (await next_event(events, "queue")).data:
            pass
        while await may(events) != {"favourite"}:
            pass


async def test_an_open_page_outlives_a_store_that_is_away(
    world: World, phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.MEMBERSHIP", 0.05)
    await sign_in(phone, world.path, world.said(world.ann))
    asked = 0

    async def away(*_: object) -> None:
        nonlocal asked
        asked += 1
        raise StoreUnavailableError

    async with phone.client.get(f"/r/{world.ref.room}/events") as events:
        await next_event(events, "me")
        with monkeypatch.context() as outage:
            outage.setattr(world.members, "actor", away)
            await until(lambda: asked > 1)
        world.members.admins.add(str(world.ann.id))
        while "remove" not in json.loads((await next_event(events, "me")).data)["may"]:
            pass


async def test_a_member_pauses_as_in_the_chat(world: World, phones: list[Browser]) -> None:
    await sign_in(phones[0], world.path, world.said(world.ann))
    await sign_in(phones[1], world.path, world.said(world.ben))
    assert (await phones[1].post(f"/r/{world.ref.room}/pause", htmx=True)).status == 403
    assert (await phones[0].post(f"/r/{world.ref.room}/pause", htmx=True)).status == 204
    assert (await world.site.rooms.read(world.ref.room)).paused == "person"


async def test_somebody_of_no_chat_stays_a_guest(world: World, phone: Browser) -> None:
    _, text = await sign_in(phone, world.path, world.said(world.ben))
    assert "Ben &lt;b&gt;" in text
    assert 'name="q"' not in text
    answer = await phone.post(f"/r/{world.ref.room}/vote", htmx=True, entry=str(await world.waiting()), value="1")
    assert answer.status == 403
    assert await world.score() == 0


async def test_forged_old_and_other_bots_words_are_refused(world: World, phone: Browser) -> None:
    good = world.said(world.ann)
    refused = {
        "": "vouch",
        "hash=": "vouch",
        "garbage": "vouch",
        good.replace("Ann", "Ane"): "vouch",
        good[:-1] + ("0" if good[-1] != "0" else "1"): "vouch",
        good + "&user=%7B%22id%22%3A1%7D": "vouch",
        good.split("&hash=")[0]: "vouch",
        world.said(world.ann, "7000000002:another-bots-token"): "vouch",
        world.said(world.ann, ago=DAY + 60_000): "more than a day",
        world.said(world.ann, ago=-DAY): "more than a day",
        "a" * 9_000: "vouch",
    }
    for said, reason in refused.items():
        status, text = await sign_in(phone, world.path, said)
        assert (status, reason in text) == (403, True), said
        assert "telegram" not in {cookie.key for cookie in phone.client.session.cookie_jar}
    assert (await sign_in(phone, world.path, world.said(world.ann, ago=DAY - 60_000)))[0] == 200


async def test_words_work_once_but_for_whoever_used_them(world: World, phones: list[Browser]) -> None:
    said = world.said(world.ann)
    assert (await sign_in(phones[0], world.path, said))[0] == 200
    assert (await sign_in(phones[0], world.path, said))[0] == 200  # the page is loaded again
    status, text = await sign_in(phones[1], world.path, said)
    assert status == 403
    assert "opened by somebody" in text


async def test_a_month_after_telegram_vouched_for_somebody_they_are_a_guest(world: World, phone: Browser) -> None:
    """Whatever the browser keeps: looking at the page does not renew it, and the end is not in their hands."""
    await sign_in(phone, world.path, world.said(world.ann))
    world.clock.time += 29 * DAY
    page = await phone.open(f"/r/{world.ref.room}")
    assert ">Ann<" in page
    kept = phone.client.session.cookie_jar.filter_cookies(phone.client.make_url("/"))["telegram"].value
    world.clock.time += DAY
    assert ">Ann<" not in await phone.open(f"/r/{world.ref.room}", headers={"Cookie": f"telegram={kept}"})
    moved = kept.replace(f".{kept.split('.')[2]}.", f".{world.clock.now()}.")
    assert ">Ann<" not in await phone.open(f"/r/{world.ref.room}", headers={"Cookie": f"telegram={moved}"})
    assert (await sign_in(phone, world.path, world.said(world.ann, ago=1_000)))[0] == 200


async def test_another_account_on_the_same_phone_takes_over(world: World, phone: Browser) -> None:
    await sign_in(phone, world.path, world.said(world.ann))
    _, text = await sign_in(phone, world.path, world.said(world.ben))
    assert "Ben &lt;b&gt;" in text


async def test_only_telegrams_page_may_frame_it_and_only_this(world: World, phone: Browser) -> None:
    for path in (world.path, f"{world.path}?page=1"):
        headers = (await phone.client.get(path)).headers
        assert "frame-ancestors https://web.telegram.org" in headers["Content-Security-Policy"]
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in headers
    answer = await phone.client.post(world.path, data={"initData": world.said(world.ann)})
    assert "frame-ancestors https://web.telegram.org" in answer.headers["Content-Security-Policy"]
    for path in ("/r/lobby", f"/r/{world.ref.room}", "/nowhere"):
        headers = (await phone.client.get(path)).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"


async def test_other_sites_sign_nobody_in(world: World, phone: Browser) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        data = {"initData": world.said(world.ann)}
        assert (await phone.client.post(world.path, data=data, headers=headers)).status == 403


async def test_the_cookie_works_in_a_frame_where_there_is_https(tmp_path: Path) -> None:
    world = World()
    codes = FakeCodes()
    site = await make_site(
        tmp_path, clock=world.clock, telegram_token=TOKEN, codes=codes, trusted_proxies=("127.0.0.0/8",)
    )
    async with TestClient(TestServer(site.app)) as client:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
        data = {"initData": world.said(world.ann)}
        answer = await client.post("/app/lobby", data=data, headers=headers)
        cookie = next(one for one in answer.headers.getall("Set-Cookie") if one.startswith("telegram="))
        for word in ("Secure", "SameSite=None", "Partitioned", "HttpOnly"):
            assert word in cookie


async def test_the_link_leads_to_the_room_it_names(world: World, phone: Browser) -> None:
    named = await phone.client.get(f"/app?tgWebAppStartParam={world.ref.room}", allow_redirects=False)
    assert named.headers["Location"] == world.path
    for odd in ("", "?tgWebAppStartParam=no-such-room", "?tgWebAppStartParam=//evil.example"):
        answer = await phone.client.get(f"/app{odd}", allow_redirects=False)
        assert answer.headers["Location"] == "/app/lobby"
    door = await (await phone.client.get(world.path)).text()
    assert "Open this from the chat" in door


async def test_without_a_bot_there_is_no_mini_app(tmp_path: Path) -> None:
    site = await make_site(tmp_path, clock=FakeClock())
    async with TestClient(TestServer(site.app)) as client:
        assert (await client.get("/app/lobby")).status == 404


async def test_a_name_of_telegram_stays_and_two_at_one_address_are_two(world: World, phones: list[Browser]) -> None:
    await sign_in(phones[0], world.path, world.said(world.ann))
    await phones[0].post(f"/r/{world.ref.room}/name", htmx=True, name="Somebody else")
    assert "Somebody else" not in await phones[0].open(f"/r/{world.ref.room}")
    await phones[0].listen(f"/r/{world.ref.room}/stream.ogg")
    room = await world.site.rooms.read(RoomId(world.ref.room))
    heard: list[Presence] = [one for one in room.people.values() if one.hearing is Hearing.STREAM]
    assert [one.address for one in heard] == [None]
    assert [one.person for one in heard] == [PersonId(f"telegram-{world.ann.id}")]
