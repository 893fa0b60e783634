"""Paused subscriptions: no invoices and no periods until they are resumed."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.periods import after, cost, share
from tests.simulators.stripe.shapes import Json, conforms

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Pauses:
    """`/v1/subscriptions/{id}/pause` and `/resume`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "POST /v1/subscriptions/{id}/pause": Route("SubscriptionPauseParams", self._pause),
            "POST /v1/subscriptions/{id}/resume": Route("SubscriptionResumeParams", self._resume),
        }

    def pause(self, row: Json, why: str) -> None:
        """As `why` says."""
        told = {"subscription": {"type": why}, "transitioned_at": self._sim.now(), "type": "subscription"}
        details = conforms(stripe.Subscription.StatusDetails, {"paused": told})
        self._sim.subscriptions.change(row, status="paused", status_details=details)
        self._sim.events.emit("customer.subscription.paused", row)

    def resumed(self, row: Json) -> None:
        """It goes on."""
        self._sim.subscriptions.change(row, status="active", status_details=None)
        self._sim.events.emit("customer.subscription.resumed", row)

    def credit_unused(self, row: Json) -> None:
        """What is left of the period goes to the customer's balance."""
        customer = self._sim.objects.get("customer", row["customer"])
        unused = sum(
            share(cost(item), item["current_period_start"], item["current_period_end"], self._sim.now())
            for item in row["items"]["data"]
        )
        self._sim.events.change(customer, "customer.updated", balance=customer["balance"] - unused)

    # ---- endpoints

    def _pause(self, call: Call) -> Json:
        row = self._sim.objects.get("subscription", call.ids["id"])
        if row["schedule"] is not None:
            raise invalid("You cannot pause a subscription with an attached schedule.")
        if row["status"] not in {"active", "trialing", "past_due"}:
            raise invalid(f"You cannot pause a subscription whose status is {row['status']}.")
        unused = call.params.get("bill_for", {}).get("unused_time_from", {}).get("type", "now")
        if unused != "none" and row["status"] == "active":
            self.credit_unused(row)
        self.pause(row, "pause_requested")
        return row

    def _resume(self, call: Call) -> Json:
        row = self._sim.objects.get("subscription", call.ids["id"])
        if row["status"] != "paused":
            raise invalid(f"You can only resume subscriptions that are paused. This one is {row['status']}.")
        anchor = call.params.get("billing_cycle_anchor", {"type": "now"})["type"]
        if anchor == "now":
            self._bill_again(row, call.params.get("payment_behavior", "resume_on_payment_attempt"))
        else:
            self.resumed(row)
        return row

    def _bill_again(self, row: Json, behaviour: str) -> None:
        now = self._sim.now()
        for item in row["items"]["data"]:
            item["current_period_start"], item["current_period_end"] = now, after(now, item["price"]["recurring"])
        row["billing_cycle_anchor"] = now
        lines = [
            self._sim.drafts.line(item, cost(item), now, item["current_period_end"]) for item in row["items"]["data"]
        ]
        invoice = self._sim.drafts.make(row, "subscription_update", lines, discounts=list(row["discounts"]))
        row["latest_invoice"] = invoice["id"]
        self._sim.invoices.finalize(invoice)
        if not self._sim.invoices.collect(invoice) and behaviour == "resume_on_payment_attempt":
            self.resumed(row)
            self._sim.subscriptions.change(row, status="past_due")
