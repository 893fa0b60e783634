"""Two hundred payers who change their minds, with every disorder at once: in the end all is as Stripe has it."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.ports.payments import Settle
from core.records.payments import Claim
from db.engine import Database
from db.models import grants, inbox, outbox
from db.models import subscriptions as mirrors
from db.payments_ledger import subscription_of
from db.payments_targets import SqlTargets
from tests.billing.installation import ELITE, PRO, Buyer, Installation, opened
from tests.fakes import FakeClock
from tests.simulators.stripe import Script
from tests.waiting import crowding, until

PAYERS = 200
CHANGES = 6
WORKERS = 3
"""In each of two processes."""
LEASE = 1500
CRASHED, DIED_AFTER, STALLED = 0.10, 0.05, 0.02


class Died(BaseException):
    """The process is gone, with all that it was about to do."""


class Mortal(SqlTargets):
    """A worker's end of the database, from which the worker dies."""

    def __init__(self, database: Database, clock: FakeClock, seed: int) -> None:
        super().__init__(database, clock, lease=LEASE)
        self.chance = random.Random(seed)
        self.deaths = 0
        self.late = 0

    async def finish(self, claim: Claim, settle: Settle) -> bool:
        fate = self.chance.random()
        if fate < CRASHED:
            self.deaths += 1
            raise Died
        if fate > 1 - STALLED:
            await asyncio.sleep(LEASE / 1000 * 1.5)
        kept = await super().finish(claim, settle)
        self.late += not kept
        if CRASHED <= fate < CRASHED + DIED_AFTER:
            self.deaths += 1
            raise Died
        return kept


@pytest.fixture
async def crowd(postgres_store: Database) -> AsyncIterator[Installation]:
    async with opened(postgres_store) as shop:
        (endpoint,) = shop.sim.deliveries.endpoints
        endpoint.types = ["customer.subscription.*", "invoice.paid"]
        yield shop


async def change(shop: Installation, payer: Buyer, sub: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One change of mind; the subscription that is theirs now."""
    if sub["status"] == "canceled":
        return payer.buy(chance.choice([shop.pro, shop.elite]))
    kind = chance.choice(["price", "price", "cancel", "end", "overdue"])
    if kind == "price":
        item = sub["items"]["data"][0]
        other = shop.elite if item["price"]["id"] == shop.pro else shop.pro
        shop.sim.changes.update(sub, {"items": [{"id": item["id"], "price": other}], "proration_behavior": "none"})
    elif kind == "cancel":
        shop.sim.changes.update(sub, {"cancel_at_period_end": not sub["cancel_at_period_end"]})
    elif kind == "overdue":
        shop.sim.subscriptions.change(sub, status="active" if sub["status"] == "past_due" else "past_due")
    else:
        shop.sim.subscriptions.end(sub)
    return sub


async def changes(shop: Installation, payer: Buyer, chance: random.Random) -> None:
    sub = payer.buy(chance.choice([shop.pro, shop.elite]))
    for _ in range(CHANGES - 1):
        await asyncio.sleep(chance.random() * 2)
        sub = await change(shop, payer, sub, chance)


async def works(shop: Installation, targets: Mortal) -> None:
    """A worker, and whoever is started in its place when it died."""
    sync = shop.worker(targets)
    while True:
        try:
            if not await sync.step():
                await asyncio.sleep(0.05)
        except Died:
            continue


@pytest.mark.timeout(300)
async def test_two_hundred_payers_in_disorder_with_dying_workers(crowd: Installation) -> None:
    shop, chance = crowd, random.Random(5)
    shop.sim.deliveries.plan = lambda _: Script(copies=1 + (chance.random() < 0.2), delay=chance.random() * 0.6)
    payers = [await shop.buyer(f"web:{number}") for number in range(PAYERS)]
    other = Database(shop.database.url.render_as_string(hide_password=False))
    fates = [Mortal(database, shop.clock, seed) for seed, database in enumerate((shop.database, other))]
    workers = [asyncio.create_task(works(shop, targets)) for targets in fates for _ in range(WORKERS)]
    await asyncio.gather(*(changes(shop, payer, random.Random(n)) for n, payer in enumerate(payers)))
    await shop.sim.deliveries.settled(within=60 * crowding())

    async def quiet() -> bool:
        backlog = await shop.books.backlog()
        return backlog.dirty == 0

    await until(quiet, within=60 * crowding(), every=0.1)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await other.close()

    here = {row.id: subscription_of(row._mapping) for row in await shop.rows(mirrors)}
    there = {it["id"]: it for it in shop.sim.objects.every("subscription")}
    assert here.keys() == there.keys()
    wrong = [it for key, it in here.items() if stands(it) != stood(there[key])]
    assert not wrong
    await plans_follow(shop, there)
    await each_effect_once(shop)
    assert sum(it.deaths for it in fates) > 20, "workers died"
    looks = len(shop.sim.called("GET", "/v1/subscriptions"))
    assert looks < len(await shop.rows(inbox)), "many events are one look"


def stands(it: Any) -> tuple[Any, ...]:
    return it.status, it.prices, it.cancel_at, it.ended_at


def stood(it: dict[str, Any]) -> tuple[Any, ...]:
    prices = tuple(item["price"]["id"] for item in it["items"]["data"])
    ended = it["ended_at"] and it["ended_at"] * 1000
    return it["status"], prices, it["cancel_at"] and it["cancel_at"] * 1000, ended


async def plans_follow(shop: Installation, there: dict[str, Any]) -> None:
    """Whoever pays has what they pay for, and nobody else has anything."""
    now, names = shop.clock.now(), {shop.pro: PRO, shop.elite: ELITE}
    counts = {
        row.ref: row.plan
        for row in await shop.rows(grants)
        if row.valid_until > now and (row.revoked_at is None or row.revoked_at > now)
    }
    wanted = {
        key: names[it["items"]["data"][0]["price"]["id"]]
        for key, it in there.items()
        if it["status"] in {"active", "past_due"}
    }
    assert counts == wanted


async def each_effect_once(shop: Installation) -> None:
    """One receipt for each payment, however often it was told."""
    rows = await shop.rows(outbox)
    assert len({(row.key, row.channel) for row in rows}) == len(rows)
    receipts = {row.key for row in rows if row.kind == "paid"}
    assert receipts == {f"paid:{it['id']}" for it in shop.sim.objects.every("invoice", status="paid")}
    assert not [row for row in rows if row.kind == "stripe.double"]
