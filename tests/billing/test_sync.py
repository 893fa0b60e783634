"""From what Stripe tells to the plan of a place, on each database (numbers: the fault table of the design)."""

from tests.billing.installation import DAY, FREE, PRO, Installation


async def test_what_is_paid_is_had_until_it_ends(shop: Installation) -> None:
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    assert await shop.plan() == PRO
    (mirror,) = await payer.mirror()
    assert (mirror.id, mirror.status, mirror.prices) == (sub["id"], "active", (shop.pro,))
    assert [(plan, until) for plan, until, _ in await shop.grants()] == [(PRO, mirror.period_end + DAY)]
    assert await shop.statuses() <= {"done", "ignored"}
    shop.sim.subscriptions.end(sub)
    await shop.settle()
    assert await shop.plan() == FREE
