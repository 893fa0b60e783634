"""Buying and changing plans under everything that may go wrong: cases of the table of faults, by their number."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from billing.metrics import ALERTS
from billing.offers import Offers
from billing.plans import Plans
from core.enums import GrantSource, Surface
from core.errors import ForbiddenError
from core.purchases import (
    EndsAlreadyError,
    NoSubscriptionError,
    NotForSaleError,
    NothingToTakeBackError,
    OldLinkError,
    OldQuoteError,
    PaidAlreadyError,
    PayFirstError,
    PaymentsUnavailableError,
    PurchasesFrozenError,
)
from core.records.grants import Subject
from core.records.shop import Move, Sale, Trouble
from core.types import Limits, PlaceId
from db.chats import SqlChats
from db.grants import SqlGrants
from db.models import accounts, attempts, audit, trials
from db.personal import PersonalData
from tests.billing.counter import PAGE, ROOM, Counter
from tests.billing.installation import DAY, ELITE, FREE, PRO, Installation
from tests.waiting import until

HERE, THERE = "discord:1", "discord:2"


@pytest.fixture
def counter(shop: Installation) -> Counter:
    return Counter(shop)


async def test_who_manages_the_place_buys_and_nobody_else(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    with pytest.raises(ForbiddenError):
        await counter.shop.buy(replace(ann, admin=False), shop.pro)
    with pytest.raises(NotForSaleError):
        await counter.shop.buy(ann, shop.strange)
    assert [(it.plan, it.amount, it.interval) for it in await counter.shop.offers()] == [
        ("pro", 500, "month"), ("elite", 1500, "month"),
    ]  # fmt: skip
    url = await counter.shop.buy(ann, shop.pro)
    session = counter.session(url)
    assert session["customer"] is not None
    assert session["allow_promotion_codes"] is True
    assert session["success_url"] == f"{PAGE}/premium/back?of={{CHECKOUT_SESSION_ID}}"
    assert await counter.plan() == "free"
    shop.sim.checkout.pay(url)
    await shop.settle()
    assert await counter.plan() == "pro"
    (made,) = shop.sim.called("POST", "/v1/checkout/sessions")
    assert made.params["subscription_data"]["billing_mode"] == {"type": "flexible"}
    assert made.params["metadata"] == made.params["subscription_data"]["metadata"]
    assert made.headers["idempotency-key"] == made.params["client_reference_id"]
    with pytest.raises(PaidAlreadyError):
        await counter.shop.buy(ann, shop.elite)
    assert shop.sim.failures == []


@pytest.mark.parametrize("tax", [True, False])
async def test_tax_is_worked_out_where_the_operator_wants_it(shop: Installation, *, tax: bool) -> None:
    counter = Counter(shop, tax=tax)
    session = counter.session(await counter.shop.buy(await counter.person("Ann"), shop.pro))
    assert session["automatic_tax"]["enabled"] is tax
    (made,) = shop.sim.called("POST", "/v1/checkout/sessions")
    assert ("customer_update" in made.params) is tax, "the address that it goes by is kept"


async def test_prices_that_do_not_fit_are_left_out_alone(counter: Counter, shop: Installation) -> None:
    archived = shop.sim.catalog.price(900, product="Elite")
    shop.sim.objects.get("price", archived["id"])["active"] = False
    sales = {"pro": Sale("pro", ["price_gone", shop.pro]), "elite": Sale("elite", [archived["id"]])}
    plans = Plans({name: Limits(name) for name in ("free", "pro", "elite")}, "free", sales)
    offers = Offers(shop.client, plans, shop.clock, livemode=False)
    assert [it.price for it in await offers.all()] == [shop.pro]
    live = Offers(shop.client, plans, shop.clock, livemode=True)
    assert await live.all() == [], "prices of the other mode"


async def test_who_manages_the_place_no_longer_buys_nothing_with_an_old_key(
    counter: Counter, shop: Installation
) -> None:
    ann = await counter.person("Ann")
    borne = counter.shop.bearer(counter.shop.key(ann), ann.place)
    for counter.right, bought in ((False, False), (None, True), (True, True)):
        if bought:
            assert await counter.shop.buy(borne, shop.pro)
        else:
            with pytest.raises(ForbiddenError):
                await counter.shop.buy(borne, shop.pro)


@pytest.mark.parametrize("where", ["place", "surface"])
async def test_nothing_of_stripe_is_seen_in_telegram(counter: Counter, shop: Installation, where: str) -> None:
    ann = await counter.person("Ann")
    chat = replace(ann, place=PlaceId("telegram:-5")) if where == "place" else replace(ann, surface=Surface.TELEGRAM)
    assert (await counter.stands(chat)).offers == ()
    for asked in (
        counter.shop.buy(chat, shop.pro),
        counter.shop.portal(chat, ROOM),
        counter.shop.quote(chat, shop.pro),
    ):
        with pytest.raises(NotForSaleError):
            await asked
    assert not counter.every("checkout.session")


async def test_19_what_metadata_says_counts_for_nothing(counter: Counter, shop: Installation) -> None:
    """# 19"""
    ann, ben = await counter.person("Ann"), await counter.person("Ben", THERE)
    victim = await shop.purchases.account(Subject(THERE), ben.person, livemode=False)
    bought = await counter.buys(ann, shop.pro)
    shop.sim.subscriptions.change(
        counter.subscription(bought), metadata={"app": "chorus", "account": str(victim.id), "place": THERE}
    )
    alerts = ALERTS.labels("metadata")._value.get()  # pyright: ignore[reportPrivateUsage] - the client's only way to read
    await shop.settle()
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("pro", "free")
    assert ALERTS.labels("metadata")._value.get() > alerts  # pyright: ignore[reportPrivateUsage]


