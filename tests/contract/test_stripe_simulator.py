"""The simulated Stripe, through stripe-python's classes: what it answers loads, what it refuses is refused."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp import web

from tests.simulators.stripe import Script, StripeSimulator, reversed_events
from tests.simulators.stripe.periods import period_end
from tests.waiting import until

DAY = 86_400
URLS = {"success_url": "https://chorus.example/thanks?session={CHECKOUT_SESSION_ID}"}


class Rig:
    """A client, a plan of 5 a month and one of 15."""

    def __init__(self, sim: StripeSimulator, client: stripe.StripeClient) -> None:
        self.sim, self.v1 = sim, client.v1
        self.client = client
        self.pro = sim.catalog.price(500, product="Pro")["id"]
        self.elite = sim.catalog.price(1500, product="Elite")["id"]

    async def session(self, price: str = "", **more: Any) -> stripe.checkout.Session:
        """Of somebody new, unless `customer` is named."""
        params: dict[str, Any] = {
            "mode": "subscription",
            "line_items": [{"price": price or self.pro, "quantity": 1}],
            **URLS,
            **more,
        }
        if "customer" not in params:
            params["customer"] = (await self.v1.customers.create_async({"email": "ann@example.org"})).id
        return await self.v1.checkout.sessions.create_async(params)  # pyright: ignore[reportArgumentType] - built up

    async def bought(self, price: str = "", **more: Any) -> stripe.Subscription:
        """A subscription through Checkout."""
        session = await self.session(price, **more)
        assert session.url
        row = self.sim.checkout.pay(session.url)
        return await self.v1.subscriptions.retrieve_async(row["subscription"])

    async def upgrade(self, subscription: stripe.Subscription, **more: Any) -> stripe.Subscription:
        item = subscription["items"].data[0].id
        params: Any = {
            "items": [{"id": item, "price": self.elite}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
            **more,
        }
        return await self.v1.subscriptions.update_async(subscription.id, params)

    async def again(self, subscription: stripe.Subscription) -> stripe.Subscription:
        return await self.v1.subscriptions.retrieve_async(subscription.id)

    def types(self) -> list[str]:
        """Of the events so far."""
        return [row["type"] for row in self.sim.objects.every("event")]


class Listener:
    """An endpoint that takes what is signed; `refusals`: how often it says 500 first."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.url = ""
        self.heard: list[stripe.Event] = []
        self.bad = 0
        self.refusals = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            event = stripe.Webhook.construct_event(body, request.headers["Stripe-Signature"], self.secret)
        except stripe.SignatureVerificationError:
            self.bad += 1
            return web.Response(status=400)
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=500)
        self.heard.append(event)
        return web.Response()

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.heard]


def client_of(sim: StripeSimulator, http: stripe.HTTPXClient, key: str = "", retries: int = 0) -> stripe.StripeClient:
    addresses: Any = {"api": sim.url}
    return stripe.StripeClient(key or sim.key, http_client=http, max_network_retries=retries, base_addresses=addresses)


@pytest.fixture
async def http() -> AsyncIterator[stripe.HTTPXClient]:
    client = stripe.HTTPXClient(timeout=2)
    yield client
    await client.close_async()


@pytest.fixture
async def rig(http: stripe.HTTPXClient) -> AsyncIterator[Rig]:
    async with StripeSimulator.start() as sim:
        yield Rig(sim, client_of(sim, http))
        assert not sim.failures, sim.failures


async def served(handler: Any) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


@pytest.fixture
async def listener(rig: Rig) -> AsyncIterator[Listener]:
    """Told of what happens to subscriptions."""
    listener = Listener(rig.sim.secret)
    runner, listener.url = await served(listener.take)
    rig.sim.webhook(listener.url, "customer.subscription.*")
    yield listener
    await runner.cleanup()


# ---- shapes


async def test_a_subscription_has_the_fields_of_the_pinned_version(rig: Rig) -> None:
    sub = await rig.bought(subscription_data={"metadata": {"attempt": "1"}})
    sub = await rig.v1.subscriptions.retrieve_async(
        sub.id, {"expand": ["latest_invoice.payments", "customer", "discounts"]}
    )
    (item,) = sub["items"].data
    assert item.current_period_start == rig.sim.now()
    assert item.current_period_end - item.current_period_start in {days * DAY for days in (28, 29, 30, 31)}
    assert (item.price.id, item.quantity, sub.discounts) == (rig.pro, 1, [])
    for gone in ("current_period_end", "current_period_start", "plan", "quantity", "discount"):
        assert gone not in sub
    assert sub.pending_update is None
    assert sub.pause_collection is None
    assert sub.metadata["attempt"] == "1"
    assert isinstance(sub.customer, stripe.Customer)
    invoice = sub.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == sub.id
    assert invoice.parent.subscription_details.metadata
    assert invoice.parent.subscription_details.metadata["attempt"] == "1"
    for gone in ("subscription", "subscription_details", "payment_intent", "charge", "paid", "discount", "tax"):
        assert gone not in invoice
    assert (invoice.status, invoice.discounts, invoice.total_taxes) == ("paid", [], [])
    (line,) = invoice.lines.data
    assert line.pricing
    assert line.pricing.price_details
    assert line.pricing.price_details.price == rig.pro
    assert line.parent
    assert line.parent.subscription_item_details
    assert line.parent.subscription_item_details.subscription_item == item.id
    assert line.parent.subscription_item_details.proration is False
    for gone in ("price", "plan", "proration", "subscription_item"):
        assert gone not in line
    assert invoice.payments
    (payment,) = invoice.payments.data
    assert payment.payment.type == "payment_intent"
    intent = await rig.v1.payment_intents.retrieve_async(str(payment.payment.payment_intent))
    assert "charges" not in intent
    assert "invoice" not in intent
    assert isinstance(intent.latest_charge, str)
    charge = await rig.v1.charges.retrieve_async(intent.latest_charge)
    assert "invoice" not in charge
    assert (charge.paid, charge.amount, charge.payment_intent) == (True, 500, intent.id)


