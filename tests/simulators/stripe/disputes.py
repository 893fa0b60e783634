"""Disputes, and the warnings that come before them."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.clock import DAY
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

OPEN = {"needs_response", "under_review", "warning_needs_response", "warning_under_review"}


class Disputes:
    """`/v1/disputes`, `/v1/radar/early_fraud_warnings`. Cardholders: `open`, `close`, `warn`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "GET /v1/disputes": Route("DisputeListParams", self._list),
            "GET /v1/disputes/{id}": Route("DisputeRetrieveParams", self._retrieve),
            "POST /v1/disputes/{id}/close": Route("DisputeCloseParams", self._close),
            "GET /v1/radar/early_fraud_warnings": Route("radar.EarlyFraudWarningListParams", self._list_warnings),
            "GET /v1/radar/early_fraud_warnings/{id}": Route(
                "radar.EarlyFraudWarningRetrieveParams", self._retrieve_warning
            ),
        }

    def open(
        self, charge: Json, amount: int | None = None, *, reason: str = "fraudulent", inquiry: bool = False
    ) -> Json:
        """The cardholder disputes a charge; unless it is only an inquiry, the money is taken at once."""
        row = shape(
            stripe.Dispute,
            id=self._sim.objects.new_id("du"),
            object="dispute",
            amount=amount or charge["amount"],
            balance_transactions=[],
            charge=charge["id"],
            created=self._sim.now(),
            currency=charge["currency"],
            enhanced_eligibility_types=[],
            evidence={"enhanced_evidence": {}},
            evidence_details={
                "due_by": self._sim.now() + 7 * DAY,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            is_charge_refundable=inquiry,
            livemode=self._sim.livemode,
            metadata={},
            payment_intent=charge["payment_intent"],
            reason=reason,
            status="warning_needs_response" if inquiry else "needs_response",
        )
        self._sim.objects.add(row)
        charge["disputed"] = True
        self._sim.events.emit("charge.dispute.created", row)
        if not inquiry:
            self._sim.events.emit("charge.dispute.funds_withdrawn", row)
        return row

    def close(self, dispute: Json, status: str) -> None:
        """The bank decides: `won`, `lost`, or `warning_closed` for an inquiry."""
        self._sim.events.change(dispute, None, status=status, is_charge_refundable=status == "warning_closed")
        if status == "won":
            self._sim.events.emit("charge.dispute.funds_reinstated", dispute)
        self._sim.events.emit("charge.dispute.closed", dispute)

    def change(self, dispute: Json, status: str) -> None:
        """Any other status, for instance `under_review`."""
        self._sim.events.change(dispute, "charge.dispute.updated", status=status)

    def warn(self, charge: Json) -> Json:
        """The card's issuer suspects fraud."""
        row = shape(
            stripe.radar.EarlyFraudWarning,
            id=self._sim.objects.new_id("issfr"),
            object="radar.early_fraud_warning",
            actionable=not charge["refunded"],
            charge=charge["id"],
            created=self._sim.now(),
            fraud_type="unauthorized_use_of_card",
            livemode=self._sim.livemode,
            payment_intent=charge["payment_intent"],
        )
        self._sim.events.emit("radar.early_fraud_warning.created", self._sim.objects.add(row))
        return row

    def refundable(self, charge: Json) -> bool:
        """May a disputed charge still be refunded?"""
        return all(row["is_charge_refundable"] for row in self._sim.objects.every("dispute", charge=charge["id"]))

    # ---- endpoints

    def _close(self, call: Call) -> Json:
        row = self._retrieve(call)
        if row["status"] not in OPEN:
            raise invalid("This dispute is already closed")
        self.close(row, "lost")
        return row

    def _list(self, call: Call) -> Json:
        charge, intent = call.params.get("charge"), call.params.get("payment_intent")
        rows = self._sim.objects.every("dispute", charge=charge, payment_intent=intent)
        return page("/v1/disputes", rows, call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("dispute", call.ids["id"])

    def _list_warnings(self, call: Call) -> Json:
        rows = self._sim.objects.every("radar.early_fraud_warning", charge=call.params.get("charge"))
        return page("/v1/radar/early_fraud_warnings", rows, call.params)

    def _retrieve_warning(self, call: Call) -> Json:
        return self._sim.objects.get("radar.early_fraud_warning", call.ids["id"])
