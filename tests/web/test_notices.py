"""What people are told about plans, on the page: read once, chosen, and reached by links of their own."""

from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.records.notices import Channel, Letter, NoticeKind, Topic
from core.types import PersonId, PlaceId
from tests.fakes import FakeClock
from tests.web.conftest import Browser
from tests.web.harness import Site, make_site
from web.desk import LIFE, Desk, Tickets

ANN = PersonId("ann")


class FakeBoard:
    """Notices in memory."""

    def __init__(self) -> None:
        self.letters: dict[int, Letter] = {}
        self.mutes: dict[PersonId, set[Topic]] = {}

    def put(self, person: PersonId) -> None:
        number = len(self.letters) + 1
        kind = NoticeKind.PAID.value
        self.letters[number] = Letter(number, "", f"n:{number}", Channel.WEB, kind, {"plan": "pro"}, person, None, 0)

    async def unread(self, person: PersonId | None, places: Collection[PlaceId] = ()) -> Sequence[Letter]:
        return [it for it in self.letters.values() if it.person == person]

    async def count(self, person: PersonId | None, places: Collection[PlaceId] = ()) -> int:
        return len(await self.unread(person, places))

    async def read(self, number: int, person: PersonId | None, places: Collection[PlaceId] = ()) -> bool:
        if number in self.letters and self.letters[number].person == person:
            del self.letters[number]
            return True
        assert number < 1 << 63, "no database takes it"
        return False

    async def muted(self, person: PersonId) -> Collection[Topic]:
        return self.mutes.get(person, set())

    async def mute(self, person: PersonId, topic: Topic, *, on: bool) -> None:
        theirs = self.mutes.setdefault(person, set())
        theirs.add(topic) if on else theirs.discard(topic)


@pytest.fixture
def board() -> FakeBoard:
    return FakeBoard()


@pytest.fixture
def tickets() -> Tickets:
    return Tickets([b"n" * 32], FakeClock())


@pytest.fixture
async def site(tmp_path: Path, board: FakeBoard, tickets: Tickets) -> Site:
    desk = Desk(board, tickets, lambda letter, language: f"{letter.key} in {language} & so on")
    return await make_site(tmp_path, clock=FakeClock(), desk=desk)


@pytest.fixture
async def browsers(site: Site) -> AsyncIterator[list[Browser]]:
    server = TestServer(site.app)
    clients = [TestClient(server), TestClient(server)]
    for client in clients:
        await client.start_server()
    yield [Browser(client) for client in clients]
    for client in clients:
        await client.close()


async def person_of(site: Site, browser: Browser) -> PersonId:
    """Whom a browser is known as once it has come back."""
    await browser.open()
    await browser.open()
    return list(site.places.people.values())[-1]


async def test_a_link_shows_what_was_told_until_it_was_read(
    browser: Browser, board: FakeBoard, tickets: Tickets
) -> None:
    board.put(ANN)
    board.put(PersonId("ben"))
    path = f"/notices/{tickets.issue(ANN)}"
    page = await browser.open(path)
    assert "n:1 in en &amp; so on" in page
    assert "n:2" not in page
    await browser.post(f"{path}/read", notice="2")
    assert len(board.letters) == 2, "somebody else's"
    for nonsense in ("9" * 5000, "9" * 30, "x", ""):
        assert (await browser.post(f"{path}/read", notice=nonsense)).status == 303, nonsense
    answer = await browser.post(f"{path}/read", notice="1")
    assert (answer.status, answer.headers["Location"]) == (303, path)
    page = await browser.open(path)
    assert "n:1" not in page
    assert "There is nothing new." in page


async def test_everybody_chooses_what_they_are_told(browser: Browser, board: FakeBoard, tickets: Tickets) -> None:
    path = f"/notices/{tickets.issue(ANN)}"
    page = await browser.open(path)
    assert page.count(" checked") == len(Topic)
    await browser.post(f"{path}/choose", topic="trouble")
    assert board.mutes[ANN] == set(Topic) - {Topic.TROUBLE}
    page = await browser.open(path)
    assert page.count(" checked") == 1
    await browser.post(f"{path}/choose", topic="tips")
    assert board.mutes[ANN] == set(Topic) - {Topic.TIPS}


async def test_only_genuine_links_of_this_month_count(browser: Browser, tickets: Tickets, board: FakeBoard) -> None:
    board.put(ANN)
    good = tickets.issue(ANN)
    forged = Tickets([b"x" * 32], FakeClock()).issue(ANN)
    flipped = good[:-1] + ("A" if good[-1] != "A" else "B")
    for ticket in (forged, flipped, "x", "%00", good[:10], "a" * 500):
        answer = await browser.client.get(f"/notices/{ticket}")
        assert answer.status == 404
        assert "n:1" not in await answer.text()
    rotated = Tickets([b"y" * 32, b"n" * 32], FakeClock())
    assert rotated.person(good) == ANN
    later = FakeClock()
    late = Tickets([b"n" * 32], later)
    old = late.issue(ANN)
    later.time += LIFE
    assert late.person(old) is None


async def test_a_mail_programs_button_ends_a_topic_without_a_form(
    browser: Browser, board: FakeBoard, tickets: Tickets
) -> None:
    path = f"/unsubscribe/{tickets.issue(ANN)}/tips"
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await browser.client.post(path, data={"List-Unsubscribe": "One-Click"}, headers=headers)
    assert (answer.status, board.mutes) == (200, {ANN: {Topic.TIPS}})
    assert (await browser.client.post("/unsubscribe/x/tips")).status == 404
    assert (await browser.client.post(f"/unsubscribe/{tickets.issue(ANN)}/everything")).status == 404
    answer = await browser.client.get(path, allow_redirects=False)
    assert (answer.status, board.mutes) == (303, {ANN: {Topic.TIPS}}), "a look changes nothing"


async def test_forms_of_other_sites_choose_nothing(browser: Browser, board: FakeBoard, tickets: Tickets) -> None:
    path = f"/notices/{tickets.issue(ANN)}"
    answer = await browser.client.post(f"{path}/choose", data={"csrf": "x"})
    assert (answer.status, board.mutes) == (403, {})


async def test_the_rooms_page_says_that_there_are_messages(
    site: Site, browsers: list[Browser], board: FakeBoard
) -> None:
    ann, ben = browsers
    person = await person_of(site, ann)
    assert 'class="told"' not in await ann.open()
    board.put(person)
    page = await ann.open()
    assert '<a class="told" href="/notices?room=lobby">1 message</a>' in page
    refused = await ann.post("/r/lobby/previous")
    assert (refused.status, "1 message</a>" in await refused.text()) == (409, True)
    await ben.open()
    assert 'class="told"' not in await ben.open()
    page = await ann.open("/notices?room=lobby")
    assert "n:1" in page
    answer = await ann.post("/notices/read?room=lobby", notice="1")
    assert answer.headers["Location"] == "/notices?room=lobby"
    assert 'class="told"' not in await ann.open()


async def test_a_stranger_has_no_messages_and_no_choices(browser: Browser, board: FakeBoard) -> None:
    page = await browser.open("/notices")
    assert "There is nothing new." in page
    assert "checkbox" not in page
    assert (await browser.post("/notices/choose", topic="tips")).status == 403
    assert board.mutes == {}


async def test_without_plans_there_is_no_such_page(tmp_path: Path) -> None:
    site = await make_site(tmp_path, clock=FakeClock())
    async with TestClient(TestServer(site.app)) as client:
        assert (await client.get("/notices")).status == 404
        assert (await client.get("/unsubscribe/a/tips")).status == 404