async def test_what_is_included_only_when_asked_for(rig: Rig) -> None:
    session = await rig.session()
    assert "line_items" not in session
    assert session.url
    rig.sim.checkout.pay(session.url)
    session = await rig.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["line_items", "invoice"]})
    assert session.line_items
    price = session.line_items.data[0].price
    assert price
    assert price.id == rig.pro
    assert isinstance(session.invoice, stripe.Invoice)
    assert "payments" not in session.invoice
    assert "confirmation_secret" not in session.invoice
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await rig.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["nothing"]})


async def test_a_charge_leads_to_its_subscription(rig: Rig) -> None:
    sub = await rig.bought()
    (charge,) = rig.sim.objects.every("charge")
    found = await rig.v1.invoice_payments.list_async(
        {"payment": {"type": "payment_intent", "payment_intent": charge["payment_intent"]}}
    )
    (payment,) = found.data
    assert (payment.status, payment.amount_paid) == ("paid", 500)
    assert isinstance(payment.invoice, str)
    invoice = await rig.v1.invoices.retrieve_async(payment.invoice)
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == sub.id


async def test_discounts_name_their_source(rig: Rig) -> None:
    coupon = rig.sim.catalog.coupon(percent_off=20, duration="forever")
    promotion = rig.sim.catalog.promotion_code("SAVE", coupon["id"])
    session = await rig.session(allow_promotion_codes=True)
    rig.sim.checkout.pay(session.id, promotion_code="SAVE")
    done = await rig.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["subscription.discounts"]})
    assert (done.amount_subtotal, done.amount_total) == (500, 400)
    assert isinstance(done.subscription, stripe.Subscription)
    (discount,) = done.subscription.discounts
    assert isinstance(discount, stripe.Discount)
    assert (discount.source.coupon, discount.promotion_code) == (coupon["id"], promotion["id"])
    codes = await rig.v1.promotion_codes.list_async({"code": "SAVE", "expand": ["data.promotion.coupon"]})
    assert isinstance(codes.data[0].promotion.coupon, stripe.Coupon)
    rig.sim.advance(days=32)
    invoice = rig.sim.objects.every("invoice")[-1]
    assert invoice["amount_paid"] == 400


async def test_what_costs_nothing_needs_no_payment(rig: Rig) -> None:
    coupon = rig.sim.catalog.coupon(percent_off=100)
    session = await rig.session(discounts=[{"coupon": coupon["id"]}], payment_method_collection="if_required")
    done = rig.sim.checkout.pay(session.id)
    assert (done["payment_status"], done["amount_total"]) == ("no_payment_required", 0)
    sub = await rig.v1.subscriptions.retrieve_async(done["subscription"])
    assert (sub.status, sub.default_payment_method) == ("active", None)


async def test_events_have_the_pinned_version(rig: Rig) -> None:
    await rig.v1.customers.create_async({"name": "Ann"}, {"idempotency_key": "cust:1"})
    events = await rig.v1.events.list_async({"types": ["customer.created"]})
    (event,) = events.data
    assert event.api_version == stripe.api_version
    assert event.request
    assert event.request.idempotency_key == "cust:1"
    assert event.data.object["name"] == "Ann"
    assert "account" not in event
    again = await rig.v1.events.retrieve_async(event.id)
    assert again.to_dict() == event.to_dict()


# ---- strictness


async def test_what_is_refused(rig: Rig) -> None:
    refused_ones: list[tuple[dict[str, Any], str]] = [
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"no_such_thing": 1}, "no_such_thing"),
        ({"subscription_data": {"trial_days": 7}}, "subscription_data[trial_days]"),
        ({"expires_at": rig.sim.now() + 60}, "expires_at"),
        ({"mode": "donation"}, "mode"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"payment_intent_data": {"metadata": {}, "description": "x"}}, "payment_intent_data"),
        ({"customer": "cus_none"}, "customer"),
    ]
    for params, param in refused_ones:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await rig.session(**params)
        assert refused.value.param == param
        assert refused.value.http_status == 400
    sub = await rig.bought()
    with pytest.raises(stripe.InvalidRequestError, match="billing_cycle_anchor"):
        await rig.upgrade(sub, billing_cycle_anchor="now")
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription") as missing:
        await rig.v1.subscriptions.retrieve_async("sub_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")


