"""From a bank's refusal to what the payer reads: reminders by the calendar, through the webhook and the outbox."""

import pytest

from billing.notices import Courier
from core.records.notices import Channel, Letter
from tests.billing.installation import FREE, PRO, Buyer, Installation

pytestmark = pytest.mark.timeout(120)


class Ear:
    """The payer's channels."""

    ready = True
    repeatable = 0

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    @property
    def heard(self) -> list[str]:
        return [f"{it.kind} {it.data['day']}" if "day" in it.data else it.kind for it in self.letters]


class Payer:
    """Somebody who pays for Pro, and hears by two channels."""

    def __init__(self, shop: Installation, buyer: Buyer) -> None:
        self.shop, self.buyer = shop, buyer
        self.ears = {Channel.DISCORD: Ear(), Channel.EMAIL: Ear()}
        self.courier = Courier(shop.courier._outbox, self.ears, shop.clock)

    async def days(self, count: float) -> None:
        """Time goes by, and what is due arrives; whose payment is open is looked at every hour."""
        await self.shop.move(days=count)
        await self.shop.reconciler.about_to_change()
        await self.shop.settle()
        for channel in self.ears:
            await self.courier.drain(channel)

    @property
    def heard(self) -> list[str]:
        one, other = (it.heard for it in self.ears.values())
        assert one == other
        return one


@pytest.fixture
async def payer(shop: Installation) -> Payer:
    return Payer(shop, await shop.buyer())


async def test_an_unpaid_plan_ends_after_its_grace_and_the_payer_is_told_on_days_0_3_and_6(payer: Payer) -> None:
    payer.buyer.buy(payer.shop.pro)
    await payer.days(1)
    assert payer.heard == ["paid"]
    payer.shop.sim.customers.banks[payer.buyer.id] = "declines"
    payer.shop.sim.subscriptions.dunning = "past_due"
    (sub,) = await payer.buyer.mirror()
    await payer.days((sub.period_end - payer.shop.clock.now()) / 86_400_000 + 0.1)
    (sub,) = await payer.buyer.mirror()
    assert (sub.status, payer.heard) == ("past_due", ["paid", "payment_failed 0"])
    grace = sub.grace_until
    (first,) = [it for it in payer.ears[Channel.DISCORD].letters if it.kind == "payment_failed"]
    assert first.data["until"] == grace
    assert first.data["url"].startswith("http"), "where the invoice can be paid"
    for days, heard in ((2.5, 1), (0.5, 2), (2.5, 2), (0.5, 3)):
        await payer.days(days)
        assert len([it for it in payer.heard if it.startswith("payment_failed")]) == heard
        assert await payer.shop.plan() == PRO, "nothing changes before the grace is over"
    await payer.days(1.1)
    assert payer.heard == ["paid", *(f"payment_failed {day}" for day in (0, 3, 6)), "ended"]
    assert await payer.shop.plan() == FREE
    (sub,) = await payer.buyer.mirror()
    assert sub.grace_until == grace, "further failures prolong nothing"
    payer.shop.sim.subscriptions.end(payer.shop.sim.objects.get("subscription", sub.id))
    await payer.days(1)
    assert payer.heard.count("ended") == 1, "Stripe's own end is no second one"


async def test_a_payment_after_all_ends_the_reminders(payer: Payer) -> None:
    payer.buyer.buy(payer.shop.pro)
    await payer.days(1)
    payer.shop.sim.customers.banks[payer.buyer.id] = "declines"
    (sub,) = await payer.buyer.mirror()
    await payer.days((sub.period_end - payer.shop.clock.now()) / 86_400_000 + 0.1)
    assert payer.heard == ["paid", "payment_failed 0"]
    payer.shop.sim.customers.banks[payer.buyer.id] = "pays"
    (owed,) = [it for it in payer.shop.sim.objects.every("invoice", customer=payer.buyer.id) if it["status"] == "open"]
    payer.shop.sim.invoices.collect(owed, "pays")
    for _ in range(4):
        await payer.days(3)
    assert payer.heard == ["paid", "payment_failed 0", "paid"]
    assert await payer.shop.plan() == PRO


async def test_who_paid_while_we_slept_is_not_told_that_it_ended(payer: Payer) -> None:
    payer.buyer.buy(payer.shop.pro)
    await payer.days(1)
    payer.shop.sim.customers.banks[payer.buyer.id] = "declines"
    (sub,) = await payer.buyer.mirror()
    await payer.days((sub.period_end - payer.shop.clock.now()) / 86_400_000 + 0.1)
    payer.shop.sim.deliveries.held = []
    (owed,) = [it for it in payer.shop.sim.objects.every("invoice", customer=payer.buyer.id) if it["status"] == "open"]
    payer.shop.sim.customers.banks[payer.buyer.id] = "pays"
    payer.shop.sim.invoices.collect(owed, "pays")
    payer.shop.sim.advance(days=8)
    for channel in payer.ears:  # the bot is back, and empties its outbox before it looks at anything
        await payer.courier.drain(channel)
    assert payer.heard == ["paid", "payment_failed 0"]
    await payer.days(0)
    assert payer.heard == ["paid", "payment_failed 0", "paid"]
    assert await payer.shop.plan() == PRO


async def test_a_trials_end_is_told_three_days_ahead(payer: Payer) -> None:
    payer.buyer.buy(payer.shop.pro, trial_days=14)
    await payer.days(10.9)
    assert payer.heard == []
    await payer.days(0.2)
    assert payer.heard == ["trial_ending"]
    await payer.days(4)
    assert payer.heard == ["trial_ending", "paid"]


async def test_who_never_finished_buying_hears_nothing(payer: Payer) -> None:
    payer.shop.sim.customers.banks[payer.buyer.id] = "declines"
    payer.buyer.buy(payer.shop.pro)
    await payer.days(2)
    (sub,) = await payer.buyer.mirror()
    assert (sub.status, payer.heard) == ("incomplete_expired", [])