async def test_20_one_checkout_is_open_for_a_place(counter: Counter, shop: Installation) -> None:
    """# 20: the same payer gets the same one; another payer or price ends it."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    first = await counter.shop.buy(ann, shop.pro)
    assert await counter.shop.buy(ann, shop.pro) == first
    second = await counter.shop.buy(ann, shop.elite)
    third = await counter.shop.buy(ben, shop.elite)
    assert [counter.session(url)["status"] for url in (first, second, third)] == ["expired", "expired", "open"]
    assert counter.session(third)["customer"] != counter.session(second)["customer"], "nobody sees another's card"
    states = [row.state for row in await shop.rows(attempts)]
    assert sorted(states) == ["expired", "expired", "open"]


async def test_20_who_paid_twice_gets_the_second_back_once(counter: Counter, shop: Installation) -> None:
    """# 20: both paid, however that came."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    kept = await counter.buys(ann, shop.pro)
    shop.clock.time += 60_000
    account = await shop.purchases.account(Subject(HERE), ben.person, livemode=False)
    customer = shop.sim.customers.create(email="ben@example.org")
    shop.sim.customers.card(customer)
    await shop.purchases.bind(account.id, customer["id"])
    extra = shop.sim.subscriptions.create(customer, [(shop.pro, 1)])
    for _ in range(3):
        await shop.settle()
    assert counter.subscription(kept)["status"] == "active"
    assert counter.subscription(extra["id"])["status"] == "canceled"
    assert [(it["amount"], it["status"]) for it in counter.every("refund")] == [(500, "succeeded")]
    assert len(await shop.told("double_refunded")) == 1
    assert await counter.plan() == "pro"


async def test_20_who_canceled_does_not_come_back_beside_somebody_else(counter: Counter, shop: Installation) -> None:
    """# 20: what ends or rests was followed by somebody else's: taking it back would be paying twice."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    await counter.buys(ann, shop.pro)
    await counter.shop.cancel(ann)
    await counter.buys(ben, shop.elite)
    with pytest.raises(PaidAlreadyError):
        await counter.shop.undo(ann)
    cyd, dan = await counter.person("Cyd", THERE), await counter.person("Dan", THERE)
    await counter.buys(cyd, shop.pro)
    await counter.shop.pause(cyd)
    await counter.buys(dan, shop.pro)
    with pytest.raises(PaidAlreadyError):
        await counter.shop.resume(cyd)
    assert not counter.every("refund")
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("elite", "pro")


async def test_20_a_checkout_that_is_being_paid_is_not_overtaken(counter: Counter, shop: Installation) -> None:
    """# 20: Stripe does not end it any more, and has not got the money yet."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    url = await counter.shop.buy(ann, shop.pro)
    shop.sim.faults.on("POST /v1/checkout/sessions/*/expire", 400, times=1)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.buy(ben, shop.pro)
    assert [row.state for row in await shop.rows(attempts)] == ["open"]
    shop.sim.checkout.pay(url)
    with pytest.raises(PaidAlreadyError):
        await counter.shop.buy(ben, shop.pro)
    assert len(counter.every("checkout.session")) == 1


