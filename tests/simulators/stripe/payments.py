"""Payment intents and their charges."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, conforms, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

OUTCOMES = ("pays", "declines", "requires_action", "processing")


class Payments:
    """`/v1/payment_intents`, `/v1/charges`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "GET /v1/payment_intents": Route("PaymentIntentListParams", self._list_intents),
            "GET /v1/payment_intents/{id}": Route("PaymentIntentRetrieveParams", self._retrieve_intent),
            "GET /v1/charges": Route("ChargeListParams", self._list_charges),
            "GET /v1/charges/{id}": Route("ChargeRetrieveParams", self._retrieve_charge),
        }

    def intent(self, amount: int, currency: str, customer: str | None, **more: Any) -> Json:
        """A payment that nobody has tried yet."""
        id_ = self._sim.objects.new_id("pi")
        fields: Json = {"metadata": {}} | more
        row = shape(
            stripe.PaymentIntent,
            id=id_,
            object="payment_intent",
            amount=amount,
            amount_capturable=0,
            amount_received=0,
            capture_method="automatic",
            client_secret=f"{id_}_secret_{id_[-6:]}",
            confirmation_method="automatic",
            created=self._sim.now(),
            currency=currency,
            customer=customer,
            livemode=self._sim.livemode,
            payment_method_types=["card"],
            status="requires_payment_method",
            **fields,
        )
        self._sim.events.emit("payment_intent.created", self._sim.objects.add(row))
        return row

    def attempt(self, intent: Json, outcome: str, card: str | None = None) -> bool:
        """Try to collect it, with this outcome (`OUTCOMES`). True if it is paid now."""
        assert outcome in OUTCOMES, outcome
        if outcome == "requires_action":
            action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
            self._to(intent, "requires_action", next_action=conforms(stripe.PaymentIntent.NextAction, action))
            return False
        status = {"pays": "succeeded", "declines": "failed", "processing": "pending"}[outcome]
        charge = self._charge(intent, status, card)
        self._sim.events.emit(f"charge.{status}", charge)
        if outcome == "pays":
            self._succeed(intent, charge)
        elif outcome == "declines":
            self._fail(intent, charge)
        else:
            self._to(intent, "processing", latest_charge=charge["id"], payment_method=card)
        return outcome == "pays"

    def settle(self, intent: Json, *, paid: bool) -> None:
        """A delayed method tells how it went, days later."""
        charge = self._sim.objects.get("charge", intent["latest_charge"])
        status = "succeeded" if paid else "failed"
        self._sim.events.change(charge, None, status=status, paid=paid, captured=paid)
        charge["amount_captured"] = charge["amount"] if paid else 0
        self._sim.events.emit(f"charge.{status}", charge)
        if paid:
            self._succeed(intent, charge)
        else:
            self._fail(intent, charge)

    def cancel(self, intent: Json) -> None:
        """It will never be paid."""
        if intent["status"] not in {"succeeded", "canceled"}:
            self._to(intent, "canceled", canceled_at=self._sim.now(), cancellation_reason="void_invoice")

    def _succeed(self, intent: Json, charge: Json) -> None:
        self._sim.transfers.of(intent, charge)
        amount = intent["amount"]
        method = charge["payment_method"]
        fields = {"latest_charge": charge["id"], "amount_received": amount, "payment_method": method}
        self._to(intent, "succeeded", next_action=None, last_payment_error=None, **fields)

    def _fail(self, intent: Json, charge: Json) -> None:
        charge["failure_code"], charge["failure_message"] = "card_declined", "Your card was declined."
        error = {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": "generic_decline",
            "message": "Your card was declined.",
            "charge": charge["id"],
        }
        shown = conforms(stripe.PaymentIntent.LastPaymentError, error)
        self._to(
            intent, "requires_payment_method", next_action=None, latest_charge=charge["id"], last_payment_error=shown
        )

    def _to(self, intent: Json, status: str, **fields: Any) -> None:
        self._sim.events.change(intent, None, status=status, **fields)
        type_ = "payment_failed" if status == "requires_payment_method" else status
        self._sim.events.emit(f"payment_intent.{type_}", intent)

    def _charge(self, intent: Json, status: str, card: str | None) -> Json:
        succeeded = status == "succeeded"
        transfer = intent["transfer_data"]
        id_ = self._sim.objects.new_id("ch")
        row = shape(
            stripe.Charge,
            id=id_,
            object="charge",
            amount=intent["amount"],
            amount_captured=intent["amount"] if succeeded else 0,
            amount_refunded=0,
            application_fee_amount=intent["application_fee_amount"],
            billing_details={},
            captured=succeeded,
            created=self._sim.now(),
            currency=intent["currency"],
            customer=intent["customer"],
            description=intent["description"],
            disputed=False,
            livemode=self._sim.livemode,
            metadata=dict(intent["metadata"]),
            paid=succeeded,
            payment_intent=intent["id"],
            payment_method=card,
            receipt_url=f"{self._sim.url}/receipts/{id_}",
            refunded=False,
            status=status,
            transfer_data=transfer and {"amount": transfer["amount"], "destination": transfer["destination"]},
            transfer_group=intent["transfer_group"],
        )
        return self._sim.objects.add(row)

    # ---- endpoints

    def _list_intents(self, call: Call) -> Json:
        rows = self._sim.objects.every("payment_intent", customer=call.params.get("customer"))
        return page("/v1/payment_intents", rows, call.params)

    def _retrieve_intent(self, call: Call) -> Json:
        return self._sim.objects.get("payment_intent", call.ids["id"])

    def _list_charges(self, call: Call) -> Json:
        intent, customer = call.params.get("payment_intent"), call.params.get("customer")
        rows = self._sim.objects.every("charge", customer=customer, payment_intent=intent)
        return page("/v1/charges", rows, call.params)

    def _retrieve_charge(self, call: Call) -> Json:
        return self._sim.objects.get("charge", call.ids["id"])
