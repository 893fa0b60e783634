"""What payers do with Checkout sessions."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.shapes import Json, conforms

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Checkout:
    """Payers: `pay`, `decline`, `abandon`, `pay_later` with `settle`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def find(self, session: str) -> Json:
        """A session by its id or by its URL."""
        return self._sim.objects.get("checkout.session", session.rpartition("/")[2].partition("#")[0])

    def pay(self, session: str, *, promotion_code: str | None = None, outcome: str = "pays") -> Json:
        """The payer fills it in and pays: the session is complete (or, if the bank says no, still open)."""
        row = self._open(session)
        customer = self._customer(row)
        if promotion_code is not None:
            if not row["allow_promotion_codes"]:
                raise invalid("This session takes no promotion codes.", "promotion_code")
            applied = self._sim.discounts.typed(promotion_code, customer)
            self._sim.sessions.discounts(row).append(applied["id"])
        if outcome != "declines" and self._asks_for_card(row):
            self._sim.customers.card(customer)
        self._sim.sessions.amounts(row)
        if row["mode"] == "subscription":
            self._subscribe(row, customer, outcome)
        else:
            self._charge(row, customer, outcome)
        return row

    def decline(self, session: str) -> Json:
        """The bank says no: the session stays open and the payer may try again."""
        return self.pay(session, outcome="declines")

    def pay_later(self, session: str) -> Json:
        """A delayed method: complete, but `unpaid` until `settle`."""
        return self.pay(session, outcome="processing")

    def settle(self, session: str, *, paid: bool) -> Json:
        """The delayed method tells how it went."""
        row = self.find(session)
        if row["mode"] == "subscription":
            subscription = self._sim.objects.get("subscription", row["subscription"])
            self._sim.invoices.settle(self._sim.objects.get("invoice", subscription["latest_invoice"]), paid=paid)
        else:
            self._sim.payments.settle(self._sim.objects.get("payment_intent", row["payment_intent"]), paid=paid)
        if paid:
            row["payment_status"] = "paid"
        type_ = "succeeded" if paid else "failed"
        self._sim.events.emit(f"checkout.session.async_payment_{type_}", row)
        return row

    def abandon(self, session: str) -> Json:
        """The payer closes the page: nothing happens until the session expires."""
        return self.find(session)

    def expire(self, row: Json) -> None:
        """Nobody paid in time, or it was closed."""
        self._sim.events.change(row, None, status="expired", url=None)
        self._sim.events.emit("checkout.session.expired", row)

    def _open(self, session: str) -> Json:
        row = self.find(session)
        if row["status"] != "open":
            raise invalid(f"This Checkout Session is {row['status']}.")
        return row

    def _customer(self, row: Json) -> Json:
        if row["customer"] is None:
            customer = self._sim.customers.create(email=row["customer_email"] or "payer@example.com")
            row["customer"] = customer["id"]
        return self._sim.customers.living(row["customer"])

    def _asks_for_card(self, row: Json) -> bool:
        free = row["amount_total"] == 0 or any(self._sim.sessions.trial(row).values())
        return row["payment_method_collection"] != "if_required" or not free

    def _subscribe(self, row: Json, customer: Json, outcome: str) -> None:
        if outcome == "declines":
            # The page says so and asks again; no subscription is made before it is paid.
            return
        params = self._sim.sessions.params[row["id"]]
        data = params.get("subscription_data", {})
        known = ("metadata", "description", "trial_settings", "billing_mode", "transfer_data")
        more = {name: data[name] for name in known if name in data}
        subscription = self._sim.subscriptions.create(
            customer,
            [(one["price"], one.get("quantity", 1)) for one in params["line_items"]],
            discounts=list(self._sim.sessions.discounts(row)),
            outcome=outcome,
            automatic_tax=params.get("automatic_tax"),
            default_payment_method=customer["invoice_settings"]["default_payment_method"],
            **self._sim.sessions.trial(row),
            **more,
        )
        row["subscription"], row["invoice"] = subscription["id"], subscription["latest_invoice"]
        invoice = self._sim.objects.get("invoice", row["invoice"])
        free = invoice["amount_due"] == 0
        self._complete(row, customer, "no_payment_required" if free else self._status(outcome))

    def _charge(self, row: Json, customer: Json, outcome: str) -> None:
        data = self._sim.sessions.params[row["id"]].get("payment_intent_data", {})
        known = ("metadata", "description", "transfer_data", "application_fee_amount", "on_behalf_of", "receipt_email")
        more = {name: data[name] for name in known if name in data}
        if row["payment_intent"] is None:
            intent = self._sim.payments.intent(row["amount_total"], row["currency"], customer["id"], **more)
            row["payment_intent"] = intent["id"]
        intent = self._sim.objects.get("payment_intent", row["payment_intent"])
        card = customer["invoice_settings"]["default_payment_method"]
        if self._sim.payments.attempt(intent, outcome, card) or outcome == "processing":
            self._complete(row, customer, self._status(outcome))

    def _status(self, outcome: str) -> str:
        return "paid" if outcome == "pays" else "unpaid"

    def _complete(self, row: Json, customer: Json, payment_status: str) -> None:
        details = {"email": customer["email"], "name": customer["name"], "tax_exempt": "none", "tax_ids": []}
        shown = conforms(stripe.checkout.Session.CustomerDetails, details)
        self._sim.events.change(
            row, None, status="complete", url=None, payment_status=payment_status, customer_details=shown
        )
        self._sim.events.emit("checkout.session.completed", row)
