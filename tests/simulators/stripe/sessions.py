"""Checkout sessions as the API makes and shows them."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.clock import DAY, HOUR
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, listed, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

SHORTEST = 30 * 60
UNDERSTOOD = {
    "adaptive_pricing",
    "after_expiration",
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "customer",
    "customer_email",
    "customer_update",
    "discounts",
    "expires_at",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_collection",
    "submit_type",
    "subscription_data",
    "success_url",
    "tax_id_collection",
}
SHOWN = {
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "locale",
    "metadata",
    "payment_method_collection",
    "submit_type",
    "success_url",
}


class Sessions:
    """`/v1/checkout/sessions`; what payers do with them: `checkout`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self.params: dict[str, Json] = {}
        """session → what it was made with."""
        sim.expander.included["checkout.session", "line_items"] = self._line_items_of

    def routes(self) -> Routes:
        return {
            "POST /v1/checkout/sessions": Route("checkout.SessionCreateParams", self._create),
            "GET /v1/checkout/sessions": Route("checkout.SessionListParams", self._list),
            "GET /v1/checkout/sessions/{id}": Route("checkout.SessionRetrieveParams", self._retrieve),
            "POST /v1/checkout/sessions/{id}/expire": Route("checkout.SessionExpireParams", self._expire),
            "GET /v1/checkout/sessions/{id}/line_items": Route(
                "checkout.SessionListLineItemsParams", lambda call: self._line_items_of(self._retrieve(call))
            ),
        }

    def discounts(self, row: Json) -> list[str]:
        """Those that apply; more may be added."""
        return self.params[row["id"]]["discount_ids"]

    def trial(self, row: Json) -> Json:
        """`trial_days` and `trial_end`."""
        data = self.params[row["id"]].get("subscription_data", {})
        return {"trial_days": data.get("trial_period_days"), "trial_end": data.get("trial_end")}

    # ---- endpoints

    def _create(self, call: Call) -> Json:
        params = dict(call.params)
        self._sim.refuse({name: value for name, value in params.items() if name not in UNDERSTOOD})
        mode = params.get("mode")
        if mode not in {"payment", "subscription"}:
            raise invalid("Missing required param: mode.", "mode", "parameter_missing", stored=False)
        if "success_url" not in params:
            raise invalid("Missing required param: success_url.", "success_url", "parameter_missing", stored=False)
        if "allow_promotion_codes" in params and "discounts" in params:
            raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.")
        self._check_mode(mode, params)
        if "customer" in params:
            customer = self._sim.customers.living(params["customer"])
            params["discount_ids"] = self._sim.discounts.given(params.get("discounts"), customer)
        elif "discounts" in params:
            raise invalid("Only discounts of known customers are simulated.", "discounts")
        params.setdefault("discount_ids", [])
        params["line_items"] = [
            self._line_item(one, mode, f"line_items[{n}]") for n, one in enumerate(params.get("line_items", []))
        ]
        if not params["line_items"]:
            raise invalid("Missing required param: line_items.", "line_items", "parameter_missing", stored=False)
        row = self._made(mode, params)
        self.params[row["id"]] = params
        self.amounts(row)
        return self._sim.objects.add(row)

    def _check_mode(self, mode: str, params: Json) -> None:
        wrong = "payment_intent_data" if mode == "subscription" else "subscription_data"
        if wrong in params:
            raise invalid(f"You can not pass `{wrong}` in `{mode}` mode.", wrong)
        if mode == "payment" and "payment_method_collection" in params:
            raise invalid(
                "You can only set `payment_method_collection` in `subscription` mode.", "payment_method_collection"
            )
        data = params.get("payment_intent_data", {})
        if "transfer_data" in data:
            self._sim.connect.payable(data["transfer_data"]["destination"])
        elif "application_fee_amount" in data:
            told = "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment"
            raise invalid(told, "payment_intent_data[application_fee_amount]")

    def _line_item(self, one: Json, mode: str, at: str) -> Json:
        if "price_data" in one:
            data = one["price_data"]
            recurring = data.get("recurring") or {}
            name = data.get("product_data", {}).get("name")
            if name is None:
                name = self._sim.objects.get("product", data.get("product"), param=f"{at}[price_data]")["name"]
            if "unit_amount" not in data:
                raise invalid("Missing required param: unit_amount.", f"{at}[price_data][unit_amount]")
            price = self._sim.catalog.price(
                data["unit_amount"],
                data["currency"],
                product=name,
                interval=recurring.get("interval"),
                count=recurring.get("interval_count", 1),
            )
            one = {"price": price["id"], "quantity": one.get("quantity")}
        price = self._sim.objects.get("price", one.get("price"), param=f"{at}[price]", status=400)
        if not one.get("quantity"):
            raise invalid("Missing required param: quantity.", f"{at}[quantity]", "parameter_missing")
        if not price["active"]:
            raise invalid("The price specified is inactive. This field only accepts active prices.", f"{at}[price]")
        if mode == "payment" and price["recurring"] is not None:
            raise invalid("You specified `payment` mode but passed a recurring price.", f"{at}[price]")
        if mode == "subscription" and price["recurring"] is None:
            raise invalid("You must provide at least one recurring price in `subscription` mode.", f"{at}[price]")
        return one

    def _made(self, mode: str, params: Json) -> Json:
        now = self._sim.now()
        expires = params.get("expires_at", now + DAY)
        if not now + SHORTEST - 5 <= expires <= now + DAY + HOUR:
            raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", "expires_at")
        id_ = self._sim.objects.new_id("cs_live" if self._sim.livemode else "cs_test")
        tax = params.get("automatic_tax") or {"enabled": False}
        fields: dict[str, Any] = {"metadata": {}} | {name: params[name] for name in SHOWN if name in params}
        if mode == "subscription":
            fields.setdefault("payment_method_collection", "always")
        return shape(
            stripe.checkout.Session,
            id=id_,
            object="checkout.session",
            automatic_tax={"enabled": tax["enabled"]},
            created=now,
            currency=self._price(params["line_items"][0])["currency"],
            custom_fields=[],
            custom_text={},
            customer=params.get("customer"),
            expires_at=expires,
            livemode=self._sim.livemode,
            mode=mode,
            payment_method_types=["card"],
            payment_status="unpaid",
            shipping_options=[],
            status="open",
            total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            ui_mode="hosted_page",
            url=f"{self._sim.url}/c/pay/{id_}",
            **fields,
        )

    def _price(self, one: Json) -> Json:
        return self._sim.objects.get("price", one["price"])

    def amounts(self, row: Json) -> None:
        """Work out what it costs."""
        lines = self.params[row["id"]]["line_items"]
        full = sum(self._price(one)["unit_amount"] * one["quantity"] for one in lines)
        subtotal = 0 if any(self.trial(row).values()) else full
        off = sum(one["amount"] for one in self._sim.drafts.off(subtotal, self.discounts(row)))
        row["amount_subtotal"], row["amount_total"] = subtotal, subtotal - off
        row["total_details"]["amount_discount"] = off

    def _line_items_of(self, row: Json) -> Json:
        rows = [self._shown(row, number, one) for number, one in enumerate(self.params[row["id"]]["line_items"])]
        return listed(f"/v1/checkout/sessions/{row['id']}/line_items", rows)

    def _shown(self, row: Json, number: int, one: Json) -> Json:
        price = self._price(one)
        amount = price["unit_amount"] * one["quantity"]
        return shape(
            stripe.LineItem,
            id=f"li_{row['id'][-8:]}{number}",
            object="item",
            amount_discount=0,
            amount_subtotal=amount,
            amount_tax=0,
            amount_total=amount,
            currency=price["currency"],
            description=self._sim.objects.get("product", price["product"])["name"],
            price=price,
            quantity=one["quantity"],
        )

    def _list(self, call: Call) -> Json:
        params = call.params
        rows = self._sim.objects.every(
            "checkout.session",
            customer=params.get("customer"),
            status=params.get("status"),
            subscription=params.get("subscription"),
            payment_intent=params.get("payment_intent"),
        )
        return page("/v1/checkout/sessions", rows, params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("checkout.session", call.ids["id"])

    def _expire(self, call: Call) -> Json:
        row = self._retrieve(call)
        if row["status"] != "open":
            told = 'Only Checkout Sessions with a status in ["open"] can be expired.'
            raise invalid(f"{told} This Checkout Session has a status of {row['status']}.")
        self._sim.checkout.expire(row)
        return row
