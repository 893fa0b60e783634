"""What stands before the pages: cookies, forged forms, rates, proxies, probes."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from core.ports.rates import Rate
from core.types import LOBBY
from tests.fakes import FakeClock
from tests.web.conftest import Browser
from tests.web.harness import KEY, Site, furnish, make_site
from web.address import Proxies, block
from web.rates import Rates
from web.visitors import Visitors


async def test_visitor_stays_the_same_person(site: Site, browsers: list[Browser]) -> None:
    for browser in browsers:
        for _ in range(2):
            await browser.open()
            await browser.post("/r/lobby/vote", entry="1", value="1")
    assert len(site.places.people) == 2


async def test_readers_without_a_cookie_leave_no_rows(site: Site, browser: Browser) -> None:
    await browser.open()
    assert site.places.people == {}


@pytest.mark.parametrize("forgery", ["", "x", "a.b", "a.b.c", "....", "é.é.é", "AAAA.QUJD." + "A" * 24])
def test_cookies_made_elsewhere_are_strangers(forgery: str) -> None:
    request = make_mocked_request("GET", "/", headers={"Cookie": f"visitor={forgery}"})
    assert not Visitors([KEY], FakeClock()).read(request).known


def test_what_signs_forms_signs_nobody_in() -> None:
    visitors = Visitors([KEY], FakeClock())
    visitor = visitors.read(make_mocked_request("GET", "/"))
    cookie = f'visitor="csrf {visitor.id}.{visitors.csrf(visitor)}"'
    assert not visitors.read(make_mocked_request("GET", "/", headers={"Cookie": cookie})).known


def test_cookies_survive_a_rotated_key() -> None:
    response = web.Response()
    keys = [KEY], [b"n" * 32, KEY], [b"n" * 32]
    old, rotated, other = (Visitors(some, FakeClock()) for some in keys)
    visitor = old.read(make_mocked_request("GET", "/"))
    old.write(response, visitor, secure=True)
    cookie = response.cookies["visitor"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"
    request = make_mocked_request("GET", "/", headers={"Cookie": f"visitor={cookie.value}"})
    assert rotated.read(request).id == visitor.id
    assert rotated.read(request).name == visitor.name
    assert not other.read(request).known
    assert not rotated.forged(visitor, old.csrf(visitor))
    assert other.forged(visitor, old.csrf(visitor))


async def test_forged_posts_change_nothing(site: Site, browsers: list[Browser]) -> None:
    await furnish(site)
    one, other = browsers
    await one.open()
    await other.open()
    before = (await site.rooms.read(LOBBY)).version
    assert (await one.client.post("/r/lobby/skip", data={"entry": "1"})).status == 403
    assert (await one.client.post("/r/lobby/skip", data={"entry": "1", "csrf": other.csrf})).status == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await one.client.post("/r/lobby/skip", data={"csrf": one.csrf}, headers=cross)).status == 403
    assert (await site.rooms.read(LOBBY)).version == before
    good = {"X-CSRF-Token": one.csrf, "HX-Request": "true"}
    assert (await one.client.post("/r/lobby/vote", data={"entry": "3", "value": "1"}, headers=good)).status == 204


async def test_too_many_posts_are_told_so(tmp_path: Path) -> None:
    site = await make_site(tmp_path, rates=Rates(posts=Rate(5, 60), searches=Rate(3, 60), address=Rate(1000, 60)))
    await furnish(site)
    async with TestClient(TestServer(site.app)) as client:
        browser = Browser(client)
        await browser.open()
        answers = await asyncio.gather(
            *(browser.post("/r/lobby/vote", entry="3", value="1", htmx=True) for _ in range(300))
        )
        statuses = [answer.status for answer in answers]
        assert statuses.count(204) == 5
        assert statuses.count(429) == 295
        refused = next(answer for answer in answers if answer.status == 429)
        assert int(refused.headers["Retry-After"]) >= 1
        assert "That was quick" in await refused.text()
        searches = [await client.get("/r/lobby/search?q=a", headers={"HX-Request": "1"}) for _ in range(4)]
        assert [answer.status for answer in searches] == [200, 200, 200, 429]
        strangers: list[int] = []
        for _ in range(4):
            client.session.cookie_jar.clear()
            answer = await client.get("/r/lobby/search?q=a", headers={"HX-Request": "1"})
            strangers.append(answer.status)
        assert strangers == [200, 200, 200, 429], "who has no cookie is their address"


async def test_one_address_cannot_be_many_visitors(tmp_path: Path) -> None:
    site = await make_site(tmp_path, rates=Rates(posts=Rate(5, 60), searches=Rate(5, 60), address=Rate(8, 60)))
    await furnish(site)
    statuses: list[int] = []
    server = TestServer(site.app)
    for _ in range(3):
        client = TestClient(server)
        await client.start_server()
        browser = Browser(client)
        await browser.open()
        answers = [await browser.post("/r/lobby/vote", entry="3", value="1", htmx=True) for _ in range(4)]
        statuses.extend(answer.status for answer in answers)
        await client.session.close()
    await server.close()
    assert statuses.count(204) == 8
    assert statuses.count(429) == 4


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ([], "10.0.0.1", "6.6.6.6", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6", "6.6.6.6"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 7.7.7.7", "7.7.7.7"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 10.1.1.1", "6.6.6.6"),
        (["10.0.0.0/8"], "9.9.9.9", "6.6.6.6", "9.9.9.9"),
    ],
)
def test_forwarded_addresses_count_only_from_trusted_proxies(
    trusted: list[str], peer: str, forwarded: str, client: str
) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded}).clone(remote=peer)
    assert Proxies(trusted).client(request) == client


def test_ipv6_subscribers_hold_a_block() -> None:
    assert block("2001:db8:1:2:aaaa::1") == block("2001:db8:1:2::9") != block("2001:db8:1:3::9")
    assert block("1.2.3.4") != block("1.2.3.5")


async def test_probes(site: Site, browser: Browser) -> None:
    assert (await browser.client.get("/livez")).status == 200
    assert (await browser.client.get("/readyz")).status == 200


async def test_readiness_names_what_is_missing(tmp_path: Path) -> None:
    async def stuck() -> str | None:
        return "no node is up"

    async def fine() -> str | None:
        return None

    async def broken() -> str | None:
        raise OSError("secret detail")

    site = await make_site(tmp_path, checks={"node": stuck, "discord": fine, "disk": broken})
    async with TestClient(TestServer(site.app)) as client:
        answer = await client.get("/readyz")
        assert answer.status == 503
        assert (await answer.json())["checks"] == {
            "database": "ok", "node": "no node is up", "discord": "ok", "disk": "OSError",
        }  # fmt: skip


async def test_metrics_answer_this_machine_or_the_token(tmp_path: Path) -> None:
    site = await make_site(tmp_path, metrics_token="t0ken")
    async with TestClient(TestServer(site.app)) as client:
        assert "chorus_pages_open" in await (await client.get("/metrics")).text()
        proxied = {"X-Forwarded-For": "6.6.6.6"}
        assert (await client.get("/metrics", headers=proxied)).status == 403
        token = {**proxied, "Authorization": "Bearer t0ken"}
        assert (await client.get("/metrics", headers=token)).status == 200
        wrong = {**proxied, "Authorization": "Bearer t0kenx"}
        assert (await client.get("/metrics", headers=wrong)).status == 403


async def test_mounted_applications_are_left_alone(site: Site) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    media = web.Application()
    media.router.add_route("*", "/thing", echo)
    site.app.add_subapp("/media", media)
    async with TestClient(TestServer(site.app)) as client:
        answer = await client.post("/media/thing", data=b"x" * 100_000)
        assert answer.status == 200
        assert len(await answer.read()) == 100_000
        assert "Content-Security-Policy" not in answer.headers
        assert "Set-Cookie" not in answer.headers


async def test_oversized_forms_are_refused(browser: Browser) -> None:
    await browser.open()
    assert (await browser.post("/r/lobby/add", q="x" * 50_000)).status == 413
