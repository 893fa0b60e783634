"""Subscriptions: begun, paid or not, ended."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.clock import DAY
from tests.simulators.stripe.customers import merged
from tests.simulators.stripe.errors import declined, invalid
from tests.simulators.stripe.invoices import RETRIES, subscription_of
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.periods import after, cost
from tests.simulators.stripe.shapes import Json, conforms, listed, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

OVER = {"canceled", "incomplete_expired"}


class Subscriptions:
    """`/v1/subscriptions`, except for updates (`changes`) and pauses (`pauses`)."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self.dunning = "cancel"
        """What becomes of a subscription when the last retry fails: cancel, unpaid, past_due, paused."""
        self.unlisted: set[str] = set()
        """Those that lists do not show yet, or just now."""
        self.warned: set[str] = set()
        """Those whose `trial_will_end` has been told."""

    def routes(self) -> Routes:
        return {
            "POST /v1/subscriptions": Route("SubscriptionCreateParams", self._create),
            "GET /v1/subscriptions": Route("SubscriptionListParams", self._list),
            "GET /v1/subscriptions/{id}": Route("SubscriptionRetrieveParams", self._retrieve),
            "POST /v1/subscriptions/{id}": Route("SubscriptionUpdateParams", self._update),
            "DELETE /v1/subscriptions/{id}": Route("SubscriptionCancelParams", self._cancel),
            "GET /v1/subscription_items": Route("SubscriptionItemListParams", self._list_items),
        }

    def change(self, row: Json, **fields: Any) -> None:
        """Fields change, and `customer.subscription.updated` tells of it."""
        self._sim.events.change(row, "customer.subscription.updated", **fields)

    # ---- beginning

    def item(self, subscription: str, price: Json, start: int, end: int, quantity: int = 1, **more: Any) -> Json:
        """One thing that is subscribed to."""
        fields: Json = {"id": self._sim.objects.new_id("si"), "created": self._sim.now(), "metadata": {}} | more
        return shape(
            stripe.SubscriptionItem,
            object="subscription_item",
            current_period_end=end,
            current_period_start=start,
            discounts=[],
            plan=self._sim.catalog.plan(price),
            price=price,
            quantity=quantity,
            subscription=subscription,
            tax_rates=[],
            **fields,
        )

    def create(
        self,
        customer: Json,
        prices: list[tuple[str, int]],
        *,
        trial_days: int | None = None,
        trial_end: int | None = None,
        outcome: str | None = None,
        discounts: list[str] | None = None,
        **more: Any,
    ) -> Json:
        """A new one of (price, quantity)s; its first invoice is tried to be paid at once."""
        now = self._sim.now()
        id_ = self._sim.objects.new_id("sub")
        until = now + trial_days * DAY if trial_days else trial_end
        found = [
            (self._sim.catalog.recurring(price, f"items[{n}][price]"), count) for n, (price, count) in enumerate(prices)
        ]
        items = [self.item(id_, price, now, until or after(now, price["recurring"]), count) for price, count in found]
        given = {name: value for name, value in more.items() if value is not None}
        fields: Json = {
            "metadata": {},
            "billing_mode": {"type": "flexible"},
            "automatic_tax": {"enabled": False},
        } | given
        row = shape(
            stripe.Subscription,
            id=id_,
            object="subscription",
            billing_cycle_anchor=until or now,
            billing_schedules=[],
            cancel_at_period_end=False,
            collection_method="charge_automatically",
            created=now,
            currency=found[0][0]["currency"],
            customer=customer["id"],
            default_tax_rates=[],
            discounts=discounts or [],
            invoice_settings={"issuer": {"type": "self"}},
            items=listed(f"/v1/subscription_items?subscription={id_}", items),
            livemode=self._sim.livemode,
            payment_settings={"save_default_payment_method": "off"},
            start_date=now,
            status="trialing" if until else "incomplete",
            trial_start=now if until else None,
            trial_end=until,
            **fields,
        )
        self._sim.objects.add(row)
        self._sim.events.emit("customer.subscription.created", row)
        self._first_invoice(row, outcome)
        if until and until - now <= 3 * DAY:
            self.warn(row)
        return row

    def _first_invoice(self, row: Json, outcome: str | None) -> None:
        free = row["status"] == "trialing"
        lines = [
            self._sim.drafts.line(
                item,
                0 if free else cost(item),
                item["current_period_start"],
                item["current_period_end"],
                text="Free trial" if free else None,
            )
            for item in row["items"]["data"]
        ]
        invoice = self._sim.drafts.make(row, "subscription_create", lines, discounts=list(row["discounts"]))
        row["latest_invoice"] = invoice["id"]
        self._sim.invoices.finalize(invoice)
        self._sim.invoices.collect(invoice, outcome)

    def warn(self, row: Json) -> None:
        """Tell once that the trial is about to end."""
        if row["id"] not in self.warned:
            self.warned.add(row["id"])
            self._sim.events.emit("customer.subscription.trial_will_end", row)

    # ---- what its invoices do to it

    def paid(self, invoice: Json) -> None:
        """An invoice of it was paid."""
        row = self._of(invoice)
        if row is None or row["status"] in OVER:
            return
        self._sim.changes.paid(row, invoice)
        self._use_up(row, invoice)
        if (row["status"] == "incomplete" and invoice["id"] == row["latest_invoice"]) or (
            row["status"] in {"past_due", "unpaid"} and not self._owed(row)
        ):
            self.change(row, status="active")
        elif row["status"] == "paused" and invoice["billing_reason"] == "subscription_update":
            self._sim.pauses.resumed(row)

    def unpaid(self, invoice: Json) -> None:
        """A try to pay an invoice of it failed."""
        row = self._of(invoice)
        if row is None or row["status"] in OVER | {"incomplete", "paused"} or self._sim.changes.waits(invoice):
            return
        if row["status"] in {"active", "trialing"}:
            self.change(row, status="past_due")
        if invoice["billing_reason"] == "subscription_cycle" and invoice["attempt_count"] > len(RETRIES):
            self.give_up(row)

    def give_up(self, row: Json) -> None:
        """The last retry failed."""
        if self.dunning == "cancel":
            self.end(row, "payment_failed")
        elif self.dunning == "paused":
            self._sim.pauses.pause(row, "final_payment_failure")
        else:
            self.change(row, status=self.dunning)

    def voided(self, invoice: Json) -> None:
        """An invoice of it need not be paid any more."""
        row = self._of(invoice)
        if row is None:
            return
        self._sim.changes.discard(row, invoice)
        if row["status"] in {"past_due", "unpaid"} and not self._owed(row):
            self.change(row, status="active")

    def _of(self, invoice: Json) -> Json | None:
        return self._sim.objects.find(subscription_of(invoice))

    def _owed(self, row: Json) -> list[Json]:
        rows = self._sim.objects.every("invoice", customer=row["customer"], status="open")
        return [one for one in rows if subscription_of(one) == row["id"]]

    def _use_up(self, row: Json, invoice: Json) -> None:
        """Discounts that count once are gone after an invoice that cost something."""
        gone: list[str] = []
        for id_ in row["discounts"]:
            coupon = self._sim.objects.get("coupon", self._sim.objects.get("discount", id_)["source"]["coupon"])
            if coupon["duration"] == "once" and id_ in invoice["discounts"] and invoice["subtotal"]:
                gone.append(id_)
                self._sim.events.emit("customer.discount.deleted", self._sim.objects.get("discount", id_))
        if gone:
            self.change(row, discounts=[id_ for id_ in row["discounts"] if id_ not in gone])

    # ---- ending

    def end(self, row: Json, reason: str = "cancellation_requested", **details: Any) -> None:
        """It is over now."""
        now = self._sim.now()
        told = (row["cancellation_details"] or {}) | {"reason": reason} | details
        self._sim.schedules.subscription_ended(row)
        self._sim.changes.forget(row)
        self._sim.events.change(
            row,
            None,
            canceled_at=row["canceled_at"] or now,
            cancellation_details=conforms(stripe.Subscription.CancellationDetails, told),
            ended_at=now,
            pending_update=None,
            status="canceled",
        )
        for invoice in self._sim.objects.every("invoice", customer=row["customer"]):
            if subscription_of(invoice) == row["id"] and invoice["status"] in {"open", "draft"}:
                invoice["auto_advance"], invoice["next_payment_attempt"] = False, None
        self._sim.events.emit("customer.subscription.deleted", row)

    def expire(self, row: Json) -> None:
        """Its first invoice was not paid within 23 hours."""
        invoice = self._sim.objects.get("invoice", row["latest_invoice"])
        if invoice["status"] == "open":
            self._sim.invoices.void(invoice)
        self.change(row, status="incomplete_expired", ended_at=self._sim.now())

    # ---- endpoints

    def _create(self, call: Call) -> Json:
        params = dict(call.params)
        customer = self._sim.customers.living(params.pop("customer"))
        items = [(one.get("price", ""), one.get("quantity", 1)) for one in params.pop("items")]
        trial = {"trial_days": params.pop("trial_period_days", None), "trial_end": params.pop("trial_end", None)}
        behaviour = params.pop("payment_behavior", "allow_incomplete")
        discounts = self._sim.discounts.given(params.pop("discounts", None), customer)
        if behaviour == "error_if_incomplete" and self._sim.customers.banks.get(customer["id"], "pays") != "pays":
            raise declined()
        outcome = "requires_action" if behaviour == "default_incomplete" else None
        known = ("metadata", "description", "trial_settings", "automatic_tax", "billing_mode")
        more = {name: params.pop(name) for name in known if name in params}
        self._sim.refuse(params, "off_session", "proration_behavior")
        return self.create(customer, items, outcome=outcome, discounts=discounts, **trial, **more)

    def _list(self, call: Call) -> Json:
        params = call.params
        wanted = params.get("status")
        every = self._sim.objects.every("subscription", customer=params.get("customer"))
        rows = [row for row in every if row["id"] not in self.unlisted]
        if wanted is None:
            rows = [row for row in rows if row["status"] != "canceled"]
        elif wanted != "all":
            rows = [row for row in rows if row["status"] in (OVER if wanted == "ended" else {wanted})]
        if "price" in params:
            rows = [row for row in rows if params["price"] in [one["price"]["id"] for one in row["items"]["data"]]]
        return page("/v1/subscriptions", rows, params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("subscription", call.ids["id"])

    def _update(self, call: Call) -> Json:
        row = self._sim.objects.get("subscription", call.ids["id"])
        if row["status"] in OVER:
            if set(call.params) - {"metadata", "cancellation_details"}:
                raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
            self.change(row, metadata=merged(row["metadata"], call.params.get("metadata", {})))
            return row
        return self._sim.changes.update(row, call.params)

    def _cancel(self, call: Call) -> Json:
        row = self._sim.objects.get("subscription", call.ids["id"])
        if row["status"] in OVER:
            raise invalid(f"No such subscription: '{row['id']}'", "id", "resource_missing")
        if call.params.get("prorate"):
            self._sim.pauses.credit_unused(row)
        self.end(row, **call.params.get("cancellation_details", {}))
        return row

    def _list_items(self, call: Call) -> Json:
        row = self._sim.objects.get("subscription", call.params["subscription"], param="subscription")
        return page("/v1/subscription_items", row["items"]["data"], {**call.params, "created": None})
