"""From what Stripe tells to the plan of a place, through the webhook (numbers: the fault table of the design)."""

import asyncio
import random
from typing import Any

import pytest
from prometheus_client import REGISTRY

from billing.sync import TRIES
from core.records.notices import Channel
from core.records.payments import Target, TargetKind
from core.types import PlaceId
from db.models import accounts, charges, inbox, sync_targets
from db.payments_targets import SqlTargets
from tests.billing.installation import DAY, ELITE, FREE, PRO, Buyer, Installation
from tests.simulators.stripe import reversed_events
from tests.waiting import until

LOBBY = PlaceId("web:lobby")


async def stands_as_at_stripe(shop: Installation, payer: Buyer) -> bool:
    """Every subscription here is as it is there."""
    there = {it["id"]: it["status"] for it in shop.sim.objects.every("subscription", customer=payer.id)}
    return {it.id: it.status for it in await payer.mirror()} == there


async def test_disorder_ends_as_it_is_at_stripe(shop: Installation) -> None:  # 6
    payer = await shop.buyer()
    shop.sim.deliveries.hold()
    sub = payer.buy(shop.pro)
    shop.sim.subscriptions.change(sub, metadata={"a": "b"})
    shop.sim.subscriptions.end(sub)
    events = list(shop.sim.deliveries.held or [])
    for told in reversed_events(events):  # deleted, updated, created, with looks in between
        assert await shop.deliver(told) == 200
        await shop.sync.step()
        assert await shop.plan() == FREE
    shop.sim.deliveries.held = None
    await shop.settle()
    assert await stands_as_at_stripe(shop, payer)
    assert await shop.plan() == FREE


async def test_updates_of_one_second_in_the_wrong_order(shop: Installation) -> None:  # 7
    payer = await shop.buyer()
    shop.sim.deliveries.hold()
    sub = payer.buy(shop.pro)
    for price in (shop.elite, shop.pro, shop.elite):
        item = sub["items"]["data"][0]["id"]
        await shop.client.v1.subscriptions.update_async(
            sub["id"], {"items": [{"id": item, "price": price}], "proration_behavior": "none"}
        )
        await shop.sync.step()
    await shop.sim.deliveries.release(reversed_events, copies=2)
    await shop.settle()
    assert await shop.plan() == ELITE
    assert await stands_as_at_stripe(shop, payer)


async def test_one_change_told_by_two_events_is_told_to_the_payer_once(shop: Installation) -> None:  # 8
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    (told,) = shop.sim.objects.every("event", type="invoice.paid")
    assert await shop.deliver(told | {"id": "evt_again"}) == 200
    await shop.settle()
    assert {row.status for row in await shop.rows(inbox) if row.event == "evt_again"} == {"done"}
    assert len(await shop.told("paid")) == 1


async def test_a_worker_that_died_is_replaced_and_one_that_comes_late_writes_nothing(shop: Installation) -> None:  # 10
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.sim.deliveries.settled()
    short = SqlTargets(shop.database, shop.clock, lease=50)
    look = shop.sync._looks[TargetKind.CUSTOMER]
    late = await short.claim([TargetKind.CUSTOMER])
    assert late
    stale = await look(late)  # fetched: active; then the worker hangs
    shop.sim.subscriptions.end(sub)
    await shop.sim.deliveries.settled()
    assert await shop.plan() == FREE, "nothing is written before the transaction"
    await until(shop.sync.step, what="the lease is over")
    await shop.settle()
    assert not await short.finish(late, stale)
    assert await shop.plan() == FREE
    assert await stands_as_at_stripe(shop, payer)


async def test_what_was_heard_of_while_somebody_looked_is_looked_at_again(shop: Installation) -> None:  # 10
    payer = await shop.buyer()
    shop.sim.deliveries.hold()
    sub = payer.buy(shop.pro)
    (created,) = shop.sim.objects.every("event", type="customer.subscription.created")
    await shop.deliver(created)
    claim = await shop.targets.claim([TargetKind.CUSTOMER])
    assert claim
    fetched = await shop.sync._looks[TargetKind.CUSTOMER](claim)
    shop.sim.subscriptions.end(sub)
    (deleted,) = shop.sim.objects.every("event", type="customer.subscription.deleted")
    await shop.deliver(deleted)
    assert await shop.targets.finish(claim, fetched)
    assert await shop.plan() == PRO
    assert {row.status for row in await shop.rows(inbox) if row.event == deleted["id"]} == {"pending"}
    assert await shop.sync.step()
    assert await shop.plan() == FREE


