"""All that the product asks of Stripe, asked of Stripe's own mock again: it knows the published specification."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

import billing
from billing.doctor import Doctor
from billing.plans import Plans
from core.records.grants import Subject
from core.records.shop import Sale
from core.types import LOBBY, Limits, PersonId
from db.engine import Database
from db.migrate import migrate
from tests.billing.counter import ROOM, Counter
from tests.billing.installation import Installation, opened
from tests.billing.test_tips import Floor
from tests.contract.stripe_mock import refusals, running_mock
from tests.simulators.stripe.calls import Recorded

CALL = re.compile(r"\.v1\.([a-z_.]+?)\.([a-z_]+)_async\(")
ACTIONS = {
    "create": "POST {}",
    "list": "GET {}",
    "retrieve": "GET {}/{{id}}",
    "update": "POST {}/{{id}}",
    "delete": "DELETE {}/{{id}}",
    "create_preview": "POST {}/create_preview",
}
NEWER = {
    "POST /v1/subscriptions/{id}/pause": None,
    "POST /v1/subscriptions/{id}/resume": {"billing_cycle_anchor", "payment_behavior"},
}
"""What the mock's specification does not have yet: whole endpoints, or parameters of them."""


@pytest.fixture(scope="module")
def mock_url() -> Iterator[str]:
    with running_mock() as url:
        yield url


@pytest.fixture
async def counter(sqlite_url: str) -> AsyncIterator[Counter]:
    database = Database(sqlite_url)
    await migrate(database)
    async with opened(database) as shop:
        yield Counter(shop, trial_days=7, tax=True)
    await database.close()


def calls() -> set[str]:
    """The endpoints that the product's source calls."""
    found: set[str] = set()
    folder = Path(billing.__file__).parent
    for file in [*folder.glob("*.py"), *(folder.parent / "bot").glob("*.py")]:
        for resource, action in CALL.findall(file.read_text()):
            found.add(endpoint(resource, action))
    return found


def endpoint(resource: str, action: str) -> str:
    if (resource, action) == ("accounts", "retrieve_current"):
        return "GET /v1/account"
    if (resource, action) == ("subscriptions", "cancel"):
        return "DELETE /v1/subscriptions/{id}"
    return ACTIONS.get(action, f"POST {{}}/{{{{id}}}}/{action}").format("/v1/" + resource.replace(".", "/"))


def older(request: Recorded) -> Recorded | None:
    """A request without what is newer than the mock; None if that is all of it."""
    names = NEWER.get(request.endpoint, set())
    if names is None:
        return None
    pairs = [(name, value) for name, value in parse_qsl(request.body) if name.partition("[")[0] not in names]
    return replace(request, body=urlencode(pairs))


async def everything_of_a_plan(counter: Counter) -> None:
    """Bought, raised, lowered, paused, ended; then by somebody else, twice, and with a dispute."""
    there = counter.there
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    await counter.shop.offers()
    await counter.shop.buy(ann, there.elite)
    bought = await counter.buys(ann, there.pro)
    await there.move(days=8)
    await counter.shop.arrived(there.sim.objects.every("checkout.session")[-1]["id"])
    await counter.shop.portal(ann, ROOM)
    quote = await counter.shop.quote(ann, there.elite)
    await counter.shop.change(ann, there.elite, quote.at)
    await there.settle()
    coupon = there.sim.catalog.coupon(percent_off=20, duration="forever")
    there.sim.changes.update(counter.subscription(bought), {"discounts": [{"coupon": coupon["id"]}]})
    quote = await counter.shop.quote(ann, there.pro)
    await counter.shop.change(ann, there.pro, quote.at)
    await counter.stands(ann)
    await counter.shop.undo(ann)
    await counter.shop.pause(ann)
    await there.settle()
    await counter.shop.resume(ann)
    await counter.shop.cancel(ann)
    await counter.shop.undo(ann)
    there.sim.changes.update(counter.subscription(bought), {"cancel_at": "max_period_end"})
    await counter.shop.undo(ann)
    customer = await second(counter, ben.person)
    there.sim.subscriptions.create(customer, [(there.pro, 1)])
    for _ in range(3):
        await there.settle()
    charge = there.sim.objects.every("charge", customer=counter.subscription(bought)["customer"])[-1]
    there.sim.disputes.close(there.sim.disputes.open(charge), "lost")
    await there.settle()


async def paid_back_in_part(counter: Counter) -> None:
    """Somebody's own, in the middle of its time, when somebody else bought something higher for the same place."""
    there = counter.there
    await counter.buys(await counter.person("Cyd", "discord:2"), there.pro)
    await there.move(days=10)
    (await there.buyer("discord:2")).buy(there.elite)
    await there.settle()
    await there.settle()
    assert 0 < there.sim.objects.every("refund")[-1]["amount"] < 500


async def second(counter: Counter, person: PersonId) -> dict[str, Any]:
    """A customer of somebody else for the same place."""
    there = counter.there
    account = await there.purchases.account(Subject(counter.place), person, livemode=False)
    customer = there.sim.customers.create(email="ben@example.org")
    there.sim.customers.card(customer)
    await there.purchases.bind(account.id, customer["id"])
    return customer


async def reconciled(there: Installation) -> None:
    await there.reconciler.undelivered()
    await there.reconciler.about_to_change()
    await there.reconciler.everybody()
    await there.settle()


async def examined(there: Installation) -> None:
    """Where Discord sells the same plans, too."""
    limits = {name: Limits(name) for name in ("free", "pro")}
    plans = Plans(limits, "free", {"pro": Sale("pro", [there.pro], sku=7, sku_price=500)})
    await Doctor(there.client, plans, "https://music.example.org/hook", livemode=False).findings()


async def a_tip(floor: Floor) -> None:
    """Given to a DJ who is onboarded, by a button that is pressed twice; and sent back."""
    floor.sim.webhook(floor.there.url, connect=True)
    dj, account = await floor.dj()
    cid = await floor.person("Cid")
    await floor.tips.give(LOBBY, cid, dj.person, 500)
    floor.sim.deliveries.script("checkout.*", drop=True)
    floor.sim.checkout.pay(await floor.tips.give(LOBBY, cid, dj.person, 500))
    floor.sim.connect.restrict(account)
    await floor.there.settle()
    assert [tip.state for tip in await floor.all()] == ["refunded"]


async def test_what_the_product_sends_is_as_specified(counter: Counter, mock_url: str) -> None:
    await everything_of_a_plan(counter)
    await paid_back_in_part(counter)
    await reconciled(counter.there)
    await a_tip(Floor(counter.there))
    await examined(counter.there)
    sim = counter.there.sim
    assert sim.failures == []
    accepted = [older(one) for one in sim.requests if one.status == 200]
    assert await refusals(mock_url, filter(None, accepted)) == []
    asked = {one.endpoint for one in sim.requests if one.status == 200}
    assert calls() - asked == set(), "asked by the product, and not held against the specification here"


async def test_the_mock_refuses_what_is_wrong(mock_url: str) -> None:
    """It is no mock that says yes to everything."""
    wrong = Recorded(0, "", "POST", "/v1/customers", "", "nam=Ann", {}, {}, 200)
    (told,) = await refusals(mock_url, [wrong])
    assert "additional properties are not allowed" in told