async def test_keys_and_versions(rig: Rig, http: stripe.HTTPXClient) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        await client_of(rig.sim, http, "sk_test_wrong").v1.customers.list_async()
    with pytest.raises(stripe.InvalidRequestError, match="API version"):
        await rig.v1.customers.list_async(options={"stripe_version": "2020-08-27"})
    async with aiohttp.ClientSession() as session, session.get(f"{rig.sim.url}/v1/customers") as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_pages_of_lists(rig: Rig) -> None:
    made = [(await rig.v1.customers.create_async({"name": str(n)})).id for n in range(7)]
    first = await rig.v1.customers.list_async({"limit": 3})
    assert [row.id for row in first.data] == made[:3:-1]
    assert first.has_more
    everyone = [row.id async for row in first.auto_paging_iter()]
    assert everyone == made[::-1]
    before = await rig.v1.customers.list_async({"limit": 2, "ending_before": made[0]})
    assert [row.id for row in before.data] == [made[2], made[1]]


# ---- idempotency and faults


async def test_an_idempotency_key_gives_the_first_answer_again(rig: Rig) -> None:
    options: stripe.RequestOptions = {"idempotency_key": "attempt-1"}
    first = await rig.v1.customers.create_async({"name": "Ann"}, options)
    again = await rig.v1.customers.create_async({"name": "Ann"}, options)
    assert again.id == first.id
    assert again.last_response
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        await rig.v1.customers.create_async({"name": "Ben"}, options)
    with pytest.raises(stripe.IdempotencyError):
        await rig.v1.products.create_async({"name": "Ann"}, options)
    assert len(rig.sim.objects.every("customer")) == 1
    rig.sim.advance(days=2)
    assert (await rig.v1.customers.create_async({"name": "Ben"}, options)).id != first.id


async def test_a_stored_500_is_replayed_but_wrong_parameters_are_not(rig: Rig) -> None:
    options: stripe.RequestOptions = {"idempotency_key": "attempt-1"}
    rig.sim.faults.on("POST /v1/customers", 500, after=True)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await rig.v1.customers.create_async({"name": "Ann"}, options)
    assert [one.replayed for one in rig.sim.requests] == [False, True]
    assert len(rig.sim.objects.every("customer")) == 1
    other: stripe.RequestOptions = {"idempotency_key": "attempt-2"}
    with pytest.raises(stripe.InvalidRequestError):
        await rig.v1.customers.create_async({"nam": "Ann"}, other)  # pyright: ignore[reportArgumentType] - on purpose
    assert await rig.v1.customers.create_async({"name": "Ann"}, other)


async def test_a_key_in_progress_is_refused(rig: Rig) -> None:
    options: stripe.RequestOptions = {"idempotency_key": "attempt-1"}
    rig.sim.faults.on("POST /v1/customers", after=True, delay=0.5)
    first = asyncio.create_task(rig.v1.customers.create_async({"name": "Ann"}, options))
    await until(lambda: rig.sim.objects.every("customer"))
    with pytest.raises(stripe.APIError) as refused:
        await rig.v1.customers.create_async({"name": "Ann"}, options)
    assert refused.value.http_status == 409
    assert '"code": "idempotency_key_in_use"' in str(refused.value.http_body)
    made = await first
    assert (await rig.v1.customers.create_async({"name": "Ann"}, options)).id == made.id


async def test_an_answer_that_is_lost_is_got_by_the_retry(rig: Rig, http: stripe.HTTPXClient) -> None:
    rig.sim.faults.on("POST /v1/customers", drop=True, after=True)
    patient = client_of(rig.sim, http, retries=2)
    await patient.v1.customers.create_async({"name": "Ann"})
    assert len(rig.sim.objects.every("customer")) == 1
    assert [(one.status, one.replayed) for one in rig.sim.requests] == [(0, False), (200, True)]
    assert rig.sim.requests[0].key == rig.sim.requests[1].key


