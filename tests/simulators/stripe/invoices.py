"""Invoices: finalised, paid, void; and their payments."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.clock import DAY
from tests.simulators.stripe.errors import ApiError, declined, invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, listed, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)
"""After how long a failed payment of a renewal is tried again."""


class Invoices:
    """`/v1/invoices`, `/v1/invoice_payments`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        sim.expander.included["invoice", "payments"] = self._payments_of
        sim.expander.included["invoice", "confirmation_secret"] = self._secret_of

    def routes(self) -> Routes:
        return {
            "GET /v1/invoices": Route("InvoiceListParams", self._list),
            "GET /v1/invoices/{id}": Route("InvoiceRetrieveParams", self._retrieve),
            "POST /v1/invoices/create_preview": Route("InvoiceCreatePreviewParams", self._preview),
            "POST /v1/invoices/{id}/pay": Route("InvoicePayParams", self._pay),
            "POST /v1/invoices/{id}/void": Route("InvoiceVoidInvoiceParams", self._void),
            "GET /v1/invoice_payments": Route("InvoicePaymentListParams", self._list_payments),
            "GET /v1/invoice_payments/{id}": Route("InvoicePaymentRetrieveParams", self._retrieve_payment),
        }

    def finalize(self, invoice: Json) -> None:
        """From draft to open; what costs nothing is paid."""
        customer = self._sim.objects.get("customer", invoice["customer"])
        balance = customer["balance"] + invoice["total"] - invoice["amount_due"]
        self._sim.events.change(customer, "customer.updated", balance=balance)
        number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        page_ = f"{self._sim.url}/i/{invoice['id']}"
        self._sim.events.change(
            invoice,
            None,
            automatically_finalizes_at=None,
            effective_at=self._sim.now(),
            ending_balance=balance,
            hosted_invoice_url=page_,
            invoice_pdf=f"{page_}/pdf",
            number=number,
            status="open",
            status_transitions=invoice["status_transitions"] | {"finalized_at": self._sim.now()},
        )
        if invoice["amount_due"]:
            self._add_payment(invoice)
        self._sim.events.emit("invoice.finalized", invoice)

    def collect(self, invoice: Json, outcome: str | None = None) -> bool:
        """Try to have an open invoice paid. True if it is paid now."""
        if invoice["amount_due"] == 0:
            self._paid(invoice)
            return True
        payment = self.payment(invoice)
        intent = self._sim.objects.get("payment_intent", payment["payment"]["payment_intent"])
        customer = self._sim.objects.get("customer", invoice["customer"])
        bank = outcome or self._sim.customers.banks.get(customer["id"], "pays")
        card = customer["invoice_settings"]["default_payment_method"]
        if card is None and bank == "pays":
            bank = "declines"
        self._sim.events.change(invoice, None, attempted=True, attempt_count=invoice["attempt_count"] + 1)
        if self._sim.payments.attempt(intent, bank, card):
            self._paid(invoice, payment)
            return True
        if bank == "processing":
            return False
        self.failed(invoice, needs_action=bank == "requires_action")
        return False

    def failed(self, invoice: Json, *, needs_action: bool = False) -> None:
        """A try did not bring the money."""
        cycle = invoice["billing_reason"] == "subscription_cycle"
        tried = invoice["attempt_count"]
        again = self._sim.now() + RETRIES[tried - 1] if cycle and 0 < tried <= len(RETRIES) else None
        self._sim.events.change(invoice, None, next_payment_attempt=again)
        self._sim.events.emit("invoice.payment_failed", invoice)
        if needs_action:
            self._sim.events.emit("invoice.payment_action_required", invoice)
        self._sim.subscriptions.unpaid(invoice)

    def settle(self, invoice: Json, *, paid: bool) -> None:
        """A delayed method tells how it went."""
        payment = self.payment(invoice)
        intent = self._sim.objects.get("payment_intent", payment["payment"]["payment_intent"])
        self._sim.payments.settle(intent, paid=paid)
        if paid:
            self._paid(invoice, payment)
        else:
            self.failed(invoice)

    def void(self, invoice: Json) -> None:
        """It need not be paid."""
        transitions = invoice["status_transitions"] | {"voided_at": self._sim.now()}
        self._sim.events.change(
            invoice, None, status="void", next_payment_attempt=None, auto_advance=False, status_transitions=transitions
        )
        for payment in self._sim.objects.every("invoice_payment", invoice=invoice["id"]):
            changed = payment["status_transitions"] | {"canceled_at": self._sim.now()}
            self._sim.events.change(payment, None, status="canceled", status_transitions=changed)
            self._sim.payments.cancel(self._sim.objects.get("payment_intent", payment["payment"]["payment_intent"]))
        self._sim.events.emit("invoice.voided", invoice)

    def uncollectible(self, invoice: Json) -> None:
        """Nobody expects the money any more."""
        transitions = invoice["status_transitions"] | {"marked_uncollectible_at": self._sim.now()}
        fields = {"status": "uncollectible", "next_payment_attempt": None, "status_transitions": transitions}
        self._sim.events.change(invoice, None, **fields)
        self._sim.events.emit("invoice.marked_uncollectible", invoice)

    def payment(self, invoice: Json) -> Json:
        """Its invoice payment."""
        return self._sim.objects.every("invoice_payment", invoice=invoice["id"])[-1]

    def _add_payment(self, invoice: Json) -> None:
        number = f"Payment for Invoice {invoice['number']}"
        intent = self._sim.payments.intent(
            invoice["amount_due"], invoice["currency"], invoice["customer"], description=number
        )
        row = shape(
            stripe.InvoicePayment,
            id=self._sim.objects.new_id("inpay"),
            object="invoice_payment",
            amount_requested=invoice["amount_due"],
            created=self._sim.now(),
            currency=invoice["currency"],
            invoice=invoice["id"],
            is_default=True,
            livemode=self._sim.livemode,
            payment={"type": "payment_intent", "payment_intent": intent["id"]},
            status="open",
            status_transitions={},
        )
        self._sim.objects.add(row)

    def _paid(self, invoice: Json, payment: Json | None = None) -> None:
        at = self._sim.now()
        if payment is not None:
            done = payment["status_transitions"] | {"paid_at": at}
            amount = invoice["amount_due"]
            self._sim.events.change(payment, None, amount_paid=amount, status="paid", status_transitions=done)
            self._sim.events.emit("invoice_payment.paid", payment)
        self._sim.events.change(
            invoice,
            None,
            amount_paid=invoice["amount_due"],
            amount_remaining=0,
            attempted=True,
            auto_advance=False,
            next_payment_attempt=None,
            status="paid",
            status_transitions=invoice["status_transitions"] | {"paid_at": at},
        )
        self._sim.events.emit("invoice.paid", invoice)
        self._sim.events.emit("invoice.payment_succeeded", invoice)
        self._sim.subscriptions.paid(invoice)

    def _payments_of(self, invoice: Json) -> Json:
        rows = self._sim.objects.every("invoice_payment", invoice=invoice["id"])
        return listed("/v1/invoice_payments", rows)

    def _secret_of(self, invoice: Json) -> Any:
        rows = self._sim.objects.every("invoice_payment", invoice=invoice["id"])
        if not rows:
            return None
        intent = self._sim.objects.get("payment_intent", rows[-1]["payment"]["payment_intent"])
        return {"client_secret": intent["client_secret"], "type": "payment_intent"}

    # ---- endpoints

    def _list(self, call: Call) -> Json:
        wanted = call.params.get("subscription")
        rows = self._sim.objects.every(
            "invoice", customer=call.params.get("customer"), status=call.params.get("status")
        )
        return page(
            "/v1/invoices", [row for row in rows if wanted is None or subscription_of(row) == wanted], call.params
        )

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("invoice", call.ids["id"])

    def _preview(self, call: Call) -> Json:
        return self._sim.changes.preview(call.params)

    def _pay(self, call: Call) -> Json:
        invoice = self._sim.objects.get("invoice", call.ids["id"])
        if invoice["status"] == "paid":
            raise invalid("Invoice is already paid", code="invoice_already_paid")
        if invoice["status"] == "draft":
            self.finalize(invoice)
        if invoice["status"] != "open" and invoice["status"] != "uncollectible":
            raise invalid(f"Invoices with status {invoice['status']} can't be paid", code="invoice_not_open")
        if not self.collect(invoice):
            raise self._declined(invoice)
        return invoice

    def _declined(self, invoice: Json) -> ApiError:
        intent = self._sim.objects.get("payment_intent", self.payment(invoice)["payment"]["payment_intent"])
        action = intent["status"] == "requires_action"
        return declined(intent, code="invoice_payment_intent_requires_action" if action else "card_declined")

    def _void(self, call: Call) -> Json:
        invoice = self._sim.objects.get("invoice", call.ids["id"])
        if invoice["status"] not in {"open", "uncollectible"}:
            raise invalid(f"You can only void open invoices. This one is {invoice['status']}.")
        self.void(invoice)
        self._sim.subscriptions.voided(invoice)
        return invoice

    def _list_payments(self, call: Call) -> Json:
        params = call.params
        rows = self._sim.objects.every("invoice_payment", invoice=params.get("invoice"), status=params.get("status"))
        wanted = params.get("payment")
        if wanted is not None:
            kind = wanted["type"]
            rows = [row for row in rows if row["payment"].get(kind) == wanted.get(kind)]
        return page("/v1/invoice_payments", rows, params)

    def _retrieve_payment(self, call: Call) -> Json:
        return self._sim.objects.get("invoice_payment", call.ids["id"])


def subscription_of(invoice: Json) -> str | None:
    """The subscription that an invoice is for."""
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent and parent["subscription_details"] else None
