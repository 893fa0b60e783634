"""Updates of subscriptions: other items with proration, pending updates, cancelling later, paused collection."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.clock import HOUR
from tests.simulators.stripe.customers import merged
from tests.simulators.stripe.errors import declined, invalid
from tests.simulators.stripe.periods import after, cost, period_end
from tests.simulators.stripe.shapes import Json, conforms, copied

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

WITH_PENDING = {
    "add_invoice_items",
    "billing_cycle_anchor",
    "items",
    "metadata",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
}
"""All that may be sent with `pending_if_incomplete` (pending updates reference; metadata since 2026-05-27)."""
EXPIRES = 23 * HOUR


class Changes:
    """`POST /v1/subscriptions/{id}` and `POST /v1/invoices/create_preview`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self._waiting: dict[str, Json] = {}
        """invoice → the fields that its payment changes."""
        self._later: dict[str, list[Json]] = {}
        """subscription → proration lines for its next invoice."""

    def update(self, row: Json, given: Json) -> Json:
        """Raises ApiError."""
        params = dict(given)
        self._check(row, params)
        behaviour = params.pop("payment_behavior", "allow_incomplete")
        proration = params.pop("proration_behavior", "create_prorations")
        at = params.pop("proration_date", self._sim.now())
        self._check_date(row, at, "proration_date")
        fields = self._plain(row, params)
        changed = "items" in params or "trial_end" in params or "billing_cycle_anchor" in params
        anchor = params.pop("billing_cycle_anchor", {"type": "unchanged"})["type"]
        items = self._items(row, params.pop("items", []), "items") if changed else []
        if params.pop("trial_end", None) == "now":
            anchor, fields["trial_end"] = "now", self._sim.now()
        self._sim.refuse(params, "off_session", "trial_from_plan")
        if changed:
            self._apply_items(row, fields, items, anchor, behaviour, proration, at)
        else:
            self._sim.subscriptions.change(row, **fields)
        return row

    def _check(self, row: Json, params: Json) -> None:
        if params.get("payment_behavior") == "pending_if_incomplete":
            for name in set(params) - WITH_PENDING:
                told = f"`{name}` cannot be used with `payment_behavior=pending_if_incomplete`."
                raise invalid(f"{told} Only certain parameters are supported by pending updates.", name)
        cancelling = {"cancel_at", "cancel_at_period_end"} & set(params)
        if row["schedule"] is not None and cancelling:
            told = f"The subscription is managed by the subscription schedule `{row['schedule']}`, and updating any"
            more = "cancelation behavior directly is not allowed. Please update the schedule instead."
            raise invalid(f"{told} {more}", cancelling.pop())
        if row["status"] == "incomplete" and "items" in params:
            raise invalid("You cannot update the items of a subscription whose status is `incomplete`.", "items")

    def _plain(self, row: Json, params: Json) -> Json:
        """The fields that change without money; taken out of `params`."""
        fields: Json = {}
        if "metadata" in params:
            fields["metadata"] = merged(row["metadata"], params.pop("metadata"))
        if "cancel_at_period_end" in params:
            ends = params.pop("cancel_at_period_end")
            if ends or row["cancel_at_period_end"]:  # an end by its date is not taken back so
                fields |= self._cancelling(row, period_end(row) if ends else None, at_end=True)
        if "cancel_at" in params:
            given = params.pop("cancel_at")
            at = period_end(row) if isinstance(given, str) and given else given or None
            fields |= self._cancelling(row, at, at_end=False)
        if "cancellation_details" in params:
            told = (fields.get("cancellation_details") or row["cancellation_details"] or {}) | params.pop(
                "cancellation_details"
            )
            fields["cancellation_details"] = conforms(stripe.Subscription.CancellationDetails, told)
        if "pause_collection" in params:
            pause = params.pop("pause_collection")
            fields["pause_collection"] = conforms(stripe.Subscription.PauseCollection, pause) if pause else None
        if "discounts" in params:
            customer = self._sim.objects.get("customer", row["customer"])
            fields["discounts"] = self._sim.discounts.given(params.pop("discounts"), customer)
        for name in ("description", "default_payment_method", "automatic_tax", "trial_settings"):
            if name in params:
                fields[name] = params.pop(name) or None
        return fields

    def _cancelling(self, row: Json, at: int | None, *, at_end: bool) -> Json:
        reason = "cancellation_requested" if at else None
        details = conforms(stripe.Subscription.CancellationDetails, {"reason": reason})
        return {
            "cancel_at": at,
            "cancel_at_period_end": bool(at and at_end),
            "canceled_at": self._sim.now() if at else None,
            "cancellation_details": details,
        }

    # ---- items

    def _items(self, row: Json, given: list[Json], param: str) -> list[Json]:
        """The items as they would be; periods are those of now."""
        items = copied(row["items"]["data"])
        for number, one in enumerate(given):
            at = f"{param}[{number}]"
            self._check_currency(row, one, at)
            if "id" not in one:
                items.append(self._added(row, items, one, at))
                continue
            item = next((each for each in items if each["id"] == one["id"]), None)
            if item is None:
                raise invalid(f"No such subscription_item: '{one['id']}'", f"{at}[id]", "resource_missing")
            if one.get("deleted"):
                items.remove(item)
                continue
            if "price" in one:
                price = self._sim.catalog.recurring(one["price"], f"{at}[price]")
                item["price"], item["plan"] = price, self._sim.catalog.plan(price)
            item["quantity"] = one.get("quantity", item["quantity"])
        if not items:
            raise invalid("A subscription must have at least one active plan.", param)
        return items

    def _check_currency(self, row: Json, one: Json, at: str) -> None:
        if "price" in one:
            currency = self._sim.catalog.recurring(one["price"], f"{at}[price]")["currency"]
            if currency != row["currency"]:
                told = f"The price specified only supports `{currency}`. This doesn't match the expected currency: "
                raise invalid(f"{told}`{row['currency']}`.", f"{at}[price]")

    def _check_date(self, row: Json, at: int, param: str) -> None:
        begun = min(item["current_period_start"] for item in row["items"]["data"])
        if not begun <= at <= period_end(row):
            raise invalid("The proration date must be within the current billing period.", param)

    def _added(self, row: Json, items: list[Json], one: Json, at: str) -> Json:
        """Without `id` the price is one more item, not instead of another."""
        price = self._sim.catalog.recurring(one.get("price", ""), f"{at}[price]")
        if price["id"] in [each["price"]["id"] for each in items]:
            told = "Cannot add multiple subscription items with the same plan: " + price["id"]
            raise invalid(told, f"{at}[price]")
        return self._sim.subscriptions.item(row["id"], price, self._sim.now(), period_end(row), one.get("quantity", 1))

    def _apply_items(
        self, row: Json, fields: Json, items: list[Json], anchor: str, behaviour: str, proration: str, at: int
    ) -> None:
        reset = anchor == "now"
        lines = self._sim.prorations.lines(row, items, at, reset=reset)
        fields["items"] = row["items"] | {"data": items}
        restarted = reset or any(item["current_period_start"] == at for item in items)
        if restarted:
            fields["billing_cycle_anchor"] = at
        if row["status"] == "trialing" and reset:
            fields["status"] = "active"
        if proration == "none":
            lines = [line for line in lines if not line["parent"]["subscription_item_details"]["proration"]]
        if lines and (proration == "always_invoice" or restarted):
            self._bill(row, fields, lines, behaviour)
            return
        if lines:
            self._later.setdefault(row["id"], []).extend(lines)
        self._sim.subscriptions.change(row, **fields)

    def _bill(self, row: Json, fields: Json, lines: list[Json], behaviour: str) -> None:
        bank = self._sim.customers.banks.get(row["customer"], "pays")
        costs = sum(line["amount"] for line in lines) > 0
        if behaviour == "error_if_incomplete" and costs and bank != "pays":
            action = bank == "requires_action"
            raise declined(code="subscription_payment_intent_requires_action" if action else "card_declined")
        self._replace_pending(row)
        pending = behaviour == "pending_if_incomplete"
        if not pending:
            self._sim.subscriptions.change(row, **fields)
        invoice = self._sim.drafts.make(row, "subscription_update", lines, discounts=list(row["discounts"]))
        if pending:
            self._waiting[invoice["id"]] = fields
        self._sim.subscriptions.change(row, latest_invoice=invoice["id"])
        self._sim.invoices.finalize(invoice)
        incomplete = behaviour == "default_incomplete" and costs
        paid = self._sim.invoices.collect(invoice, "requires_action" if incomplete else None)
        if pending and not paid:
            self._set_pending(row, fields)

    # ---- pending updates

    def _set_pending(self, row: Json, fields: Json) -> None:
        told: Json = {
            "expires_at": self._sim.now() + EXPIRES,
            "subscription_items": fields["items"]["data"],
            "billing_cycle_anchor": fields.get("billing_cycle_anchor"),
            "metadata": fields.get("metadata"),
        }
        self._sim.subscriptions.change(row, pending_update=conforms(stripe.Subscription.PendingUpdate, told))

    def _replace_pending(self, row: Json) -> None:
        """Another update takes the place of one that waits."""
        if row["pending_update"] is not None:
            invoice = self._sim.objects.get("invoice", row["latest_invoice"])
            if invoice["status"] == "open":
                self._sim.invoices.void(invoice)
            self.discard(row, invoice)

    def waits(self, invoice: Json) -> bool:
        """Does an update wait for this invoice?"""
        return invoice["id"] in self._waiting

    def paid(self, row: Json, invoice: Json) -> None:
        """What waited for this invoice is applied."""
        fields = self._waiting.pop(invoice["id"], None)
        if fields is None:
            return
        was_pending = row["pending_update"] is not None
        self._sim.subscriptions.change(row, **fields, pending_update=None)
        if was_pending:
            self._sim.events.emit("customer.subscription.pending_update_applied", row)

    def discard(self, row: Json, invoice: Json) -> None:
        """What waited for this invoice will not be."""
        if self._waiting.pop(invoice["id"], None) is not None:
            self._sim.subscriptions.change(row, pending_update=None)

    def expire(self, row: Json) -> None:
        """A pending update was not paid in time."""
        invoice = self._sim.objects.get("invoice", row["latest_invoice"])
        self._waiting.pop(invoice["id"], None)
        if invoice["status"] == "open":
            self._sim.invoices.void(invoice)
        self._sim.subscriptions.change(row, pending_update=None)
        self._sim.events.emit("customer.subscription.pending_update_expired", row)

    def forget(self, row: Json) -> None:
        """The subscription is over."""
        self._later.pop(row["id"], None)
        self._waiting.pop(row["latest_invoice"], None)

    def due(self, row: Json) -> list[Json]:
        """The proration lines for its next invoice."""
        return self._later.pop(row["id"], [])

    # ---- previews

    def preview(self, given: Json) -> Json:
        """What an update would cost: with `always_invoice` only that, else the next invoice with it."""
        params = dict(given)
        row = self._sim.objects.get("subscription", params.pop("subscription", None), param="subscription")
        details = dict(params.pop("subscription_details", {}))
        at = details.pop("proration_date", self._sim.now())
        items = self._items(row, details.pop("items", []), "subscription_details[items]")
        proration = details.pop("proration_behavior", "create_prorations")
        reset = details.pop("billing_cycle_anchor", {"type": "unchanged"})["type"] == "now"
        self._sim.refuse(params, "customer", "preview_mode")
        self._sim.refuse(details)
        lines = [] if proration == "none" else self._sim.prorations.lines(row, items, at, reset=reset)
        if proration != "always_invoice":
            lines += self._next(row, items)
        invoice = self._sim.drafts.drawn(row, "upcoming", lines, list(row["discounts"]))
        invoice["id"] = invoice["id"].replace("in_", "upcoming_in_")
        invoice["parent"]["subscription_details"]["subscription_proration_date"] = at
        return invoice

    def _next(self, row: Json, items: list[Json]) -> list[Json]:
        ends = period_end(row)
        later = copied(self._later.get(row["id"], []))
        return later + [
            self._sim.drafts.line(item, cost(item), ends, after(ends, item["price"]["recurring"])) for item in items
        ]
