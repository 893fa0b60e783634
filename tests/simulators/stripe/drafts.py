"""Invoices as they are drawn up: lines, discounts, sums."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.clock import HOUR
from tests.simulators.stripe.shapes import Json, listed, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Drafts:
    """Draws invoices up."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def line(
        self, item: Json, amount: int, start: int, end: int, *, proration: bool = False, text: str | None = None
    ) -> Json:
        """A line about a subscription item."""
        price = item["price"]
        details = {
            "invoice_item": None,
            "proration": proration,
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        }
        name = self._sim.objects.get("product", price["product"])["name"]
        return shape(
            stripe.InvoiceLineItem,
            id=self._sim.objects.new_id("il"),
            object="line_item",
            amount=amount,
            currency=price["currency"],
            description=text or f"{item['quantity']} × {name}",
            discount_amounts=[],
            discountable=not proration,
            discounts=[],
            livemode=self._sim.livemode,
            metadata={},
            parent={"type": "subscription_item_details", "subscription_item_details": details},
            period={"start": start, "end": end},
            pretax_credit_amounts=[],
            pricing={
                "type": "price_details",
                "price_details": {"price": price["id"], "product": price["product"]},
                "unit_amount_decimal": price["unit_amount_decimal"],
            },
            quantity=item["quantity"],
            subscription=item["subscription"],
            subtotal=amount,
            taxes=[],
        )

    def make(self, subscription: Json, reason: str, lines: list[Json], *, discounts: list[str] | None = None) -> Json:
        """A draft that is finalised in an hour, unless somebody does at once."""
        customer = self._sim.customers.living(subscription["customer"])
        row = self.drawn(subscription, reason, lines, discounts or [])
        for line in lines:
            line["invoice"] = row["id"]
        row["automatically_finalizes_at"] = self._sim.now() + HOUR
        self._sim.objects.add(row)
        customer["next_invoice_sequence"] += 1
        self._sim.events.emit("invoice.created", row)
        return row

    def drawn(self, subscription: Json, reason: str, lines: list[Json], discounts: list[str]) -> Json:
        """An invoice that nothing keeps yet."""
        customer = self._sim.customers.living(subscription["customer"])
        subtotal = sum(line["amount"] for line in lines)
        off = self.off(max(0, subtotal), discounts)
        total = subtotal - sum(one["amount"] for one in off)
        due = max(0, total + customer["balance"])
        id_ = self._sim.objects.new_id("in")
        metadata = dict(subscription["metadata"])
        parent = {
            "type": "subscription_details",
            "subscription_details": {"metadata": metadata, "subscription": subscription["id"]},
        }
        return shape(
            stripe.Invoice,
            id=id_,
            object="invoice",
            amount_due=due,
            amount_overpaid=0,
            amount_paid=0,
            amount_paid_off_stripe=0,
            amount_remaining=due,
            amount_shipping=0,
            attempt_count=0,
            attempted=False,
            auto_advance=True,
            automatic_tax={"enabled": subscription["automatic_tax"]["enabled"]},
            billing_reason=reason,
            collection_method="charge_automatically",
            created=self._sim.now(),
            currency=subscription["currency"],
            customer=customer["id"],
            customer_email=customer["email"],
            customer_name=customer["name"],
            customer_tax_exempt="none",
            customer_tax_ids=[],
            default_tax_rates=[],
            discounts=discounts,
            issuer={"type": "self"},
            lines=listed(f"/v1/invoices/{id_}/lines", lines),
            livemode=self._sim.livemode,
            metadata={},
            parent=parent,
            payment_settings={},
            period_start=min([line["period"]["start"] for line in lines], default=self._sim.now()),
            period_end=max([line["period"]["end"] for line in lines], default=self._sim.now()),
            post_payment_credit_notes_amount=0,
            pre_payment_credit_notes_amount=0,
            starting_balance=customer["balance"],
            status="draft",
            status_transitions={},
            subtotal=subtotal,
            subtotal_excluding_tax=subtotal,
            total=total,
            total_discount_amounts=off,
            total_excluding_tax=total,
            total_pretax_credit_amounts=[],
            total_taxes=[],
        )

    def off(self, subtotal: int, discounts: list[str]) -> list[Json]:
        """What discounts take off an amount."""
        found: list[Json] = []
        left = subtotal
        for id_ in discounts:
            source = self._sim.objects.get("discount", id_)["source"]["coupon"]
            coupon = self._sim.objects.get("coupon", source)
            off = round(left * coupon["percent_off"] / 100) if coupon["percent_off"] else coupon["amount_off"]
            left -= min(left, off)
            found.append({"amount": min(subtotal, off), "discount": id_})
        return found