async def test_20_an_attempt_is_done_only_when_what_it_bought_is_known(
    counter: Counter, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """# 20: paid between two questions of a look: whoever presses in that moment buys nothing more."""
    ann = await counter.person("Ann")
    url = await counter.shop.buy(ann, shop.pro)
    shop.sim.deliveries.hold()
    listed = shop.client.v1.subscriptions.list_async

    async def and_paid(*given: Any) -> Any:
        found = await listed(*given)
        if counter.session(url)["status"] == "open":
            shop.sim.checkout.pay(url)
        return found

    monkeypatch.setattr(shop.client.v1.subscriptions, "list_async", and_paid)
    assert await counter.shop.arrived(counter.session(url)["id"]) == HERE
    assert counter.session(url)["status"] == "complete"
    with pytest.raises(PaidAlreadyError):
        await counter.shop.buy(ann, shop.pro)
    await shop.sim.deliveries.release()
    await shop.settle()
    assert await counter.plan() == "pro"
    assert len(counter.every("checkout.session")) == 1


async def test_20_what_was_just_paid_is_not_bought_again_while_it_is_looked_at(
    counter: Counter, shop: Installation
) -> None:
    """# 20: Stripe is slow to tell: until it did, the attempt stands in the way."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    url = await counter.shop.buy(ann, shop.pro)
    shop.sim.deliveries.hold()
    shop.sim.checkout.pay(url)
    counter.slow = True
    for actor in (ann, ben, ann):
        with pytest.raises(PaidAlreadyError):
            await counter.shop.buy(actor, shop.pro)
    counter.slow = False
    with pytest.raises(PaidAlreadyError):
        await counter.shop.buy(ben, shop.pro)
    assert await counter.plan() == "pro"
    assert len(counter.every("checkout.session")) == 1
    assert {row.state for row in await shop.rows(attempts)} == {"done"}


async def test_20_what_is_brought_ends_the_checkout_that_is_open_there(counter: Counter, shop: Installation) -> None:
    """# 20: nobody pays for a place to which a subscription was just brought."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben", THERE)
    bought = await counter.buys(ann, shop.pro)
    url = await counter.shop.buy(ben, shop.pro)
    await counter.shop.transfer(replace(ann, place=PlaceId(THERE)), bought)
    assert counter.session(url)["status"] == "expired"
    assert await counter.plan(THERE) == "pro"


async def test_21_the_tab_is_closed_after_paying(counter: Counter, shop: Installation) -> None:
    """# 21: the webhook alone is enough."""
    ann = await counter.person("Ann")
    shop.sim.checkout.pay(await counter.shop.buy(ann, shop.pro))
    await shop.settle()
    assert await counter.plan() == "pro"
    assert {row.state for row in await shop.rows(attempts)} == {"done"}


async def test_21_the_payer_is_back_before_the_webhook(counter: Counter, shop: Installation) -> None:
    """# 21: what was paid is looked at, whatever the address says."""
    ann = await counter.person("Ann")
    url = await counter.shop.buy(ann, shop.pro)
    session = counter.session(url)["id"]
    shop.sim.deliveries.hold()
    assert await counter.shop.arrived(session) == HERE
    assert await counter.plan() == "free", "nothing was paid yet"
    shop.sim.checkout.pay(url)
    assert await counter.shop.arrived(session) == HERE
    assert await counter.plan() == "pro"
    for forged in ("cs_test_made_up", "", "attempt_1", session[:-1]):
        assert await counter.shop.arrived(forged) is None


async def test_23_an_upgrade_that_is_not_paid_changes_nothing(counter: Counter, shop: Installation) -> None:
    """# 23: shown as pending; it goes away by itself."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    quote = await counter.shop.quote(ann, shop.elite)
    assert quote.move is Move.UP
    assert 900 < quote.due <= 1000
    shop.sim.customers.banks[counter.subscription(bought)["customer"]] = "requires_action"
    outcome = await counter.shop.change(ann, shop.elite, quote.at)
    assert not outcome.done
    assert outcome.pay_at is not None
    stand = await counter.stands(ann)
    assert stand.plan == "pro"
    assert stand.subscription is not None
    assert stand.subscription.pending_plan == "elite"
    with pytest.raises(PayFirstError):
        await counter.shop.change(ann, shop.elite)
    await shop.move(hours=24)
    stand = await counter.stands(ann)
    assert stand.plan == "pro"
    assert stand.subscription is not None
    assert stand.subscription.pending_plan is None


@pytest.mark.parametrize("bank", ["pays", "requires_action"])
async def test_23_an_upgrade_counts_when_it_is_paid(counter: Counter, shop: Installation, bank: str) -> None:
    """# 23: at once, or after the bank's question; what it cost is what was quoted."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    shop.clock.time += 10 * DAY
    quote = await counter.shop.quote(ann, shop.elite)
    shop.sim.customers.banks[counter.subscription(bought)["customer"]] = bank
    outcome = await counter.shop.change(ann, shop.elite, quote.at)
    assert outcome.done is (bank == "pays")
    invoice = shop.sim.objects.get("invoice", str(counter.subscription(bought)["latest_invoice"]))
    assert invoice["amount_due"] == quote.due
    if bank == "requires_action":
        shop.sim.invoices.collect(invoice, "pays")
        await shop.settle()
    assert await counter.plan() == "elite"
    items = counter.subscription(bought)["items"]["data"]
    assert [it["price"]["id"] for it in items] == [shop.elite], "changed, not added"


@pytest.mark.parametrize("moment", ["end of the period", "before the period", "an hour ago"])
async def test_23_only_what_was_quoted_just_now_is_charged(counter: Counter, shop: Installation, moment: str) -> None:
    """# 23: whoever chooses the moment by themselves would pay less, or nothing."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    (item,) = counter.subscription(bought)["items"]["data"]
    if moment == "before the period":
        await shop.move(days=(item["current_period_end"] - shop.clock.now() // 1000) / 86_400 - 0.001)
    else:
        shop.clock.time += 10 * DAY
    at = (await counter.shop.quote(ann, shop.elite)).at
    (item,) = counter.subscription(bought)["items"]["data"]
    chosen = {"end of the period": item["current_period_end"] - 1, "an hour ago": at - 3600}.get(moment, at)
    if moment == "before the period":
        await shop.move(minutes=5)
    invoices = len(counter.every("invoice"))
    with pytest.raises(OldQuoteError):
        await counter.shop.change(ann, shop.elite, chosen)
    assert (await counter.plan(), len(counter.every("invoice"))) == ("pro", invoices)


async def test_30_a_clock_that_is_slow_stands_in_nobodys_way(counter: Counter, shop: Installation) -> None:
    """# 30: the period began ten minutes from now, as it seems here."""
    ann = await counter.person("Ann")
    url = await counter.shop.buy(ann, shop.pro)
    shop.sim.checkout.pay(url)
    shop.clock.time -= 600_000
    await shop.settle()
    assert await counter.plan() == "pro"
    quote = await counter.shop.quote(ann, shop.elite)
    assert quote.due == 1000
    await counter.shop.change(ann, shop.elite, quote.at)
    assert await counter.plan() == "elite"


async def test_24_a_downgrade_waits_for_the_end_of_what_is_paid(counter: Counter, shop: Installation) -> None:
    """# 24: shown with its date; it can be taken back."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.elite)
    quote = await counter.shop.quote(ann, shop.pro)
    assert (quote.move, quote.due) == (Move.DOWN, 0)
    outcome = await counter.shop.change(ann, shop.pro, quote.at)
    assert outcome.begins == quote.begins
    stand = await counter.stands(ann)
    assert stand.plan == "elite"
    assert stand.subscription is not None
    assert (stand.subscription.next_plan, stand.subscription.until) == ("pro", quote.begins)
    with pytest.raises(EndsAlreadyError):
        await counter.shop.change(ann, shop.pro)
    await counter.shop.undo(ann)
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert stand.subscription.next_plan is None
    await counter.shop.change(ann, shop.pro)
    paid = len(counter.every("invoice"))
    await shop.move(days=33)
    assert await counter.plan() == "pro"
    assert len(counter.every("invoice")) == paid + 1
    assert counter.subscription(bought)["status"] == "active"
    assert shop.sim.failures == []


@pytest.mark.parametrize("then", ["raised", "paused", "lowered half way"])
async def test_24_after_a_downgrade_everything_can_be_changed_again(
    counter: Counter, shop: Installation, then: str
) -> None:
    """# 24: the schedule that lowered it holds on for a period more, or was left half made by a crash of ours."""
    ann = await counter.person("Ann")
    bought = counter.subscription(await counter.buys(ann, shop.elite))
    if then == "lowered half way":
        await shop.client.v1.subscription_schedules.create_async({"from_subscription": bought["id"]})
        await counter.shop.change(ann, shop.pro)
    else:
        await counter.shop.change(ann, shop.pro)
    await shop.move(days=33)
    assert await counter.plan() == "pro"
    assert bought["schedule"] is not None
    with pytest.raises(NothingToTakeBackError):
        await counter.shop.undo(ann)
    if then == "paused":
        await counter.shop.pause(ann)
        assert bought["status"] == "paused"
    else:
        quote = await counter.shop.quote(ann, shop.elite)
        assert quote.move is Move.UP
        await counter.shop.change(ann, shop.elite, quote.at)
        assert await counter.plan() == "elite"
        await shop.move(days=33)
        assert await counter.plan() == "elite"
    assert shop.sim.failures == []


async def test_24_a_downgrade_keeps_the_discount(counter: Counter, shop: Installation) -> None:
    """# 24: a code that gives half off for ever does so before and after."""
    ann = await counter.person("Ann")
    coupon = shop.sim.catalog.coupon(percent_off=50, duration="forever")
    shop.sim.catalog.promotion_code("HALF", coupon["id"])
    url = await counter.shop.buy(ann, shop.elite)
    shop.sim.checkout.pay(url, promotion_code="HALF")
    await shop.settle()
    await counter.shop.change(ann, shop.pro)
    bought = counter.session(url)["subscription"]
    assert len(counter.subscription(bought)["discounts"]) == 1
    await shop.move(days=33)
    assert [it["amount_paid"] for it in counter.every("invoice")] == [750, 250]
    assert await counter.plan() == "pro"
    await shop.move(days=31)
    assert [it["amount_paid"] for it in counter.every("invoice")] == [750, 250, 250]
    assert shop.sim.failures == []


async def test_24_a_downgrade_that_fails_half_way_leaves_nothing(counter: Counter, shop: Installation) -> None:
    """# 24: the schedule was made, its phases were not: it stands in nobody's way."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.elite)
    shop.sim.faults.on("POST /v1/subscription_schedules/sub_sched_*", 400, times=1)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.change(ann, shop.pro)
    assert counter.subscription(bought)["schedule"] is None
    await counter.shop.change(ann, shop.pro)
    assert counter.subscription(bought)["schedule"] is not None


async def test_24_what_was_canceled_at_stripes_own_page_is_taken_back_here(
    counter: Counter, shop: Installation
) -> None:
    """# 24: there flexible subscriptions get a date to end by, not the mark that they end."""
    ann = await counter.person("Ann")
    bought = counter.subscription(await counter.buys(ann, shop.pro))
    shop.sim.changes.update(bought, {"cancel_at": "max_period_end"})
    await shop.settle()
    assert not bought["cancel_at_period_end"]
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert stand.subscription.ends_at is not None
    await counter.shop.undo(ann)
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert stand.subscription.ends_at is None
    await shop.move(days=33)
    assert await counter.plan() == "pro", "renewed"


async def test_what_was_made_by_hand_gives_its_plan_and_is_not_changed_by_us(
    counter: Counter, shop: Installation
) -> None:
    """In Stripe's dashboard, with something else in it, for somebody who never went through our checkout."""
    ann = await counter.person("Ann")
    await counter.shop.buy(ann, shop.pro)
    (account,) = await shop.rows(accounts)
    customer = shop.sim.objects.get("customer", account.customer)
    shop.sim.customers.card(customer)
    made = shop.sim.subscriptions.create(customer, [(shop.pro, 1), (shop.strange, 1)])
    await shop.settle()
    assert await counter.plan() == "pro"
    with pytest.raises(PaidAlreadyError):
        await counter.shop.buy(ann, shop.pro)
    for asked in (counter.shop.quote(ann, shop.elite), counter.shop.change(ann, shop.elite)):
        with pytest.raises(NotForSaleError):
            await asked
    await counter.shop.cancel(ann)
    assert [it["price"]["id"] for it in made["items"]["data"]] == [shop.pro, shop.strange]
    await shop.move(days=33)
    assert (made["status"], await counter.plan()) == ("canceled", "free")


async def test_a_subscription_keeps_its_currency(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    await counter.buys(ann, shop.pro)
    euros = shop.sim.catalog.price(1400, "eur", product="Elite")["id"]
    shop.plans.sales["elite"] = replace(shop.plans.sales["elite"], prices=[shop.elite, euros])
    shop.clock.time += 700_000
    assert euros in [it.price for it in await counter.shop.offers()]
    for asked in (counter.shop.quote(ann, euros), counter.shop.change(ann, euros)):
        with pytest.raises(NotForSaleError):
            await asked
    assert (await counter.shop.quote(ann, shop.elite)).due > 0


async def test_24_what_was_canceled_goes_on_until_its_end_or_for_ever(counter: Counter, shop: Installation) -> None:
    """# 24: cancel, then take it back; cancel for good."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    bought = await counter.buys(ann, shop.pro)
    for act in (counter.shop.cancel, counter.shop.pause, counter.shop.undo):
        with pytest.raises(NoSubscriptionError):
            await act(ben)
    with pytest.raises(NothingToTakeBackError):
        await counter.shop.undo(ann)
    outcome = await counter.shop.cancel(ann)
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert (stand.plan, stand.subscription.ends_at) == ("pro", outcome.begins)
    await counter.shop.undo(ann)
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert stand.subscription.ends_at is None
    await shop.move(days=32)
    assert await counter.plan() == "pro", "renewed"
    await counter.shop.cancel(ann)
    with pytest.raises(EndsAlreadyError):
        await counter.shop.change(ann, shop.elite)
    await shop.move(days=32)
    assert await counter.plan() == "free"
    assert counter.subscription(bought)["status"] == "canceled"
    assert await counter.shop.buy(ann, shop.pro), "and again from the beginning"


async def test_a_pause_rests_the_plan_and_goes_on_when_paid(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    await counter.buys(ann, shop.pro)
    await counter.shop.pause(ann)
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert (stand.plan, stand.subscription.paused) == ("free", True)
    await shop.move(days=40)
    assert await counter.plan() == "free"
    outcome = await counter.shop.resume(ann)
    assert outcome.done
    assert await counter.plan() == "pro"
    with pytest.raises(NothingToTakeBackError):
        await counter.shop.resume(ann)


async def test_29_a_button_mashed_is_one_checkout(counter: Counter, shop: Installation) -> None:
    """# 29: twenty presses, one session and one customer."""
    ann = await counter.person("Ann")
    urls = await counter.mash(20, ann, shop.pro)
    assert len(set(urls)) == 1, urls
    assert len(counter.every("checkout.session")) == 1
    assert len(counter.every("customer")) == 1


async def test_29_an_upgrade_confirmed_twice_is_paid_once(counter: Counter, shop: Installation) -> None:
    """# 29: the quote is the idempotency key."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    quote = await counter.shop.quote(ann, shop.elite)
    await counter.shop.change(ann, shop.elite, quote.at)
    with pytest.raises(NotForSaleError):
        await counter.shop.change(ann, shop.elite, quote.at)
    charged = [it["amount_paid"] for it in counter.every("invoice")]
    assert charged == [500, quote.due]
    assert await counter.plan() == "elite"
    assert len(counter.subscription(bought)["items"]["data"]) == 1


async def test_29_a_key_that_was_used_for_something_else_is_left_behind(counter: Counter, shop: Installation) -> None:
    """# 29: the answer was lost, then asked for with other words: a new attempt."""
    ann = await counter.person("Ann")
    shop.sim.faults.on("POST /v1/checkout/sessions", times=3, drop=True, after=True)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.buy(ann, shop.pro)
    assert [row.state for row in await shop.rows(attempts)] == ["open"]
    moved = Counter(shop, page="https://elsewhere.example.org")
    url = await moved.shop.buy(ann, shop.pro)
    assert counter.session(url)["status"] == "open"
    assert sorted(row.state for row in await shop.rows(attempts)) == ["failed", "open"]


async def test_29_a_lost_answer_is_asked_for_again(counter: Counter, shop: Installation) -> None:
    """# 29: the same words under the same key are the same session."""
    ann = await counter.person("Ann")
    shop.sim.faults.on("POST /v1/checkout/sessions", times=3, drop=True, after=True)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.buy(ann, shop.pro)
    await counter.shop.buy(ann, shop.pro)
    assert len(counter.every("checkout.session")) == 1


async def test_29_what_is_being_made_is_not_given_up(counter: Counter, shop: Installation) -> None:
    """# 29: Stripe is slow, and the button is pressed again, by somebody else too: one session can be paid, not two."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben")
    shop.sim.faults.on("POST /v1/checkout/sessions", times=1, delay=8, after=True)
    first = asyncio.create_task(counter.shop.buy(ann, shop.pro))
    await until(lambda: shop.sim.faults.waiting[0].struck, what="the first is on its way")
    again = await asyncio.gather(*(counter.shop.buy(it, shop.pro) for it in (ann, ben)), return_exceptions=True)
    assert [type(it) for it in again] == [PaymentsUnavailableError] * 2
    url = await first
    assert [row.state for row in await shop.rows(attempts)] == ["open"]
    assert await counter.shop.buy(ann, shop.pro) == url
    await counter.shop.buy(ben, shop.pro)
    assert [it["status"] for it in counter.every("checkout.session")] == ["expired", "open"]


async def test_29_an_error_that_stripe_repeats_is_left_behind(counter: Counter, shop: Installation) -> None:
    """# 29: a stored 500 comes back for a day under its key."""
    ann = await counter.person("Ann")
    shop.sim.faults.on("POST /v1/checkout/sessions", 500, times=1, after=True)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.buy(ann, shop.pro)
    assert await counter.shop.buy(ann, shop.pro)


async def test_a_customer_who_was_deleted_is_made_anew(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    shop.sim.customers.delete(str(counter.subscription(bought)["customer"]))
    await shop.settle()
    assert await counter.plan() == "free"
    await counter.buys(ann, shop.elite)
    assert await counter.plan() == "elite"


async def test_29_an_attempt_that_is_nearly_over_is_left_behind(counter: Counter, shop: Installation) -> None:
    """# 29: we died before it had a session; Stripe takes none that ends in less than half an hour."""
    ann = await counter.person("Ann")
    shop.sim.faults.on("POST /v1/checkout/sessions", times=3, drop=True)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.buy(ann, shop.pro)
    shop.clock.time += 6 * 60_000
    assert await counter.shop.buy(ann, shop.pro)
    assert sorted(row.state for row in await shop.rows(attempts)) == ["expired", "open"]


async def test_an_attempt_with_another_key_is_in_nobodys_way(counter: Counter, shop: Installation) -> None:
    """From test keys to live ones: what was made with the former is not there any more."""
    ann = await counter.person("Ann")
    url = await counter.shop.buy(ann, shop.pro)
    shop.sim.objects.remove(counter.session(url)["id"])
    assert await counter.shop.buy(ann, shop.pro) != url
    assert sorted(row.state for row in await shop.rows(attempts)) == ["expired", "open"]


async def test_a_checkout_whose_end_was_not_told_is_closed_within_the_hour(shop: Installation) -> None:
    """So its trial can be had again, by the same person for another place."""
    counter = Counter(shop, trial_days=14)
    ann = await counter.person("Ann")
    await counter.shop.buy(ann, shop.pro)
    shop.sim.events.never.append("*")
    await shop.move(hours=1)
    await shop.reconciler.about_to_change()
    await shop.settle()
    assert [row.state for row in await shop.rows(attempts)] == ["expired"]
    assert (await counter.stands(replace(ann, place=PlaceId("discord:3")))).trial_days == 14


async def test_32_an_attempt_that_led_nowhere_costs_no_trial(shop: Installation) -> None:
    """# 32: Stripe was away; nobody could pay by it."""
    counter = Counter(shop, trial_days=14)
    ann = await counter.person("Ann")
    shop.sim.faults.on("POST /v1/checkout/sessions", times=3, drop=True)
    with pytest.raises(PaymentsUnavailableError):
        await counter.shop.buy(ann, shop.pro)
    there = replace(ann, place=PlaceId(THERE))
    assert (await counter.stands(there)).trial_days == 0, "it may still be asked for again"
    await shop.move(hours=1)
    assert (await counter.stands(there)).trial_days == 14


async def test_everything_that_is_asked_for_has_a_key_against_doing_it_twice(
    counter: Counter, shop: Installation
) -> None:
    ann = await counter.person("Ann")
    await counter.buys(ann, shop.elite)
    await counter.shop.change(ann, shop.pro)
    await counter.shop.undo(ann)
    await counter.shop.cancel(ann)
    await counter.shop.undo(ann)
    await counter.shop.pause(ann)
    await counter.shop.resume(ann)
    await counter.shop.portal(ann, ROOM)
    asked = [it for it in shop.sim.requests if it.method == "POST"]
    assert len({it.endpoint for it in asked}) >= 8
    assert not [it for it in asked if "idempotency-key" not in it.headers]


async def test_31_a_subscription_is_brought_to_another_place(counter: Counter, shop: Installation) -> None:
    """# 31: the guild is gone; what is paid counts elsewhere, and can come back. Audited."""
    ann, ben = await counter.person("Ann"), await counter.person("Ben", THERE)
    bought = await counter.buys(ann, shop.pro)
    there = replace(ann, place=PlaceId(THERE))
    assert [(it[0], it[1]) for it in (await counter.stands(there)).elsewhere] == [(bought, HERE)]
    with pytest.raises(ForbiddenError):
        await counter.shop.transfer(replace(there, admin=False), bought)
    with pytest.raises(NoSubscriptionError):
        await counter.shop.transfer(ben, bought)
    over = await counter.buys(replace(ann, place=PlaceId("discord:3")), shop.pro)
    shop.sim.subscriptions.end(counter.subscription(over))
    await shop.settle()
    with pytest.raises(NoSubscriptionError):
        await counter.shop.transfer(there, over)
    await counter.shop.transfer(there, bought)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("free", "pro")
    await shop.move(days=32)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("free", "pro"), "renewed there"
    moved = [row for row in await shop.rows(audit) if row.action == "plan.transferred"]
    assert {row.place for row in moved} == {HERE, THERE}
    assert len(await shop.told("transferred")) > 0
    await counter.shop.transfer(ann, bought)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("pro", "free")


async def test_31_payers_are_told_that_the_bot_was_put_out(counter: Counter, shop: Installation) -> None:
    """# 31: the guild is gone: what is paid goes on until the payer says otherwise, and they hear of it once."""
    ann = await counter.person("Ann")
    await counter.buys(ann, shop.pro)
    await counter.shop.left(PlaceId(HERE))
    await counter.shop.left(PlaceId(HERE))
    await counter.shop.left(PlaceId(THERE))
    assert [row.person for row in await shop.told("place_gone")] == [ann.person]
    await counter.shop.cancel(ann)
    shop.clock.time += 2 * DAY
    await counter.shop.left(PlaceId(HERE))
    assert len(await shop.told("place_gone")) == 1, "who canceled need not hear of it"


async def test_31_two_places_of_one_payer_do_not_mix(counter: Counter, shop: Installation) -> None:
    """# 31: a place that is paid for takes no second plan."""
    ann = await counter.person("Ann")
    there = replace(ann, place=PlaceId(THERE))
    first = await counter.buys(ann, shop.pro)
    await counter.buys(there, shop.elite)
    with pytest.raises(PaidAlreadyError):
        await counter.shop.transfer(there, first)
    await counter.shop.cancel(there)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("pro", "elite")
    await shop.move(days=32)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("pro", "free")
    await counter.shop.transfer(there, first)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("free", "pro")


async def test_31_a_chat_that_gets_another_id_keeps_what_was_bought(shop: Installation) -> None:
    """# 31: the group became a supergroup; what its payers pay, and that it had its trial, goes with it."""
    counter = Counter(shop, trial_days=14)
    ann = await counter.person("Ann")
    await counter.buys(ann, shop.pro)
    await SqlChats(shop.database).move(PlaceId(HERE), PlaceId(THERE))
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("free", "pro")
    await shop.move(days=50)
    assert (await counter.plan(HERE), await counter.plan(THERE)) == ("free", "pro"), "renewed"
    assert (await counter.stands(await counter.person("Ben", THERE))).trial_days == 0


async def test_31_who_is_forgotten_leaves_the_books_in_order(counter: Counter, shop: Installation) -> None:
    """# 31: the payer asks to be forgotten; nobody is called by their name, and the place keeps what was paid."""
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    await PersonalData(shop.database, shop.clock).forget(ann.person)
    assert not [row for row in await shop.rows(accounts) if row.person == ann.person]
    assert not [row for row in await shop.rows(trials) if ann.person in row.subject]
    await shop.move(days=32)
    assert counter.subscription(bought)["status"] == "active"
    assert await counter.plan() == "pro"


async def test_32_one_trial_for_a_place_and_for_a_person(shop: Installation) -> None:
    """# 32: the bot asked in anew, another payer of the guild, another guild of the payer."""
    counter = Counter(shop, trial_days=14)
    ann, ben, cyd = await counter.person("Ann"), await counter.person("Ben"), await counter.person("Cyd", THERE)
    assert (await counter.stands(ann)).trial_days == 14
    bought = await counter.buys(ann, shop.pro)
    assert counter.subscription(bought)["status"] == "trialing"
    assert await counter.plan() == "pro"
    await counter.shop.cancel(ann)
    await shop.move(days=15)
    assert await counter.plan() == "free"
    for again in (ann, ben, replace(ann, place=PlaceId(THERE))):
        assert (await counter.stands(again)).trial_days == 0
        await counter.shop.buy(again, shop.pro)
        made = shop.sim.called("POST", "/v1/checkout/sessions")[-1]
        assert "trial_period_days" not in made.params["subscription_data"]
    assert (await counter.stands(replace(cyd, place=PlaceId("discord:3")))).trial_days == 14


async def test_32_a_trial_is_kept_while_it_is_asked_for(shop: Installation) -> None:
    """# 32: two checkouts at once are one trial; one that came to nothing is none."""
    counter = Counter(shop, trial_days=14)
    ann = await counter.person("Ann")
    there = replace(ann, place=PlaceId(THERE))
    url = await counter.shop.buy(ann, shop.pro)
    await counter.shop.buy(there, shop.pro)
    days = [
        it.params["subscription_data"].get("trial_period_days")
        for it in shop.sim.called("POST", "/v1/checkout/sessions")
    ]
    assert [str(it) for it in days] == ["14", "None"]
    shop.sim.checkout.abandon(url)
    await shop.settle()
    await shop.move(hours=1)
    assert (await counter.stands(replace(ann, place=PlaceId("discord:3")))).trial_days == 14
    await counter.shop.buy(ann, shop.pro)
    assert {row.ref for row in await shop.rows(trials)} == {
        row.id for row in await shop.rows(attempts) if row.trial_days and row.state == "open"
    }


async def test_35_the_highest_of_what_is_left_counts(counter: Counter, shop: Installation) -> None:
    """# 35: Stripe's Pro, Discord's Elite and a gift; whichever ends, no gap."""
    given = SqlGrants(shop.database, shop.clock)
    place, ann = Subject(HERE), await counter.person("Ann")
    await counter.buys(ann, shop.pro)
    discord = await given.give(GrantSource.DISCORD, place, "elite", until=shop.clock.now() + 20 * DAY, ref="e1")
    await given.give(GrantSource.OPERATOR, place, "elite", until=shop.clock.now() + 10 * DAY)
    assert await counter.plan() == "elite"
    assert [it.source for it in (await counter.stands(ann)).reasons][2:] == [GrantSource.STRIPE]
    await given.revoke(discord.id)
    assert await counter.plan() == "elite", "the gift"
    await shop.move(days=11)
    assert await counter.plan() == "pro", "what Stripe sold"
    await counter.shop.cancel(ann)
    await shop.move(days=25)
    assert await counter.plan() == "free"


async def test_nobody_pays_here_for_what_discord_sold(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    given = SqlGrants(shop.database, shop.clock)
    await given.give(GrantSource.DISCORD, Subject(HERE), "pro", until=shop.clock.now() + 20 * DAY, ref="e1")
    with pytest.raises(PaidAlreadyError):
        await counter.shop.buy(ann, shop.pro)
    assert await counter.shop.buy(ann, shop.elite)


async def test_discord_offers_what_is_above_the_plan_alone(shop: Installation) -> None:
    sales = {PRO: Sale(PRO, sku=1, sku_price=500), ELITE: Sale(ELITE, sku=2, sku_price=1500)}
    shop.plans = Plans({name: Limits(name) for name in (FREE, PRO, ELITE)}, FREE, sales)
    counter, given = Counter(shop), SqlGrants(shop.database, shop.clock)
    ann = await counter.person("Ann")
    for plan, above in ((FREE, [(PRO, 1), (ELITE, 2)]), (PRO, [(ELITE, 2)]), (ELITE, [])):
        if plan != FREE:
            await given.give(GrantSource.OPERATOR, Subject(HERE), plan, until=shop.clock.now() + DAY)
        assert await counter.plan() == plan
        assert (await counter.shop.standing(ann)).skus == above


async def test_trouble_is_shown_and_settled_first(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    bought = await counter.buys(ann, shop.pro)
    shop.sim.customers.banks[counter.subscription(bought)["customer"]] = "declines"
    await shop.move(days=31, hours=2)
    stand = await counter.stands(ann)
    assert stand.subscription is not None
    assert stand.subscription.trouble is Trouble.PAST_DUE
    assert stand.subscription.grace_until is not None
    assert stand.plan == "pro"
    with pytest.raises(PayFirstError):
        await counter.shop.change(ann, shop.elite)
    assert (await counter.shop.portal(ann, ROOM)).startswith("http")
    with pytest.raises(NoSubscriptionError):
        await counter.shop.portal(await counter.person("Ben"), ROOM)
    shop.sim.subscriptions.dunning = "past_due"
    await shop.move(days=8)
    stand = await counter.stands(ann)
    assert (stand.plan, stand.subscription and stand.subscription.trouble) == ("free", Trouble.UNPAID)


async def test_whose_payment_is_disputed_buys_nothing(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    account = await shop.purchases.account(Subject(HERE), ann.person, livemode=False)
    await freeze(shop, account.id)
    with pytest.raises(PurchasesFrozenError):
        await counter.shop.buy(replace(ann, place=PlaceId(THERE)), shop.pro)


async def freeze(shop: Installation, account: int) -> None:
    async with shop.database.write() as connection:
        await connection.execute(update(accounts).where(accounts.c.id == account).values(frozen_at=1))


async def test_a_key_is_for_one_place_and_ten_minutes(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    key = counter.shop.key(ann)
    borne = counter.shop.bearer(key, ann.place)
    assert (borne.person, borne.admin, borne.surface) == (ann.person, True, Surface.WEB)
    with pytest.raises(OldLinkError):
        counter.shop.bearer(key, PlaceId(THERE))
    for forged in ("", ".", "x.y", key[:-1], key.replace(".", "")):
        with pytest.raises(OldLinkError):
            counter.shop.bearer(forged, ann.place)
    shop.clock.time += 600_000
    with pytest.raises(OldLinkError):
        counter.shop.bearer(key, ann.place)


async def test_while_stripe_is_away_everybody_keeps_what_they_have(counter: Counter, shop: Installation) -> None:
    ann = await counter.person("Ann")
    await counter.buys(ann, shop.pro)
    fresh: Any = Counter(shop)
    shop.sim.faults.on("*", 500, times=200)
    stand = await fresh.stands(ann)
    assert (stand.plan, stand.offers) == ("pro", ())
    with pytest.raises(PaymentsUnavailableError):
        await fresh.shop.cancel(ann)
