"""What is taken at the door (numbers: the fault table of the design)."""

import asyncio
import gzip
import io
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
import stripe

from billing.webhooks import webhook_app
from core.errors import StoreUnavailableError
from core.tracing import install
from db.engine import Database
from db.models import inbox
from tests.billing.installation import PRO, Installation, opened
from tests.db.proxy import Proxy
from tests.simulators.stripe.deliveries import signature
from tests.waiting import crowding, until

NOBODYS = "whsec_nobodys"
TESTED = {"evt_0", "evt_1", "evt_2", "evt_3"}


def event(**fields: Any) -> dict[str, Any]:
    """An event of Stripe's, about somebody else's customer."""
    told = {
        "id": "evt_1", "object": "event", "api_version": stripe.api_version, "created": int(time.time()),
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}}, "livemode": False,
        "pending_webhooks": 1, "request": None, "type": "customer.subscription.updated",
    }  # fmt: skip
    return told | fields


def signed(body: str, secret: str, at: int | None = None) -> dict[str, str]:
    return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, secret, at)}


async def kept(shop: Installation) -> list[Any]:
    """The events that were sent by these tests."""
    return [row for row in await shop.rows(inbox) if row.event in TESTED]


async def test_what_nobody_signed_is_refused_and_not_kept(shop: Installation) -> None:  # 1
    body = json.dumps(event())
    good = signed(body, shop.sim.secret)["Stripe-Signature"]
    headers: list[dict[str, str]] = [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": "t=,v1="},
        {"Stripe-Signature": "t=1e9,v1=00"},
        {"Stripe-Signature": "v1=" + "0" * 64},
        {"Stripe-Signature": good.replace("v1=", "v0=")},
        {"Stripe-Signature": good + ",t=1"},
        {"Stripe-Signature": "t=1,v1=ü"},
        {"Stripe-Signature": "," * 5000},
        signed(body, NOBODYS),
        signed(body, ""),
    ]
    assert {await shop.post(body.encode(), it) for it in headers} == {400}
    assert not await kept(shop)


async def test_one_altered_byte_is_enough(shop: Installation) -> None:  # 2
    body = json.dumps(event())
    headers = signed(body, shop.sim.secret)
    for altered in (json.dumps(json.loads(body), separators=(",", ":")), body + " ", body.replace("cus_1", "cus_2")):
        assert await shop.post(altered.encode(), headers) == 400
    assert not await kept(shop)
    assert await shop.post(body.encode(), headers) == 200


async def test_neither_old_nor_future_signatures_count(shop: Installation) -> None:  # 3
    now = int(time.time())
    for at in (now - 330, now + 330, now + 365 * 86_400, 0):
        assert await shop.deliver(event(), at=at) == 400
    assert not await kept(shop)
    for number, at in enumerate((now - 270, now + 270)):
        assert await shop.deliver(event(id=f"evt_{number}"), at=at) == 200


async def test_a_repeat_is_accepted_and_does_nothing(shop: Installation) -> None:  # 4, 9
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    known = {row.event for row in await shop.rows(inbox)}
    before, looks = len(known), len(shop.sim.requests)
    for told in (it for it in shop.sim.objects.every("event") if it["id"] in known):
        assert await shop.deliver(told) == 200
    assert not await shop.sync.step(), "nothing is dirty"
    assert (len(await shop.rows(inbox)), len(shop.sim.requests)) == (before, looks)


async def test_fifty_at_once_are_one(shop: Installation) -> None:  # 5
    payer = await shop.buyer()
    told = event(data={"object": {"id": "sub_1", "object": "subscription", "customer": payer.id}})
    assert set(await asyncio.gather(*(shop.deliver(told) for _ in range(50)))) == {200}
    assert len(await kept(shop)) == 1
    claim = await shop.targets.claim(list(shop.sync._looks))
    assert claim
    assert claim.seq == 1


