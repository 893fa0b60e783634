"""The page of a room's plan: read by everybody, changed by whoever bears a key, and by no forged form."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.records.shop import Outcome, Standing, Trouble, Used
from core.types import Limits, PlaceId
from tests.fake_shop import ELITE, MINE, PRO, URL, FakeShop
from tests.fakes import FakeClock
from tests.web.conftest import Browser
from tests.web.harness import make_site

PATH, KEY = "/r/lobby/premium", "key-of-Ann"


def stand(**more: object) -> Standing:
    facts = {"reasons": (), "subscription": None, "offers": (PRO, ELITE), "trial_days": 0} | more
    return Standing(PlaceId("web:lobby"), Limits("free", queue=100, entries_per_person=10), **facts)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop(stand())


@pytest.fixture
async def browser(tmp_path: Path, shop: FakeShop) -> AsyncIterator[Browser]:
    site = await make_site(tmp_path, clock=FakeClock(), shop=shop)
    client = TestClient(TestServer(site.app))
    await client.start_server()
    yield Browser(client)
    await client.close()


async def test_everybody_sees_the_plan_and_nothing_to_press(browser: Browser, shop: FakeShop) -> None:
    shop.stand = stand(subscription=MINE)
    page = await browser.open(PATH)
    assert "Free" in page
    assert "Elite · 99.90 EUR a year" in page
    assert "<button" not in page
    assert "is paid until" not in page, "who pays what is nobody's business"


async def test_the_bearer_of_a_key_sees_what_was_used(browser: Browser, shop: FakeShop) -> None:
    used = [("plays", 7, 100), ("listening", 120_000, None), ("pushing", 60_000, 600_000), ("uploads", 5_000_000, None)]
    shop.stand = stand(used=[Used(meter, amount, limit, 0) for meter, amount, limit in used])
    page = await browser.open(f"{PATH}?key={KEY}")
    lines = ["Tracks played: 7 of 100", "Minutes heard on the web: 2", "Minutes sent elsewhere: 1 of 10"]
    for line in [*lines, "Megabytes uploaded: 5"]:
        assert f"<li>{line}</li>" in page
    assert "Tracks played" not in await browser.open(PATH), "what a place does is its own"


async def test_without_a_shop_there_is_no_such_page(tmp_path: Path) -> None:
    site = await make_site(tmp_path, clock=FakeClock())
    async with TestClient(TestServer(site.app)) as client:
        assert (await client.get(PATH)).status == 404


async def test_the_bearer_of_a_key_buys(browser: Browser, shop: FakeShop) -> None:
    shop.stand = stand(trial_days=7)
    page = await browser.open(f"{PATH}?key={KEY}")
    assert "The first 7 days are free." in page
    answer = await browser.post(PATH, key=KEY, act="buy", price="price_Pro")
    text = await answer.text()
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert re.search(rf'http-equiv="refresh" content="0; url={URL}"', text)
    assert f'href="{URL}"' in text
    assert shop.calls == [("buy", "web:lobby", True, "price_Pro")]


@pytest.mark.parametrize("key", ["", "forged", "key-of-Ben"])
async def test_without_the_key_nothing_is_done(browser: Browser, shop: FakeShop, key: str) -> None:
    await browser.open(f"{PATH}?key={KEY}")
    for act in ("buy", "portal", "cancel", "change", "bring"):
        assert (await browser.post(PATH, key=key, act=act, price="price_Pro")).status == 403
    assert shop.calls == []


async def test_forms_of_other_sites_do_nothing(browser: Browser, shop: FakeShop) -> None:
    await browser.open(f"{PATH}?key={KEY}")
    browser.csrf = "forged"
    assert (await browser.post(PATH, key=KEY, act="cancel")).status == 403
    assert shop.calls == []


async def test_what_is_not_paid_is_not_said_to_be(browser: Browser, shop: FakeShop) -> None:
    owed = replace(MINE, trouble=Trouble.PAST_DUE, grace_until=1_890_000_000_000)
    shop.stand = stand(subscription=owed)
    page = await browser.open(f"{PATH}?key={KEY}")
    assert "A payment failed. The plan goes on until 2029-11-22" in page
    assert "is paid until" not in page
    shop.stand = stand(subscription=replace(owed, trouble=Trouble.UNPAID))
    assert "Payments failed, so the plan has ended." in await browser.open(f"{PATH}?key={KEY}")


async def test_a_change_is_quoted_first(browser: Browser, shop: FakeShop) -> None:
    shop.stand, shop.outcome = stand(subscription=MINE), Outcome("elite", 0)
    page = await browser.open(f"{PATH}?key={KEY}")
    assert "Pro is paid until 2030-03-17 and goes on by itself." in page
    quote = await (await browser.post(PATH, key=KEY, act="quote", price="price_Elite")).text()
    assert "Elite at once: 7.00 EUR now" in quote
    assert 'name="at" value="1800000000"' in quote
    done = await (await browser.post(PATH, key=KEY, act="change", price="price_Elite", at="1800000000")).text()
    assert "Done: Elite from now on." in done
    assert shop.calls == [("change", "price_Elite", 1_800_000_000)]
    shop.calls.clear()
    await browser.post(PATH, key=KEY, act="change", price="price_Elite", at="9" * 1999)
    assert shop.calls == [("change", "price_Elite", None)], "at whatever it costs now"
    shop.outcome = Outcome("elite", 0, done=False, pay_at=URL)
    waits = await (await browser.post(PATH, key=KEY, act="change", price="price_Elite")).text()
    assert f'href="{URL}"' in waits
    assert "waits for its payment" in waits


async def test_the_other_forms(browser: Browser, shop: FakeShop) -> None:
    for subscription, acts in (
        (MINE, {"portal", "quote", "pause", "cancel"}),
        (replace(MINE, ends_at=MINE.until), {"portal", "undo"}),
        (replace(MINE, paused=True), {"portal", "resume", "cancel"}),
    ):
        shop.stand = stand(subscription=subscription)
        page = await browser.open(f"{PATH}?key={KEY}")
        assert set(re.findall(r'name="act" value="(\w+)"', page)) == acts
    for act in ("cancel", "pause", "resume", "undo"):
        assert (await browser.post(PATH, key=KEY, act=act)).status == 200
    assert (await browser.post(PATH, key=KEY, act="nonsense")).status == 409
    assert [call[0] for call in shop.calls] == ["cancel", "pause", "resume", "undo"]


async def test_payers_come_back_to_the_room(browser: Browser, shop: FakeShop) -> None:
    answer = await browser.client.get("/premium/back?of=cs_1", allow_redirects=False)
    assert answer.status == 302
    assert re.fullmatch(r"/r/[\w:-]+/premium", answer.headers["Location"])
    assert shop.calls == [("arrived", "cs_1")]
    forged = await browser.client.get("/premium/back?of=cs_forged", allow_redirects=False)
    assert forged.headers["Location"] == "/"