@pytest.mark.parametrize(
    "fault",
    [{"status": 429}, {"status": 500}, {"status": 502}, {"truncate": True}, {"drop": True}, {"delay": 3}],
    ids=["429", "500", "502", "truncated", "dropped", "slow"],
)
async def test_trouble_at_stripe_changes_nobodys_plan(shop: Installation, fault: dict[str, Any]) -> None:  # 13
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    shop.http._timeout = 1.0
    shop.sim.faults.on("GET /v1/subscriptions", times=3, should_retry=False, **fault)
    shop.sim.subscriptions.end(sub)
    await shop.sim.deliveries.settled()
    assert {it.status for it in shop.sim.deliveries.log} == {200}, "the webhook takes it all the same"
    await shop.sync.step()
    assert await shop.plan() == PRO
    (target,) = [row for row in await shop.rows(sync_targets) if row.key == payer.id]
    assert target.dirty_seq > target.synced_seq
    assert target.attempts == 1
    shop.sim.faults.clear()
    shop.http._timeout = 10
    await until(shop.sync.step, what="the pause is over")
    assert await shop.plan() == FREE


async def test_trouble_of_ours_is_given_up_after_a_while_and_replayed(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.sim.deliveries.settled()

    async def broken(_: object) -> Any:
        raise KeyError("a mistake")

    monkeypatch.setattr("billing.sync.FIRST", 0.0)
    healthy, shop.sync._looks = shop.sync._looks, {TargetKind.CUSTOMER: broken}
    for _ in range(TRIES):
        assert await shop.sync.step()
    assert not await shop.sync.step()
    assert "dead" in await shop.statuses()
    assert (await shop.books.backlog()).dead == 1
    shop.sync._looks = healthy
    assert await shop.inbox.replay() > 0
    await shop.settle()
    assert await shop.plan() == PRO
    assert "dead" not in await shop.statuses()
    assert (await shop.books.backlog()).dead == 0


async def test_what_is_dead_gets_another_chance_by_the_next_event(shop: Installation) -> None:
    payer = await shop.buyer()
    target = Target(TargetKind.CUSTOMER, payer.id)
    await shop.targets.mark(target)
    claim = await shop.targets.claim([TargetKind.CUSTOMER])
    assert claim
    await shop.targets.give_up(claim, "KeyError")
    assert not await shop.sync.step()
    payer.buy(shop.pro)
    await shop.settle()
    assert await shop.plan() == PRO


async def test_what_was_never_told_is_found(shop: Installation) -> None:  # 14
    payer = await shop.buyer()
    shop.sim.events.never.append("*")
    sub = payer.buy(shop.pro)
    await shop.settle()
    assert await shop.plan() == FREE
    assert await shop.reconciler.everybody() == 1
    await shop.settle()
    assert await shop.plan() == PRO
    assert await shop.reconciler.everybody() == 0, "no drift is left"
    await shop.move(days=32)
    assert await shop.reconciler.everybody() == 1, "a period more is a difference, too"
    await shop.settle()
    shop.sim.subscriptions.end(sub)
    assert await shop.reconciler.about_to_change() == 0
    await shop.move(days=29)
    assert await shop.reconciler.about_to_change() == 1, "its plan ends soon"
    await shop.settle()
    assert await shop.plan() == FREE


async def test_what_did_not_arrive_in_days_is_asked_for(shop: Installation) -> None:  # 14
    payer = await shop.buyer()
    shop.sim.deliveries.script("*", drop=True)
    payer.buy(shop.pro)
    await shop.settle()
    assert await shop.plan() == FREE
    await shop.move(days=4)
    assert await shop.reconciler.undelivered() > 0
    (created,) = shop.sim.objects.every("event", type="customer.subscription.created")
    assert created["id"] in {row.event for row in await shop.rows(inbox)}
    await shop.settle()
    assert await shop.plan() == PRO
    assert await shop.reconciler.undelivered() == 0, "the same again is no news"


async def test_unknown_statuses_and_prices_change_nothing_and_are_told(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:  # 16
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    before = await shop.grants()
    shop.sim.subscriptions.change(sub, status="hibernating")
    await shop.settle()
    assert await shop.grants() == before
    sub["items"]["data"][0]["price"] = shop.sim.objects.get("price", shop.strange)
    shop.sim.subscriptions.change(sub, status="active")
    await shop.settle()
    assert await shop.grants() == before
    assert capsys.readouterr().out.count("subscription not understood") >= 2
    other = await shop.buyer("web:other")
    other.buy(shop.strange)
    await shop.settle()
    assert await shop.plan("web:other") == FREE
    await shop.move(days=33)
    assert await shop.plan() == FREE, "what is kept ends in its time"


async def test_a_customer_of_nobody_is_kept_and_looked_at_when_they_are_somebodys(shop: Installation) -> None:  # 17
    stranger = shop.sim.customers.create(metadata={"app": "chorus"})
    shop.sim.customers.card(stranger)
    shop.sim.subscriptions.create(stranger, [(shop.pro, 1)])
    foreign = shop.sim.customers.create()
    shop.sim.customers.card(foreign)
    shop.sim.subscriptions.create(foreign, [(shop.strange, 1)])
    await shop.settle()
    assert await shop.statuses() == {"orphan", "ignored"}
    assert not await shop.grants()
    assert (await shop.books.backlog()).orphans > 0
    await shop.reconciler.everybody()
    assert REGISTRY.get_sample_value("chorus_payment_strangers") == 1, "the other one never said that they are ours"
    payer = await shop.buyer()
    async with shop.database.write() as connection:
        await connection.execute(accounts.update().values(customer=None))
    account = (await shop.rows(accounts))[0]
    await shop.purchases.bind(account.id, stranger["id"])
    await shop.settle()
    assert await shop.plan(payer.place) == PRO


async def test_a_delayed_payment_gives_nothing_before_it_is_there(shop: Installation) -> None:  # 22
    for paid in (False, True):
        payer = await shop.buyer(f"web:{paid}")
        shop.sim.customers.banks[payer.id] = "processing"
        sub = payer.buy(shop.pro)
        await shop.settle()
        assert await shop.plan(payer.place) == FREE
        invoice = shop.sim.objects.get("invoice", sub["latest_invoice"])
        shop.sim.invoices.settle(invoice, paid=paid)
        await shop.settle()
        assert await shop.plan(payer.place) == (PRO if paid else FREE)
    assert not [row for row in await shop.told("payment_failed") if row.place == "web:False"], "still incomplete"


def charge_of(shop: Installation, payer: Buyer) -> dict[str, Any]:
    (charge,) = shop.sim.objects.every("charge", customer=payer.id)
    return charge


async def test_refunds_add_up_and_only_all_of_it_takes_the_plan(shop: Installation) -> None:  # 25
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    charge = charge_of(shop, payer)
    for amount in (100, 150):
        shop.sim.refunds.make(charge, amount)
        await shop.settle()
        assert await shop.plan() == PRO
    last = shop.sim.refunds.make(charge)
    await shop.settle()
    (row,) = await shop.rows(charges)
    assert (row.refunded, row.amount) == (500, 500)
    assert await shop.plan() == FREE
    assert sub["status"] == "canceled"
    assert len(shop.sim.called("DELETE", f"/v1/subscriptions/{sub['id']}")) == 1
    assert len(await shop.told("refunded")) == 3
    shop.sim.refunds.fail(last)
    await shop.settle()
    (row,) = await shop.rows(charges)
    assert row.refunded == 250
    assert await shop.plan() == PRO, "it is paid after all"
    await shop.move(days=32)
    assert await shop.plan() == FREE


@pytest.mark.parametrize("status", ["won", "lost"])
@pytest.mark.parametrize("order", [list, reversed_events])
async def test_disputes_end_as_the_bank_decides(shop: Installation, status: str, order: Any) -> None:  # 26
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    shop.sim.deliveries.hold()
    dispute = shop.sim.disputes.open(charge_of(shop, payer))
    await shop.sim.deliveries.release(order)
    await shop.settle()
    assert await shop.plan() == PRO, "nothing is decided"
    assert await shop.purchases.frozen(payer.person)
    shop.sim.deliveries.hold()
    shop.sim.disputes.close(dispute, status)
    await shop.sim.deliveries.release(order)
    await shop.settle()
    assert await shop.plan() == (PRO if status == "won" else FREE)
    assert (sub["status"] == "canceled") is (status == "lost")
    assert await shop.purchases.frozen(payer.person) is (status == "lost")
    assert len(await shop.told("disputed")) == 1


async def test_money_that_is_withdrawn_takes_the_plan_until_it_comes_back(shop: Installation) -> None:  # 26
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    dispute = shop.sim.disputes.open(charge_of(shop, payer))
    moved = {"object": "balance_transaction", "id": "txn_1", "amount": -500, "currency": "usd"}
    dispute["balance_transactions"] = [moved]
    await shop.settle()
    assert await shop.plan() == FREE
    dispute["balance_transactions"] = [moved, moved | {"id": "txn_2", "amount": 500}]
    shop.sim.disputes.close(dispute, "won")
    await shop.settle()
    assert await shop.plan() == PRO


async def test_a_late_renewal_cuts_nobody_off_and_clocks_that_differ_change_nothing(shop: Installation) -> None:  # 30
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    shop.sim.events.never.append("*")
    (mirror,) = await payer.mirror()
    shop.clock.time = mirror.period_end + DAY - 1
    assert await shop.plan() == PRO, "the renewal was not heard of yet"
    shop.clock.time -= 600_000
    assert await shop.plan() == PRO
    shop.clock.time = mirror.period_end + DAY
    assert await shop.plan() == FREE
    await shop.targets.mark(Target(TargetKind.CUSTOMER, payer.id))
    shop.clock.time -= 600_000  # leases and retries go by the database's clock
    await shop.settle()
    shop.clock.time += DAY
    assert await shop.plan() == PRO


async def test_a_failed_payment_leaves_the_plan_for_its_grace_and_no_longer(shop: Installation) -> None:
    payer = await shop.buyer()
    shop.sim.subscriptions.dunning = "past_due"
    payer.buy(shop.pro)
    await shop.settle()
    shop.sim.customers.banks[payer.id] = "declines"
    await shop.move(days=31, hours=2)
    (mirror,) = await payer.mirror()
    assert mirror.status == "past_due"
    assert mirror.grace_until == (mirror.failed_at or 0) + 7 * DAY
    for _ in range(3):
        await shop.move(days=2)
        assert await shop.plan() == PRO
    assert (await payer.mirror())[0].grace_until == mirror.grace_until, "retries do not prolong it"
    await shop.move(days=2)
    assert await shop.plan() == FREE
    shop.sim.customers.banks[payer.id] = "pays"
    (owed,) = shop.sim.objects.every("invoice", customer=payer.id, status="open")
    shop.sim.invoices.collect(owed, "pays")
    await shop.settle()
    assert await shop.plan() == PRO
    assert (await payer.mirror())[0].grace_until is None


async def test_a_deleted_customer_has_nothing_any_more(shop: Installation) -> None:
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    shop.sim.customers.delete(payer.id)
    await shop.settle()
    assert await shop.plan() == FREE
    assert [it.status for it in await payer.mirror()] == ["canceled"]


async def test_what_is_bought_twice_is_kept_once_and_paid_back_once(shop: Installation) -> None:  # 20
    one, two = await shop.buyer(), await shop.buyer()
    first, second = one.buy(shop.pro), two.buy(shop.elite)
    await shop.settle()
    await shop.settle()
    assert (first["status"], second["status"]) == ("canceled", "active")
    assert await shop.plan() == ELITE
    (refund,) = shop.sim.objects.every("refund")
    assert (refund["amount"], refund["reason"]) == (500, "duplicate")
    (told,) = await shop.told("double_refunded")
    assert told.person == one.person
    assert not [row for row in await shop.told("ended") if row.person == one.person]


async def test_only_what_was_paid_for_the_same_time_goes_back(shop: Installation) -> None:  # 20
    """Months of one's own are not paid back because somebody else bought something higher."""
    one = await shop.buyer()
    first = one.buy(shop.pro)
    await shop.settle()
    await shop.move(days=70)
    bills = [it for it in shop.sim.objects.every("invoice", customer=one.id) if it["status"] == "paid"]
    (item,) = first["items"]["data"]
    assert len(bills) == 3
    left = (item["current_period_end"] - shop.clock.now() // 1000) / (
        item["current_period_end"] - item["current_period_start"]
    )
    two = await shop.buyer()
    two.buy(shop.elite)
    await shop.settle()
    await shop.settle()
    assert first["status"] == "canceled"
    (refund,) = shop.sim.objects.every("refund")
    assert left * 500 <= refund["amount"] < left * 500 + 1
    assert await shop.plan() == ELITE


async def test_what_seemed_too_much_stays_when_the_other_had_ended(shop: Installation) -> None:  # 20
    """The end of the first was not heard of when the second came: whoever pays now is not put out for it."""
    one, two = await shop.buyer(), await shop.buyer()
    first = one.buy(shop.pro)
    await shop.settle()
    shop.sim.deliveries.hold()
    shop.sim.subscriptions.end(first)
    second = two.buy(shop.pro)
    await shop.sim.deliveries.release(lambda events: [it for it in events if two.id in str(it)])
    await shop.settle()
    assert second["status"] == "active"
    assert not shop.sim.objects.every("refund")
    await shop.targets.mark(Target(TargetKind.CUSTOMER, one.id))
    await shop.settle()
    assert await shop.plan() == PRO
    assert [it.revoked_for for it in await two.mirror()] == [None]
    three = await shop.buyer()
    third = three.buy(shop.pro)
    await shop.settle()
    await shop.settle()
    assert (second["status"], third["status"]) == ("active", "canceled"), "and it counts when it is so"
    assert [it["amount"] for it in shop.sim.objects.every("refund")] == [500]


async def test_what_was_ended_is_paid_back_whatever_becomes_of_the_other(shop: Installation) -> None:  # 20
    """We died between the two, and the one that was kept ended before we were back."""
    one, two = await shop.buyer(), await shop.buyer()
    first = one.buy(shop.pro)
    await shop.settle()
    second = two.buy(shop.pro)
    shop.sim.faults.on("POST /v1/refunds", 500, times=3, should_retry=False)
    await shop.settle()
    assert (second["status"], shop.sim.objects.every("refund")) == ("canceled", [])
    shop.sim.subscriptions.end(first)
    shop.sim.faults.clear()
    for _ in range(3):
        await shop.move(hours=1)
    assert [it["amount"] for it in shop.sim.objects.every("refund")] == [500]


async def test_a_job_with_another_accounts_key_is_not_taken_for_done(shop: Installation) -> None:  # 25
    """What was paid back goes on being charged otherwise."""
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    shop.sim.refunds.make(charge_of(shop, payer))
    await shop.sim.deliveries.settled()
    while await shop.sync.step():
        pass
    shop.sim.objects.remove(sub["id"])
    await shop.courier.drain(Channel.JOB)
    shop.sim.objects.add(sub)
    for _ in range(3):
        await shop.move(hours=1)
    assert sub["status"] == "canceled"


async def test_what_is_too_much_again_is_ended_again(shop: Installation) -> None:  # 20
    """The one that was kept was overdue for a moment, just when the other was to be ended."""
    one, two = await shop.buyer(), await shop.buyer()
    first = one.buy(shop.pro)
    await shop.settle()
    second = two.buy(shop.pro)
    await shop.sim.deliveries.settled()
    while await shop.sync.step():
        pass
    shop.sim.subscriptions.change(first, status="past_due")
    await shop.settle()
    await shop.settle()
    assert second["status"] == "active"
    shop.clock.time += 1000
    shop.sim.subscriptions.change(first, status="active")
    await shop.settle()
    await shop.settle()
    assert second["status"] == "canceled"
    assert [it["amount"] for it in shop.sim.objects.every("refund")] == [500]


async def test_for_what_is_overdue_nobody_who_paid_is_put_out(shop: Installation) -> None:  # 20
    one, two = await shop.buyer(), await shop.buyer()
    first = one.buy(shop.elite)
    await shop.settle()
    shop.sim.subscriptions.change(first, status="past_due")
    second = two.buy(shop.pro)
    await shop.settle()
    assert (first["status"], second["status"]) == ("past_due", "active")
    shop.sim.subscriptions.end(first)
    await shop.settle()
    assert await shop.plan() == PRO


async def test_lists_that_lag_behind_end_nothing(shop: Installation) -> None:  # 6
    payer = await shop.buyer()
    sub = payer.buy(shop.pro)
    await shop.settle()
    shop.sim.subscriptions.unlisted.add(sub["id"])
    await shop.targets.mark(Target(TargetKind.CUSTOMER, payer.id))
    await shop.settle()
    assert await shop.plan() == PRO
    shop.sim.subscriptions.end(sub)
    await shop.targets.mark(Target(TargetKind.CUSTOMER, payer.id))
    await shop.settle()
    assert await shop.plan() == FREE


async def test_a_receipt_is_told_also_when_something_is_bought_during_a_look(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:  # 8
    """Between two of its questions: what is seen of it in part is not taken for told."""
    payer = await shop.buyer()
    shop.sim.deliveries.hold()
    listed = shop.client.v1.subscriptions.list_async

    async def and_bought(*given: Any) -> Any:
        found = await listed(*given)
        if not shop.sim.objects.every("subscription"):
            payer.buy(shop.pro)
        return found

    monkeypatch.setattr(shop.client.v1.subscriptions, "list_async", and_bought)
    await shop.targets.mark(Target(TargetKind.CUSTOMER, payer.id))
    await shop.sync.step()
    await shop.sim.deliveries.release()
    await shop.settle()
    assert len(await shop.told("paid")) == 1


async def test_a_key_that_knows_none_of_our_customers_cuts_nobody_off(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:  # 18
    """The key of another mode, or of another account: it tells nothing of what was paid."""
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    monkeypatch.setattr("billing.sync.FIRST", 0.0)
    shop.sim.objects.remove(payer.id)
    for _ in range(2):
        await shop.targets.mark(Target(TargetKind.CUSTOMER, payer.id))
        for _ in range(TRIES):
            assert await shop.sync.step()
    assert await shop.plan() == PRO
    assert [it.status for it in await payer.mirror()] == ["active"]
    assert (await shop.books.backlog()).dead == 1
    shop.sim.objects.add(payer.customer)
    assert await shop.inbox.replay() == 1
    await shop.settle()
    assert await shop.plan() == PRO


async def test_customers_of_the_other_mode_are_not_asked_for(shop: Installation) -> None:  # 18
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    now = shop.clock.now()
    assert await shop.books.due(now, now + 60 * DAY, livemode=False) == {payer.id}
    assert not await shop.books.due(now, now + 60 * DAY, livemode=True)


async def test_somebody_who_waits_sees_it_before_the_webhook_comes(shop: Installation) -> None:  # 21
    payer = await shop.buyer()
    shop.sim.deliveries.hold()
    payer.buy(shop.pro)
    working = asyncio.create_task(shop.sync.run())
    assert await shop.sync.look(Target(TargetKind.CUSTOMER, payer.id), patience=10)
    assert await shop.plan() == PRO
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_worker_that_is_stopped_leaves_its_work_to_the_next_at_once(shop: Installation) -> None:
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.sim.deliveries.settled()
    shop.sim.faults.on("GET /v1/customers/*", delay=30)
    working = asyncio.create_task(shop.sync.step())
    await until(lambda: shop.sim.faults.waiting[0].struck, what="a look")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    shop.sim.faults.clear()
    assert await shop.sync.step()
    assert await shop.plan() == PRO


async def test_an_old_answer_of_the_store_does_not_take_a_plan_back(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:  # 12
    payer = await shop.buyer()
    payer.buy(shop.pro)
    await shop.settle()
    store, asked = shop.entitlements._store, asyncio.Event()
    old = await store.news(0)

    async def slow(_: int) -> Any:
        await asked.wait()
        return old

    monkeypatch.setattr(store, "news", slow)
    reader = asyncio.create_task(shop.entitlements.refresh())
    await asyncio.sleep(0)
    monkeypatch.undo()
    payer.buy(shop.elite)
    await shop.sim.deliveries.settled()
    await shop.sync.step()
    assert await shop.plan() == ELITE
    asked.set()
    await reader
    assert shop.entitlements.limits(LOBBY).plan == ELITE


async def test_the_reconciler_finds_it_by_itself_and_shows_what_waits(shop: Installation) -> None:  # 14
    payer = await shop.buyer()
    shop.sim.events.never.append("*")
    payer.buy(shop.pro)
    running = [asyncio.create_task(work) for work in (shop.reconciler.run(), shop.sync.run())]
    await until(lambda: REGISTRY.get_sample_value("chorus_payment_drift") == 1, what="the drift is seen")

    async def has_it() -> bool:
        return await shop.plan() == PRO

    await until(has_it, what="the plan")
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await shop.reconciler.everybody()
    assert REGISTRY.get_sample_value("chorus_payment_drift") == 0
    await shop.targets.mark(Target(TargetKind.CUSTOMER, payer.id))
    await shop.reconciler.measure()
    assert REGISTRY.get_sample_value("chorus_payment_dirty_targets") == 1
    assert (REGISTRY.get_sample_value("chorus_webhook_oldest_pending_seconds") or 0) >= 0
    assert REGISTRY.get_sample_value("chorus_webhook_last_event_age_seconds") == -1
    assert REGISTRY.get_sample_value("chorus_payment_dead_letters") == 0


async def test_accounts_of_djs_are_looked_at_every_day(shop: Installation) -> None:  # 14
    dj = Target(TargetKind.CONNECT_ACCOUNT, "acct_1")
    await shop.targets.mark(dj)
    await shop.settle()
    assert await shop.targets.settled(dj)
    await shop.reconciler.everybody()
    assert not await shop.targets.settled(dj)


async def test_a_round_that_fails_is_tried_again_and_stops_nothing(
    shop: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.reconciler.LOOK", 0.05)
    payer = await shop.buyer()
    shop.sim.events.never.append("*")
    payer.buy(shop.pro)
    shop.sim.faults.on("GET /v1/subscriptions", 500, times=3, should_retry=False)
    running = asyncio.create_task(shop.reconciler.run())

    async def marked() -> bool:
        return (await shop.books.backlog()).dirty == 1

    await until(marked, what="the second try")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "payments not reconciled" in capsys.readouterr().out


async def test_events_that_are_done_with_are_removed_in_the_end(shop: Installation) -> None:
    payer = await shop.buyer()
    payer.buy(shop.pro)
    stranger = shop.sim.customers.create()
    shop.sim.customers.card(stranger)
    shop.sim.subscriptions.create(stranger, [(shop.strange, 1)])
    await shop.settle()
    assert "orphan" in await shop.statuses(), "another shop of the same account"
    await shop.reconciler.everybody()
    assert await shop.rows(inbox)
    shop.sim.events.never.append("*")
    await shop.move(days=36)
    await shop.reconciler.everybody()
    assert not await shop.rows(inbox)


async def test_any_order_ends_as_it_is_at_stripe(shop: Installation) -> None:  # 6, 7
    chance = random.Random(7)
    payers = [await shop.buyer(f"web:{number}") for number in range(5)]
    shop.sim.deliveries.hold()
    for payer in payers:
        sub = payer.buy(chance.choice([shop.pro, shop.elite]))
        if chance.random() < 0.5:
            shop.sim.subscriptions.end(sub)
    await shop.sim.deliveries.release(lambda events: chance.sample(events, len(events)), copies=2)
    await shop.settle()
    for payer in payers:
        assert await stands_as_at_stripe(shop, payer)