async def test_a_server_that_is_gone_is_told_and_nothing_is_lost(postgres_copy: str) -> None:  # 11
    async with Proxy(postgres_copy) as proxy:
        database = Database(proxy.url)
        async with opened(database) as shop:
            payer = await shop.buyer()
            await proxy.stop()
            begun = time.monotonic()
            assert await shop.deliver(event()) == 503
            assert time.monotonic() - begun < 5 * crowding()
            payer.buy(shop.pro)
            await until(lambda: any(it.status == 503 for it in shop.sim.deliveries.log), what="a refused delivery")
            await proxy.start()
            await shop.settle()
            assert await shop.plan() == PRO
            assert not await kept(shop), "what was refused is not there in part"
        await database.close()


async def test_a_commit_of_which_the_answer_is_lost_is_repeated_without_effect(postgres_copy: str) -> None:  # 9
    async with Proxy(postgres_copy) as proxy:
        database = Database(proxy.url)
        async with opened(database) as shop:
            payer = await shop.buyer()
            told = event(data={"object": {"id": "sub_1", "object": "subscription", "customer": payer.id}})
            proxy.lose_commit = True
            assert await shop.deliver(told) == 503
            assert proxy.lost == 1
            (row,) = await kept(shop)
            assert (row.status, row.seq) == ("pending", 1), "it was kept all the same"
            assert await shop.deliver(told) == 200
            (row,) = await kept(shop)
            assert (row.status, row.seq) == ("pending", 1)
        await database.close()


async def test_each_delivery_is_a_span(shop: Installation) -> None:
    spans: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def record(name: str, parent: str, attributes: dict[str, str]) -> Generator[str]:
        spans.append((name, attributes))
        yield "00-" + "1" * 32 + "-" + "2" * 16 + "-01"

    install(record)
    try:
        await shop.deliver(event())
    finally:
        install(None)
    assert ("webhook", {"surface": "stripe"}) in spans


async def test_a_database_that_is_away_is_told_at_once_and_nothing_is_lost(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:  # 11
    payer = await shop.buyer()

    async def away(_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(shop.inbox, "_keep", away)
    begun = time.monotonic()
    assert await shop.deliver(event()) == 503
    assert time.monotonic() - begun < 5
    payer.buy(shop.pro)  # Stripe tries again and again
    await until(lambda: any(it.status == 503 for it in shop.sim.deliveries.log), what="a refused delivery")
    assert not [row for row in await shop.rows(inbox) if row.customer == payer.id and row.kind]
    monkeypatch.undo()
    await shop.settle()
    assert await shop.plan() == PRO


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"1", b'"event"', b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", '{"ü'.encode("latin-1"),
        b"[" * 100_000, b'{"a":' * 100_000, json.dumps(event(created="x")).encode(), b"9" * 5000,
        json.dumps(event(created=float("inf"))).encode(), json.dumps(event(created=-1)).encode(),
        json.dumps(event(id="evt_\0")).encode(), json.dumps(event(id=None)).encode(),
        json.dumps(event(type=7)).encode(),
        json.dumps(event(type="\ud800")).encode(), json.dumps(event(data=[])).encode(),
        json.dumps(event(data={"object": "x"})).encode(), json.dumps(event(object="v2.core.event")).encode(),
        json.dumps({"detail": event()}).encode(), json.dumps({"specversion": "1.0", "data": event()}).encode(),
    ],
)  # fmt: skip
async def test_what_is_signed_and_no_event_is_refused(postgres_shop: Installation, body: bytes) -> None:  # 15
    shop = postgres_shop
    at = int(time.time())
    headers = {"Stripe-Signature": f"t={at},v1={signature(body, shop.sim.secret, at)}"}
    assert await shop.post(body, headers) == 400
    assert not await kept(shop)


async def test_ids_that_are_none_are_not_used(shop: Installation) -> None:  # 15
    thing = {"id": "sub\0", "object": "subscription", "customer": "c" * 300}
    assert await shop.deliver(event(data={"object": thing}, api_version="\ud800", account={"id": "🎷"})) == 200
    (row,) = await kept(shop)
    assert (row.status, row.object, row.customer, row.api_version, row.account) == ("ignored", None, None, None, None)


