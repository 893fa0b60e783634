"""Customers and their cards."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Customers:
    """`/v1/customers`, `/v1/payment_methods/{id}`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self.banks: dict[str, str] = {}
        """customer → what its bank says to a charge: pays (the default), declines, requires_action, processing."""

    def routes(self) -> Routes:
        return {
            "POST /v1/customers": Route("CustomerCreateParams", self._create),
            "GET /v1/customers": Route("CustomerListParams", self._list),
            "GET /v1/customers/{id}": Route("CustomerRetrieveParams", self._retrieve),
            "POST /v1/customers/{id}": Route("CustomerUpdateParams", self._update),
            "DELETE /v1/customers/{id}": Route("CustomerDeleteParams", lambda call: self.delete(call.ids["id"])),
            "GET /v1/payment_methods/{id}": Route("PaymentMethodRetrieveParams", self._payment_method),
        }

    def create(self, **given: Any) -> Json:
        """Somebody new."""
        id_ = self._sim.objects.new_id("cus")
        fields = {"metadata": {}, "preferred_locales": []} | given
        row = shape(
            stripe.Customer,
            id=id_,
            object="customer",
            balance=0,
            created=self._sim.now(),
            delinquent=False,
            invoice_prefix=id_[-8:].upper(),
            invoice_settings={},
            livemode=self._sim.livemode,
            next_invoice_sequence=1,
            tax_exempt="none",
            **fields,
        )
        self._sim.events.emit("customer.created", self._sim.objects.add(row))
        return row

    def delete(self, id_: str) -> Json:
        """Gone for ever, and every subscription with it."""
        row = self._sim.objects.get("customer", id_)
        for subscription in self._sim.objects.every("subscription", customer=id_):
            if subscription["status"] not in {"canceled", "incomplete_expired"}:
                self._sim.subscriptions.end(subscription)
        self._sim.events.emit("customer.deleted", row)
        row.clear()
        row.update({"id": id_, "object": "customer", "deleted": True})
        return row

    def living(self, id_: Any, param: str = "customer") -> Json:
        """A customer that is not deleted. Raises ApiError."""
        row = self._sim.objects.get("customer", id_, param=param, status=400)
        if row.get("deleted"):
            raise invalid(f"No such customer: '{id_}'", param, "resource_missing")
        return row

    def card(self, customer: Json) -> str:
        """The id of the customer's card, made when there is none yet."""
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] is None:
            row = shape(
                stripe.PaymentMethod,
                id=self._sim.objects.new_id("pm"),
                object="payment_method",
                billing_details={"email": customer["email"], "name": customer["name"]},
                card={"brand": "visa", "exp_month": 12, "exp_year": 2034, "last4": "4242", "funding": "credit"},
                created=self._sim.now(),
                customer=customer["id"],
                livemode=self._sim.livemode,
                metadata={},
                type="card",
            )
            self._sim.events.emit("payment_method.attached", self._sim.objects.add(row))
            changed = settings | {"default_payment_method": row["id"]}
            self._sim.events.change(customer, "customer.updated", invoice_settings=changed)
        return customer["invoice_settings"]["default_payment_method"]

    def _create(self, call: Call) -> Json:
        known = ("email", "name", "description", "metadata", "preferred_locales", "phone")
        return self.create(**{name: value for name, value in call.params.items() if name in known})

    def _list(self, call: Call) -> Json:
        rows = [row for row in self._sim.objects.every("customer") if not row.get("deleted")]
        email = call.params.get("email")
        return page("/v1/customers", [row for row in rows if email is None or row["email"] == email], call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("customer", call.ids["id"])

    def _update(self, call: Call) -> Json:
        row = self.living(call.ids["id"], "id")
        changed = {name: call.params[name] for name in ("email", "name", "description") if name in call.params}
        if "metadata" in call.params:
            changed["metadata"] = merged(row["metadata"], call.params["metadata"])
        self._sim.events.change(row, "customer.updated", **changed)
        return row

    def _payment_method(self, call: Call) -> Json:
        return self._sim.objects.get("payment_method", call.ids["id"])


def merged(old: dict[str, str], new: dict[str, str] | str) -> dict[str, str]:
    """Metadata: keys are added and replaced; an empty value removes one, an empty string all."""
    if isinstance(new, str):
        return {}
    return {name: value for name, value in (old | new).items() if value}
