"""Stripe's API (2026-10-28.endive) on loopback, with its clock, its payers and its webhooks.

    async with StripeSimulator.start(clock) as sim:  # `clock`: a `tests.fakes.FakeClock`; without one, of its own
        pro = sim.catalog.price(500, product="Pro")["id"]
        ...start the product with sim.env(): STRIPE_API_URL, STRIPE_SECRET_KEY, the webhook secrets...
        sim.webhook(product_url + "/webhooks/stripe")
        ...the product makes a Checkout session...
        sim.checkout.pay(session_url)  # or its id
        await sim.deliveries.settled()  # every event is accepted

A client of stripe-python: `StripeClient(sim.key, http_client=HTTPXClient(), base_addresses={"api": sim.url})`.

Strict on input: unknown or ill-typed parameters, another `Stripe-Version`, unsupported states are answered with
Stripe's 4xx bodies; a parameter that Stripe has but nothing here acts on is refused with "not simulated" and kept in
`sim.failures`. Exact on output: every object is checked against the classes of stripe-python when it is made.

Everything a test does is synchronous (nothing waits but `deliveries`). Objects are plain dicts, times are seconds:
`sim.objects.get("subscription", id)`, `sim.objects.every("invoice", customer=id)`. Change them by the API or by these:

payers     `sim.checkout.pay(url, promotion_code=…)`, `.decline(url)` (stays open), `.pay_later(url)` then
           `.settle(url, paid=True)` (a delayed method), `.abandon(url)`;
           `sim.customers.banks[customer] = "pays" | "declines" | "requires_action" | "processing"` (later charges);
           `sim.invoices.collect(invoice, "pays")` (they pay an open invoice), `sim.customers.delete(id)`
browsers   every URL it gives leads to a page with buttons (pay, decline, back; cancel, keep; done, later): `pages`
shortcuts  `sim.customers.create(email=…)`, `sim.customers.card(customer)`,
           `sim.subscriptions.create(customer, [(price, 1)], trial_days=…)`, `sim.subscriptions.end(subscription)`,
           `sim.subscriptions.change(subscription, metadata={…})`, `sim.catalog.coupon(percent_off=20)`,
           `sim.catalog.promotion_code("SAVE", coupon_id)`
afterwards `sim.refunds.make(charge, amount)`, `.fail(refund)`; `sim.disputes.open(charge, inquiry=…)`,
           `.close(dispute, "won" | "lost" | "warning_closed")`, `.change(dispute, status)`, `.warn(charge)`
accounts   `sim.connect.onboard(account, url=link)`, `.restrict(account)`, `.deauthorise(account)` (connected ones)
time       `sim.advance(days=31)` moves the clock, and on the way renews periods (invoices finalise an hour later), ends
           trials (warns 3 days before), retries payments (after 3, 5, 7 days, then `sim.subscriptions.dunning`: cancel,
           unpaid, past_due, paused), expires sessions, incomplete subscriptions and pending updates, steps schedules.
           A clock that the test moves itself: `sim.catch_up()` (each request does it, too)
webhooks   `sim.webhook(url, *types, connect=False, secrets=[…])`: signed with `sim.secret` (`sim.connect_secret`),
           retried until 2xx. `sim.deliveries`: `.script("invoice.*", times=1, copies=2, delay=0.1, drop=True,
           forge=True, reserialise=True)`; `.plan = lambda event: Script(…)` for all; `.hold()` and
           `await .release(reversed_events)`; `await .send(event, …)` → statuses; `.signed(event)` → body, headers;
           `.signed_at` (the `t`; real time unless set), `.log`. What is never even generated:
           `sim.events.never.append("invoice.*")`
events     `sim.objects.every("event", type="invoice.paid")`; a dropped one counts as undelivered
           (`GET /v1/events?delivery_success=false`)
faults     `sim.faults.on("GET /v1/subscriptions/*", 500, times=2)`; 429, 502 (HTML), `delay=`, `truncate=True`,
           `drop=True`, `after=True` (it takes effect first; a 500 is replayed for the idempotency key), `should_retry=`
requests   `sim.requests` (endpoint, method, path, params, headers, status, replayed),
           `sim.called("POST", "/v1/customers")`
"""

from tests.simulators.stripe.deliveries import Script, reversed_events
from tests.simulators.stripe.simulator import StripeSimulator

__all__ = ["Script", "StripeSimulator", "reversed_events"]