async def test_bodies_that_are_too_large_or_packed_are_refused(shop: Installation) -> None:  # 15
    large = json.dumps(event(padding="x" * (10 << 20)))
    async with shop.session.post(
        shop.url, data=io.BytesIO(large.encode()), headers=signed(large, shop.sim.secret)
    ) as answer:
        assert answer.status == 413
    body = json.dumps(event())
    packed = {**signed(body, shop.sim.secret), "Content-Encoding": "gzip"}
    assert await shop.post(gzip.compress(body.encode()), packed) == 400
    bomb = gzip.compress(b" " * (50 << 20))
    assert await shop.post(bomb, packed) == 400
    assert not await kept(shop)


async def test_the_limit_is_the_webhooks_own(shop: Installation) -> None:  # 15
    """An application's limit is that of whatever it is mounted in."""
    large = json.dumps(event(padding="x" * (1 << 20)))
    url = await shop.mount(
        webhook_app(shop.inbox, secrets=[shop.sim.secret], livemode=False, api_version=stripe.api_version),
        largest=64 << 20,
    )
    body = io.BytesIO(large.encode())
    async with shop.session.post(url, data=body, headers=signed(large, shop.sim.secret)) as answer:
        assert answer.status == 413
    assert not await kept(shop)


async def test_a_body_that_drips_is_cut_off(postgres_shop: Installation) -> None:  # 15
    async def drips() -> Any:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)

    shop = postgres_shop
    begun = time.monotonic()
    async with aiohttp.ClientSession() as session:
        try:
            async with session.post(shop.slow_url, data=drips()) as answer:
                assert answer.status == 408
        except aiohttp.ClientError:  # cut off while it still sent
            pass
    assert time.monotonic() - begun < 4


async def test_unknown_types_are_kept_and_ignored(shop: Installation) -> None:  # 16
    assert await shop.deliver(event(type="quantum.entangled")) == 200
    assert await shop.deliver(event(id="evt_2", type="payment_intent.succeeded")) == 200, "of no tip"
    assert [(row.status, row.reason) for row in await kept(shop)] == [("ignored", "type")] * 2
    assert not await shop.sync.step()


async def test_events_that_are_not_meant_for_an_endpoint_are_ignored(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:  # 18
    assert await shop.deliver(event(livemode=True)) == 200
    assert await shop.deliver(event(id="evt_2", account="acct_1")) == 200, "of a connected account"
    assert await shop.deliver(event(id="evt_3"), shop.sim.connect_secret) == 200, "of our own account"
    assert [(row.status, row.reason) for row in await kept(shop)] == [
        ("ignored", "livemode"), ("ignored", "account"), ("ignored", "account")
    ]  # fmt: skip
    assert not await shop.sync.step()
    assert capsys.readouterr().out.count("webhook of another endpoint") == 3


async def test_another_api_version_is_told_and_its_ids_are_used(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:  # 18
    payer = await shop.buyer()
    shop.sim.deliveries.hold()
    payer.buy(shop.pro)
    (created,) = shop.sim.objects.every("event", type="customer.subscription.created")
    assert await shop.deliver(created | {"api_version": "2017-08-15"}) == 200
    assert "webhook of another API version" in capsys.readouterr().out
    await shop.settle()
    assert await shop.plan() == PRO


async def test_while_a_secret_is_rotated_both_are_good(shop: Installation) -> None:
    app = webhook_app(shop.inbox, secrets=["whsec_new", "whsec_old"], livemode=False, api_version=stripe.api_version)
    url = await shop.mount(app)
    for number, secret in enumerate(("whsec_new", "whsec_old")):
        body = json.dumps(event(id=f"evt_{number}"))
        async with shop.session.post(url, data=body.encode(), headers=signed(body, secret)) as answer:
            assert answer.status == 200


async def test_without_any_secret_nothing_is_believed(shop: Installation) -> None:
    url = await shop.mount(webhook_app(shop.inbox, secrets=[], livemode=False, api_version=stripe.api_version))
    body = json.dumps(event())
    async with shop.session.post(url, data=body.encode(), headers=signed(body, "")) as answer:
        assert answer.status == 400


async def test_no_secret_and_no_body_is_logged(shop: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    await shop.post(b"somebody's secret", {"Stripe-Signature": "t=1,v1=another"})
    await shop.deliver(event(livemode=True, padding="somebody's secret"))
    printed = capsys.readouterr().out
    assert "webhook refused" in printed
    assert not [word for word in ("somebody", "another=", shop.sim.secret) if word in printed]