async def test_faults(rig: Rig) -> None:
    rig.sim.faults.on("GET /v1/customers", 429)
    with pytest.raises(stripe.RateLimitError):
        await rig.v1.customers.list_async()
    rig.sim.faults.on("GET /v1/*", 500, times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await rig.v1.customers.list_async()
    rig.sim.faults.on("GET /v1/customers", 502)
    with pytest.raises(stripe.APIError, match="HTTP response code was 502"):
        await rig.v1.customers.list_async()
    rig.sim.faults.on("GET /v1/customers", truncate=True)
    with pytest.raises(stripe.APIConnectionError):
        await rig.v1.customers.list_async()
    rig.sim.faults.on("GET /v1/customers", drop=True)
    with pytest.raises(stripe.APIConnectionError):
        await rig.v1.customers.list_async()
    rig.sim.faults.on("GET /v1/customers", delay=3)
    with pytest.raises(stripe.APIConnectionError):
        await rig.v1.customers.list_async()
    assert (await rig.v1.customers.list_async()).data == []


# ---- checkout


async def test_declined_then_paid(rig: Rig) -> None:
    session = await rig.session()
    assert rig.sim.checkout.decline(session.id)["status"] == "open"
    assert rig.sim.objects.every("subscription") == []
    assert rig.sim.checkout.pay(session.id)["payment_status"] == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        await rig.v1.checkout.sessions.expire_async(session.id)


async def test_sessions_expire(rig: Rig) -> None:
    session = await rig.session(expires_at=rig.sim.now() + 1800)
    rig.sim.checkout.abandon(session.id)
    rig.sim.advance(minutes=29)
    assert (await rig.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    rig.sim.advance(minutes=2)
    gone = await rig.v1.checkout.sessions.retrieve_async(session.id)
    assert (gone.status, gone.url) == ("expired", None)
    assert "checkout.session.expired" in rig.types()
    other = await rig.session()
    assert (await rig.v1.checkout.sessions.expire_async(other.id)).status == "expired"


@pytest.mark.parametrize("paid", [True, False])
async def test_delayed_methods(rig: Rig, paid: bool) -> None:
    session = await rig.session()
    done = rig.sim.checkout.pay_later(session.id)
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    sub = await rig.v1.subscriptions.retrieve_async(done["subscription"])
    assert sub.status == "incomplete"
    rig.sim.checkout.settle(session.id, paid=paid)
    assert (await rig.again(sub)).status == ("active" if paid else "incomplete")
    assert f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}" in rig.types()
    rig.sim.advance(hours=24)
    assert (await rig.again(sub)).status == ("active" if paid else "incomplete_expired")


async def test_browsers_press_buttons(rig: Rig) -> None:
    session = await rig.session(cancel_url="https://chorus.example/back")
    assert session.url
    async with aiohttp.ClientSession() as browser:

        async def press(url: str, what: str) -> tuple[int, str]:
            async with browser.post(url, data={"press": what}, allow_redirects=False) as answer:
                return answer.status, answer.headers.get("Location", "")

        async with browser.get(session.url) as page:
            assert 'value="pay"' in await page.text()
        assert await press(session.url, "back") == (303, "https://chorus.example/back")
        assert await press(session.url, "decline") == (200, "")
        assert await press(session.url, "pay") == (303, f"https://chorus.example/thanks?session={session.id}")
        sub = rig.sim.objects.every("subscription")[0]
        portal = await rig.v1.billing_portal.sessions.create_async(
            {"customer": sub["customer"], "return_url": "https://chorus.example/"}
        )
        assert await press(portal.url, "cancel") == (200, "")
        assert (sub["cancel_at"], sub["cancel_at_period_end"]) == (period_end(sub), False), "as flexible ones end there"
        assert await press(portal.url, "back") == (303, "https://chorus.example/")
        rig.sim.customers.banks[sub["customer"]] = "declines"
        await press(portal.url, "keep")
        rig.sim.advance(days=32)
        invoice = await rig.v1.invoices.retrieve_async(sub["latest_invoice"])
        assert invoice.hosted_invoice_url
        assert sub["status"] == "past_due"
        await press(invoice.hosted_invoice_url, "pay")
        assert sub["status"] == "active"


# ---- trials, renewals, dunning


async def test_a_trial_warns_and_is_paid_for(rig: Rig) -> None:
    sub = await rig.bought(subscription_data={"trial_period_days": 14})
    assert (sub.status, sub.trial_end) == ("trialing", rig.sim.now() + 14 * DAY)
    rig.sim.advance(days=11, minutes=1)
    assert rig.types().count("customer.subscription.trial_will_end") == 1
    rig.sim.advance(days=3, hours=2)
    sub = await rig.again(sub)
    assert sub.status == "active"
    assert rig.sim.objects.every("invoice")[-1]["amount_paid"] == 500
    assert rig.types().count("customer.subscription.trial_will_end") == 1


@pytest.mark.parametrize(
    ("behaviour", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
)
async def test_a_trial_without_a_card(rig: Rig, behaviour: str, status: str) -> None:
    sub = await rig.bought(
        payment_method_collection="if_required",
        subscription_data={
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": behaviour}},
        },
    )
    rig.sim.advance(days=7, hours=2)
    sub = await rig.again(sub)
    assert sub.status == status
    if status == "paused":
        assert sub.status_details
        assert sub.status_details.paused.subscription.type == "trial_end_without_payment_method"
        assert "customer.subscription.paused" in rig.types()


async def test_periods_roll_from_the_anchor(http: stripe.HTTPXClient) -> None:
    january_31 = 1_801_396_800  # 2027-01-31 12:00 UTC
    from tests.fakes import FakeClock

    async with StripeSimulator.start(FakeClock(january_31 * 1000)) as sim:
        rig = Rig(sim, client_of(sim, http))
        sub = await rig.bought()
        ends = [sub["items"].data[0].current_period_end]
        for _ in range(3):
            sim.clock.time = (ends[-1] + 7200) * 1000  # moved by somebody else: a request notices
            sub = await rig.again(sub)
            ends.append(sub["items"].data[0].current_period_end)
        days = [time.strftime("%m-%d", time.gmtime(end)) for end in ends]
        assert days == ["02-28", "03-31", "04-30", "05-31"]
        assert [row["status"] for row in sim.objects.every("invoice")] == ["paid"] * 4


async def test_a_failed_renewal_is_retried_and_given_up(rig: Rig) -> None:
    sub = await rig.bought()
    end = sub["items"].data[0].current_period_end
    rig.sim.customers.banks[str(sub.customer)] = "declines"
    rig.sim.advance(seconds=end - rig.sim.now() + 7200)
    sub = await rig.v1.subscriptions.retrieve_async(sub.id, {"expand": ["latest_invoice"]})
    assert sub.status == "past_due"
    assert isinstance(sub.latest_invoice, stripe.Invoice)
    assert sub.latest_invoice.status == "open"
    assert sub.latest_invoice.attempt_count == 1
    assert sub.latest_invoice.next_payment_attempt == end + 3600 + 3 * DAY
    rig.sim.advance(days=16)
    sub = await rig.again(sub)
    assert sub.status == "canceled"
    assert sub.cancellation_details
    assert sub.cancellation_details.reason == "payment_failed"
    assert rig.types().count("invoice.payment_failed") == 4
    assert (await rig.v1.subscriptions.list_async({"customer": str(sub.customer)})).data == []
    assert len((await rig.v1.subscriptions.list_async({"status": "all"})).data) == 1


async def test_a_failed_renewal_is_paid_after_all(rig: Rig) -> None:
    sub = await rig.bought()
    rig.sim.subscriptions.dunning = "unpaid"
    rig.sim.customers.banks[str(sub.customer)] = "declines"
    rig.sim.advance(days=49)
    sub = await rig.again(sub)
    assert sub.status == "unpaid"
    with pytest.raises(stripe.CardError):
        await rig.v1.invoices.pay_async(rig.sim.objects.every("invoice", status="open")[0]["id"])
    rig.sim.customers.banks[str(sub.customer)] = "pays"
    for invoice in rig.sim.objects.every("invoice", status="open"):
        await rig.v1.invoices.pay_async(invoice["id"])
    assert (await rig.again(sub)).status == "active"


# ---- changes


async def test_an_upgrade_is_paid_at_once_for_what_is_left(rig: Rig) -> None:
    sub = await rig.bought()
    item = sub["items"].data[0]
    half = (item.current_period_end - item.current_period_start) // 2
    rig.sim.advance(seconds=half)
    at = rig.sim.now()
    preview = await rig.v1.invoices.create_preview_async(
        {
            "subscription": sub.id,
            "subscription_details": {
                "items": [{"id": item.id, "price": rig.elite}],
                "proration_behavior": "always_invoice",
                "proration_date": at,
            },
        }
    )
    rig.sim.advance(minutes=5)
    assert [line.amount for line in preview.lines.data] == [-250, 750]
    assert preview.amount_due == 500
    sub = await rig.upgrade(sub, proration_date=at, expand=["latest_invoice"])
    assert isinstance(sub.latest_invoice, stripe.Invoice)
    assert (sub.latest_invoice.amount_paid, sub.latest_invoice.billing_reason) == (500, "subscription_update")
    assert sub["items"].data[0].price.id == rig.elite
    assert sub["items"].data[0].current_period_end == item.current_period_end
    assert sub.pending_update is None


async def test_without_the_items_id_a_second_item_is_added(rig: Rig) -> None:
    sub = await rig.bought()
    sub = await rig.v1.subscriptions.update_async(sub.id, {"items": [{"price": rig.elite}]})
    assert len(sub["items"].data) == 2
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
        await rig.v1.subscriptions.update_async(sub.id, {"items": [{"id": "si_none", "price": rig.elite}]})


async def test_a_pending_update_waits_for_its_payment(rig: Rig) -> None:
    sub = await rig.bought()
    rig.sim.advance(days=3)
    rig.sim.customers.banks[str(sub.customer)] = "requires_action"
    sub = await rig.upgrade(sub, metadata={"plan": "elite"})
    assert sub["items"].data[0].price.id == rig.pro
    assert sub.status == "active"
    assert sub.pending_update
    assert sub.pending_update.subscription_items
    assert sub.pending_update.subscription_items[0].price.id == rig.elite
    assert sub.pending_update.expires_at == rig.sim.now() + 23 * 3600
    assert "invoice.payment_action_required" in rig.types()
    rig.sim.customers.banks[str(sub.customer)] = "pays"
    await rig.v1.invoices.pay_async(str(sub.latest_invoice))
    sub = await rig.again(sub)
    assert (sub.pending_update, sub["items"].data[0].price.id) == (None, rig.elite)
    assert sub.metadata["plan"] == "elite"
    assert "customer.subscription.pending_update_applied" in rig.types()


async def test_a_pending_update_expires(rig: Rig) -> None:
    sub = await rig.bought()
    rig.sim.customers.banks[str(sub.customer)] = "declines"
    sub = await rig.upgrade(sub)
    invoice = str(sub.latest_invoice)
    rig.sim.advance(hours=24)
    sub = await rig.again(sub)
    assert (sub.status, sub.pending_update, sub["items"].data[0].price.id) == ("active", None, rig.pro)
    assert (await rig.v1.invoices.retrieve_async(invoice)).status == "void"
    assert "customer.subscription.pending_update_expired" in rig.types()
    with pytest.raises(stripe.InvalidRequestError, match="pending_if_incomplete"):
        await rig.upgrade(sub, cancel_at_period_end=True)
    with pytest.raises(stripe.CardError):
        await rig.upgrade(sub, payment_behavior="error_if_incomplete")
    assert (await rig.again(sub)).status == "active"
    assert (await rig.upgrade(sub, payment_behavior="allow_incomplete")).status == "past_due"


async def test_a_downgrade_waits_for_the_periods_end(rig: Rig) -> None:
    sub = await rig.bought(rig.elite)
    schedule = await rig.v1.subscription_schedules.create_async({"from_subscription": sub.id})
    now = schedule.phases[0]
    schedule = await rig.v1.subscription_schedules.update_async(
        schedule.id,
        {
            "end_behavior": "release",
            "phases": [
                {
                    "items": [{"price": rig.elite, "quantity": 1}],
                    "start_date": now.start_date,
                    "end_date": now.end_date,
                },
                {"items": [{"price": rig.pro, "quantity": 1}], "duration": {"interval": "month", "interval_count": 1}},
            ],
        },
    )
    assert [phase.items[0].price for phase in schedule.phases] == [rig.elite, rig.pro]
    assert (await rig.again(sub)).schedule == schedule.id
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        await rig.v1.subscriptions.update_async(sub.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="attached schedule"):
        await rig.v1.subscriptions.pause_async(sub.id)
    rig.sim.advance(seconds=now.end_date - rig.sim.now() + 7200)
    sub = await rig.again(sub)
    assert sub["items"].data[0].price.id == rig.pro
    assert rig.sim.objects.every("invoice")[-1]["amount_paid"] == 500
    rig.sim.advance(days=32)
    assert (await rig.again(sub)).schedule is None
    assert (await rig.v1.subscription_schedules.retrieve_async(schedule.id)).status == "released"


async def test_a_schedule_is_released(rig: Rig) -> None:
    sub = await rig.bought(rig.elite)
    schedule = await rig.v1.subscription_schedules.create_async({"from_subscription": sub.id})
    released = await rig.v1.subscription_schedules.release_async(schedule.id)
    assert (released.status, released.released_subscription, released.subscription) == ("released", sub.id, None)
    assert (await rig.again(sub)).schedule is None
    with pytest.raises(stripe.InvalidRequestError, match="released"):
        await rig.v1.subscription_schedules.release_async(schedule.id)


async def test_cancelled_at_the_end_and_resumed_before(rig: Rig) -> None:
    sub = await rig.bought()
    end = sub["items"].data[0].current_period_end
    sub = await rig.v1.subscriptions.update_async(sub.id, {"cancel_at_period_end": True})
    assert (sub.status, sub.cancel_at_period_end, sub.cancel_at) == ("active", True, end)
    sub = await rig.v1.subscriptions.update_async(sub.id, {"cancel_at_period_end": False})
    assert (sub.cancel_at, sub.canceled_at) == (None, None)
    sub = await rig.v1.subscriptions.update_async(sub.id, {"cancel_at": "max_period_end"})
    assert (sub.cancel_at_period_end, sub.cancel_at) == (False, end)
    sub = await rig.v1.subscriptions.update_async(sub.id, {"cancel_at_period_end": False})
    assert sub.cancel_at == end, "that it ends by its date is not taken back so"
    sub = await rig.v1.subscriptions.update_async(sub.id, {"cancel_at": ""})
    assert sub.cancel_at is None
    await rig.v1.subscriptions.update_async(sub.id, {"cancel_at_period_end": True})
    rig.sim.advance(seconds=end - rig.sim.now() - 60)
    assert (await rig.again(sub)).status == "active"
    rig.sim.advance(seconds=120)
    sub = await rig.again(sub)
    assert (sub.status, sub.ended_at) == ("canceled", end)
    assert "customer.subscription.deleted" in rig.types()


async def test_paused_and_resumed(rig: Rig) -> None:
    sub = await rig.bought()
    sub = await rig.v1.subscriptions.pause_async(sub.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    assert sub.status == "paused"
    assert sub.status_details
    assert sub.status_details.paused.subscription.type == "pause_requested"
    rig.sim.advance(days=60)
    assert len(rig.sim.objects.every("invoice")) == 1
    sub = await rig.v1.subscriptions.resume_async(sub.id, {"billing_cycle_anchor": {"type": "now"}})
    assert (sub.status, sub["items"].data[0].current_period_start) == ("active", rig.sim.now())
    assert "customer.subscription.resumed" in rig.types()


async def test_collection_paused(rig: Rig) -> None:
    sub = await rig.bought()
    until_ = rig.sim.now() + 40 * DAY
    sub = await rig.v1.subscriptions.update_async(
        sub.id, {"pause_collection": {"behavior": "void", "resumes_at": until_}}
    )
    assert sub.pause_collection
    assert sub.pause_collection.behavior == "void"
    rig.sim.advance(days=35)
    assert (await rig.again(sub)).status == "active"
    assert [row["status"] for row in rig.sim.objects.every("invoice")] == ["paid", "void"]
    rig.sim.advance(days=6)
    assert (await rig.again(sub)).pause_collection is None


# ---- money back


async def test_refunds_add_up(rig: Rig) -> None:
    await rig.bought()
    (charge,) = rig.sim.objects.every("charge")
    first = await rig.v1.refunds.create_async({"charge": charge["id"], "amount": 200})
    assert (first.status, first.payment_intent) == ("succeeded", charge["payment_intent"])
    seen = await rig.v1.charges.retrieve_async(charge["id"])
    assert (seen.amount_refunded, seen.refunded) == (200, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        await rig.v1.refunds.create_async({"charge": charge["id"], "amount": 301})
    rest = await rig.v1.refunds.create_async({"payment_intent": charge["payment_intent"]})
    assert rest.amount == 300
    with pytest.raises(stripe.InvalidRequestError) as twice:
        await rig.v1.refunds.create_async({"charge": charge["id"]})
    assert twice.value.code == "charge_already_refunded"
    rig.sim.refunds.fail(rig.sim.objects.get("refund", rest.id))
    seen = await rig.v1.charges.retrieve_async(charge["id"])
    assert (seen.amount_refunded, seen.refunded) == (200, False)
    assert {"charge.refunded", "refund.created", "refund.failed"} <= set(rig.types())
    assert [row.id for row in (await rig.v1.refunds.list_async({"charge": charge["id"]})).data] == [rest.id, first.id]


async def test_disputes(rig: Rig) -> None:
    await rig.bought()
    (charge,) = rig.sim.objects.every("charge")
    opened = rig.sim.disputes.open(charge)
    dispute = await rig.v1.disputes.retrieve_async(opened["id"])
    assert (dispute.status, dispute.charge) == ("needs_response", charge["id"])
    with pytest.raises(stripe.InvalidRequestError):
        await rig.v1.refunds.create_async({"charge": charge["id"]})
    rig.sim.disputes.close(opened, "won")
    assert (await rig.v1.disputes.list_async({"charge": charge["id"]})).data[0].status == "won"
    told = [type_ for type_ in rig.types() if "dispute" in type_]
    assert told == [f"charge.dispute.{what}" for what in ("created", "funds_withdrawn", "funds_reinstated", "closed")]


# ---- connected accounts


async def onboarded(rig: Rig) -> str:
    account = await rig.v1.accounts.create_async(
        {
            "country": "US",
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
        }
    )
    assert not account.payouts_enabled
    link = await rig.v1.account_links.create_async(
        {
            "account": account.id,
            "type": "account_onboarding",
            "refresh_url": "https://chorus.example/again",
            "return_url": "https://chorus.example/done",
        }
    )
    rig.sim.connect.onboard(account.id, url=link.url)
    return account.id


def tip(data: dict[str, Any], amount: int = 1000) -> Any:
    """The parameters of a Checkout session for a gift."""
    price = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Tip"}}
    lines = [{"price_data": price, "quantity": 1}]
    return {"mode": "payment", "line_items": lines, "payment_intent_data": data, **URLS}


async def test_a_tip_goes_to_the_connected_account(rig: Rig) -> None:
    account = await onboarded(rig)
    seen = await rig.v1.accounts.retrieve_async(account)
    assert seen.capabilities
    assert (seen.payouts_enabled, seen.capabilities.transfers) == (True, "active")
    data = {"application_fee_amount": 100, "transfer_data": {"destination": account}, "metadata": {"kind": "tip"}}
    session = await rig.v1.checkout.sessions.create_async(tip(data))
    rig.sim.checkout.pay(session.id)
    session = await rig.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent.latest_charge"]})
    intent = session.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.application_fee_amount, intent.metadata["kind"]) == ("succeeded", 100, "tip")
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.transfer, str)
    refund = await rig.v1.refunds.create_async(
        {"charge": charge.id, "reverse_transfer": True, "refund_application_fee": True}
    )
    assert refund.transfer_reversal
    transfer = await rig.v1.transfers.retrieve_async(charge.transfer)
    assert (transfer.reversed, transfer.amount_reversed) == (True, 1000)
    (fee,) = (await rig.v1.application_fees.list_async()).data
    assert (fee.refunded, fee.amount_refunded) == (True, 100)


async def test_accounts_that_cannot_be_paid(rig: Rig) -> None:
    account = await onboarded(rig)
    of_account = tip({"transfer_data": {"destination": account}})
    rig.sim.connect.restrict(account)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await rig.v1.checkout.sessions.create_async(of_account)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    rig.sim.connect.deauthorise(account)
    with pytest.raises(stripe.PermissionError):
        await rig.v1.accounts.retrieve_async(account)


async def test_events_of_connected_accounts_go_to_their_own_endpoint(rig: Rig) -> None:
    own, connected = Listener(rig.sim.secret), Listener(rig.sim.connect_secret)
    runners: list[web.AppRunner] = []
    for one in (own, connected):
        runner, one.url = await served(one.take)
        runners.append(runner)
        rig.sim.webhook(one.url, connect=one is connected)
    account = await onboarded(rig)
    await rig.sim.deliveries.settled()
    assert set(connected.types) == {"account.updated"}
    assert {event.account for event in connected.heard} == {account}
    assert "account.updated" not in own.types
    listed = await rig.v1.events.list_async({"type": "account.*"}, {"stripe_account": account})
    assert len(listed.data) == len(connected.heard)
    for runner in runners:
        await runner.cleanup()


async def test_the_operators_own_things(rig: Rig) -> None:
    own = await rig.v1.accounts.retrieve_current_async()
    assert own.charges_enabled
    made = await rig.v1.webhook_endpoints.create_async(
        {"url": "https://chorus.example/hook", "enabled_events": ["*"], "api_version": stripe.api_version}  # pyright: ignore[reportArgumentType] - the library's list ends before its own version
    )
    assert made.secret == rig.sim.secret
    (listed,) = (await rig.v1.webhook_endpoints.list_async()).data
    assert (listed.api_version, listed.status) == (stripe.api_version, "enabled")
    assert "secret" not in listed
    await rig.v1.webhook_endpoints.delete_async(made.id)
    sub = await rig.bought()
    portal = await rig.v1.billing_portal.sessions.create_async(
        {"customer": str(sub.customer), "return_url": "https://chorus.example/"}
    )
    assert portal.url.startswith(rig.sim.url)
    (configuration,) = (await rig.v1.billing_portal.configurations.list_async({"is_default": True})).data
    assert configuration.features.subscription_cancel.enabled
    price = await rig.v1.prices.retrieve_async(rig.pro, {"expand": ["product"]})
    assert (price.unit_amount, price.recurring and price.recurring.interval) == (500, "month")
    assert isinstance(price.product, stripe.Product)


# ---- deliveries


async def test_deliveries_are_retried_until_they_are_accepted(rig: Rig, listener: Listener) -> None:
    listener.refusals = 2
    await rig.bought()
    await rig.sim.deliveries.settled()
    assert sorted(listener.types) == ["customer.subscription.created", "customer.subscription.updated"]
    assert [one.status for one in rig.sim.deliveries.log].count(500) == 2
    assert all(event.api_version == stripe.api_version for event in listener.heard)


async def test_duplicates_disorder_and_delay(rig: Rig, listener: Listener) -> None:
    rig.sim.deliveries.script("customer.subscription.created", copies=3, delay=0.2)
    sub = await rig.bought()
    await rig.sim.deliveries.settled()
    assert listener.types == ["customer.subscription.updated", *["customer.subscription.created"] * 3]
    assert len({event.id for event in listener.heard}) == 2
    listener.heard.clear()
    rig.sim.deliveries.hold()
    row = rig.sim.objects.get("subscription", sub.id)
    rig.sim.subscriptions.change(row, metadata={"a": "1"})
    rig.sim.subscriptions.end(row)
    await rig.sim.deliveries.release(reversed_events)
    assert listener.types == ["customer.subscription.deleted", "customer.subscription.updated"]
    assert listener.heard[0].data.object["status"] == "canceled"


async def test_what_is_dropped_is_listed_as_undelivered(rig: Rig, listener: Listener) -> None:
    rig.sim.deliveries.script("customer.subscription.created", drop=True)
    await rig.bought()
    await rig.sim.deliveries.settled()
    assert "customer.subscription.created" not in listener.types
    missed = await rig.v1.events.list_async({"delivery_success": False})
    assert [event.type for event in missed.data] == ["customer.subscription.created"]
    assert await rig.sim.deliveries.send(rig.sim.objects.get("event", missed.data[0].id)) == [200]
    assert (await rig.v1.events.list_async({"delivery_success": False})).data == []
    rig.sim.events.never.append("customer.*")
    await rig.bought()
    assert len(rig.sim.objects.every("event", type="customer.subscription.created")) == 1


async def test_forged_and_altered_ones_do_not_verify(rig: Rig, listener: Listener) -> None:
    await rig.bought()
    await rig.sim.deliveries.settled()
    event = rig.sim.objects.every("event", type="customer.subscription.created")[0]
    assert await rig.sim.deliveries.send(event, forge=True) == [400]
    assert await rig.sim.deliveries.send(event, reserialise=True) == [400]
    assert listener.bad == 2
    body, headers = rig.sim.deliveries.signed(event, "whsec_old", rig.sim.secret, at=time.time() - 200)
    assert stripe.Webhook.construct_event(body, headers["Stripe-Signature"], rig.sim.secret).id == event["id"]
    known = stripe.WebhookSignature.generate_signature_header(body.decode(), rig.sim.secret, 1_700_000_000)
    _, made = rig.sim.deliveries.signed(body, at=1_700_000_000)
    assert made["Stripe-Signature"] == known


async def test_a_plan_of_chaos(rig: Rig, listener: Listener) -> None:
    def plan(event: dict[str, Any]) -> Script:
        return Script(copies=2, delay=0.1 if event["type"].endswith("created") else 0)

    rig.sim.deliveries.plan = plan
    await rig.bought()
    await until(lambda: len(listener.heard) == 4)
    assert listener.types[-1] == "customer.subscription.created"


async def test_many_at_once(rig: Rig) -> None:
    """Simultaneous requests with one key: one is in progress, or one answer is given to all."""
    options: stripe.RequestOptions = {"idempotency_key": "mashed"}
    made = await asyncio.gather(*(rig.v1.customers.create_async({"name": "Ann"}, options) for _ in range(20)))
    assert len({customer.id for customer in made}) == 1
    assert json.loads(json.dumps(rig.sim.objects.every("customer")))[0]["name"] == "Ann"
