"""All that the product asks of Stripe, asked of Stripe's own mock again: it knows the published specification."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from core.records.grants import Subject
from core.types import PersonId
from db.engine import Database
from db.migrate import migrate
from tests.billing.counter import ROOM, Counter
from tests.billing.installation import Installation, opened
from tests.contract.stripe_mock import refusals, running_mock
from tests.simulators.stripe.calls import Recorded

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
    quote = await counter.shop.quote(ann, there.pro)
    await counter.shop.change(ann, there.pro, quote.at)
    await counter.stands(ann)
    await counter.shop.undo(ann)
    await counter.shop.pause(ann)
    await there.settle()
    await counter.shop.resume(ann)
    await counter.shop.cancel(ann)
    await counter.shop.undo(ann)
    customer = await second(counter, ben.person)
    there.sim.subscriptions.create(customer, [(there.pro, 1)])
    for _ in range(3):
        await there.settle()
    charge = there.sim.objects.every("charge", customer=counter.subscription(bought)["customer"])[-1]
    there.sim.disputes.close(there.sim.disputes.open(charge), "lost")
    await there.settle()


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


async def test_what_the_product_sends_is_as_specified(counter: Counter, mock_url: str) -> None:
    await everything_of_a_plan(counter)
    await reconciled(counter.there)
    sim = counter.there.sim
    assert sim.failures == []
    accepted = [older(one) for one in sim.requests if one.status == 200]
    assert await refusals(mock_url, filter(None, accepted)) == []


async def test_the_mock_refuses_what_is_wrong(mock_url: str) -> None:
    """It is no mock that says yes to everything."""
    wrong = Recorded(0, "", "POST", "/v1/customers", "", "nam=Ann", {}, {}, 200)
    (told,) = await refusals(mock_url, [wrong])
    assert "additional properties are not allowed" in told
