"""Refunds: money goes back, or comes back because it could not."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.errors import invalid, missing
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Refunds:
    """`/v1/refunds`. Tests: `make` (as from the Dashboard), `fail`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "POST /v1/refunds": Route("RefundCreateParams", self._create),
            "GET /v1/refunds": Route("RefundListParams", self._list),
            "GET /v1/refunds/{id}": Route("RefundRetrieveParams", self._retrieve),
        }

    def make(
        self,
        charge: Json,
        amount: int | None = None,
        *,
        reason: str | None = "requested_by_customer",
        metadata: dict[str, str] | None = None,
        reverse_transfer: bool = False,
        refund_fee: bool = False,
    ) -> Json:
        """Give an amount of a charge back (all that is left of it by default). Raises ApiError."""
        left = charge["amount"] - charge["amount_refunded"]
        if not left:
            raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        given = left if amount is None else amount
        if given < 1:
            raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
        if given > left:
            told = f"Refund amount ({given}) is greater than unrefunded amount on charge ({left})"
            raise invalid(told, "amount")
        row = shape(
            stripe.Refund,
            id=self._sim.objects.new_id("re"),
            object="refund",
            amount=given,
            charge=charge["id"],
            created=self._sim.now(),
            currency=charge["currency"],
            customer=charge["customer"],
            destination_details={"type": "card", "card": {"type": "refund"}},
            metadata=metadata or {},
            payment_intent=charge["payment_intent"],
            payment_method=charge["payment_method"],
            reason=reason,
            status="succeeded",
        )
        self._sim.objects.add(row)
        if reverse_transfer:
            row["transfer_reversal"] = self._sim.transfers.reverse(charge, given, row)
        if refund_fee:
            self._sim.transfers.refund_fee(charge, given)
        self._count(charge, given)
        self._sim.events.emit("refund.created", row)
        return row

    def fail(self, refund: Json) -> None:
        """The bank sends the money back: the charge is not refunded by it after all."""
        charge = self._sim.objects.get("charge", refund["charge"])
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        fields = {"status": "failed", "failure_reason": "lost_or_stolen_card"}
        self._sim.events.change(refund, "refund.updated", **fields)
        self._sim.events.emit("refund.failed", refund)
        self._sim.events.emit("charge.refund.updated", refund)

    def _count(self, charge: Json, amount: int) -> None:
        refunded = charge["amount_refunded"] + amount
        done = refunded == charge["amount"]
        self._sim.events.change(charge, "charge.refunded", amount_refunded=refunded, refunded=done)

    # ---- endpoints

    def _create(self, call: Call) -> Json:
        params = dict(call.params)
        charge = self._charge(params)
        if charge["status"] != "succeeded":
            raise invalid("This charge has not been captured and cannot be refunded.", code="charge_not_refundable")
        if charge["disputed"] and not self._sim.disputes.refundable(charge):
            raise invalid(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
            )
        for name in ("reverse_transfer", "refund_application_fee"):
            needed = charge["transfer"] if name == "reverse_transfer" else charge["application_fee"]
            if params.get(name) and needed is None:
                raise invalid(f"Charge {charge['id']} has nothing to reverse: `{name}` is of no use.", name)
        row = self.make(
            charge,
            params.pop("amount", None),
            reason=params.pop("reason", None),
            metadata=params.pop("metadata", None),
            reverse_transfer=params.pop("reverse_transfer", False),
            refund_fee=params.pop("refund_application_fee", False),
        )
        self._sim.refuse(params)
        return row

    def _charge(self, params: Json) -> Json:
        charge, intent = params.pop("charge", None), params.pop("payment_intent", None)
        if charge is None and intent is None:
            raise invalid("One of the following params should be provided: `payment_intent` or `charge`.", "charge")
        if charge is not None:
            return self._sim.objects.get("charge", charge, param="charge", status=404)
        found = self._sim.objects.get("payment_intent", intent, param="payment_intent", status=404)
        if found["latest_charge"] is None:
            raise missing("charge", intent, "payment_intent", status=400)
        return self._sim.objects.get("charge", found["latest_charge"])

    def _list(self, call: Call) -> Json:
        charge, intent = call.params.get("charge"), call.params.get("payment_intent")
        return page("/v1/refunds", self._sim.objects.every("refund", charge=charge, payment_intent=intent), call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("refund", call.ids["id"])
