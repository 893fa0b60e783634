"""What destination charges move: transfers and application fees."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, listed, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Transfers:
    """`/v1/transfers`, `/v1/application_fees`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "GET /v1/transfers": Route("TransferListParams", self._list),
            "GET /v1/transfers/{id}": Route("TransferRetrieveParams", self._retrieve),
            "GET /v1/application_fees": Route("ApplicationFeeListParams", self._list_fees),
            "GET /v1/application_fees/{id}": Route("ApplicationFeeRetrieveParams", self._retrieve_fee),
        }

    def of(self, intent: Json, charge: Json) -> None:
        """The money goes on to the destination, less the fee."""
        if intent["transfer_data"] is None:
            return
        destination = intent["transfer_data"]["destination"]
        id_ = self._sim.objects.new_id("tr")
        transfer = shape(
            stripe.Transfer,
            id=id_,
            object="transfer",
            amount=charge["amount"],
            amount_reversed=0,
            created=self._sim.now(),
            currency=charge["currency"],
            destination=destination,
            destination_payment=self._sim.objects.new_id("py"),
            livemode=self._sim.livemode,
            metadata={},
            reversals=listed(f"/v1/transfers/{id_}/reversals", []),
            reversed=False,
            source_transaction=charge["id"],
            source_type="card",
        )
        charge["transfer"] = self._sim.objects.add(transfer)["id"]
        self._sim.events.emit("transfer.created", transfer)
        if intent["application_fee_amount"]:
            charge["application_fee"] = self._fee(intent, charge, destination)["id"]

    def _fee(self, intent: Json, charge: Json, destination: str) -> Json:
        id_ = self._sim.objects.new_id("fee")
        row = shape(
            stripe.ApplicationFee,
            id=id_,
            object="application_fee",
            account=destination,
            amount=intent["application_fee_amount"],
            amount_refunded=0,
            application="ca_simulated",
            charge=charge["id"],
            created=self._sim.now(),
            currency=charge["currency"],
            livemode=self._sim.livemode,
            originating_transaction=charge["id"],
            refunded=False,
            refunds=listed(f"/v1/application_fees/{id_}/refunds", []),
        )
        self._sim.events.emit("application_fee.created", self._sim.objects.add(row))
        return row

    def reverse(self, charge: Json, amount: int, refund: Json) -> str | None:
        """Take a refund's share back from the destination; the reversal's id."""
        if charge["transfer"] is None:
            return None
        transfer = self._sim.objects.get("transfer", charge["transfer"])
        share = min(amount, transfer["amount"] - transfer["amount_reversed"])
        row = shape(
            stripe.TransferReversal,
            id=self._sim.objects.new_id("trr"),
            object="transfer_reversal",
            amount=share,
            created=self._sim.now(),
            currency=transfer["currency"],
            metadata={},
            source_refund=refund["id"],
            transfer=transfer["id"],
        )
        self._sim.objects.add(row)
        transfer["reversals"]["data"].append(row)
        reversed_ = transfer["amount_reversed"] + share
        done = reversed_ == transfer["amount"]
        self._sim.events.change(transfer, "transfer.reversed", amount_reversed=reversed_, reversed=done)
        return row["id"]

    def refund_fee(self, charge: Json, amount: int) -> None:
        """Give the fee's share of a refund back to the destination."""
        if charge["application_fee"] is None:
            return
        fee = self._sim.objects.get("application_fee", charge["application_fee"])
        share = min(fee["amount"] * amount // charge["amount"], fee["amount"] - fee["amount_refunded"])
        refunded = fee["amount_refunded"] + share
        done = refunded == fee["amount"]
        self._sim.events.change(fee, "application_fee.refunded", amount_refunded=refunded, refunded=done)

    # ---- endpoints

    def _list(self, call: Call) -> Json:
        rows = self._sim.objects.every("transfer", destination=call.params.get("destination"))
        return page("/v1/transfers", rows, call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("transfer", call.ids["id"])

    def _list_fees(self, call: Call) -> Json:
        rows = self._sim.objects.every("application_fee", charge=call.params.get("charge"))
        return page("/v1/application_fees", rows, call.params)

    def _retrieve_fee(self, call: Call) -> Json:
        return self._sim.objects.get("application_fee", call.ids["id"])
