"""Products, prices, coupons and promotion codes."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.errors import invalid, missing
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Catalog:
    """What is sold. Tests make it by `price`, `coupon` and `promotion_code`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "POST /v1/products": Route("ProductCreateParams", self._create_product),
            "GET /v1/products": Route("ProductListParams", self._list_products),
            "GET /v1/products/{id}": Route("ProductRetrieveParams", self._retrieve_product),
            "POST /v1/prices": Route("PriceCreateParams", self._create_price),
            "GET /v1/prices": Route("PriceListParams", self._list_prices),
            "GET /v1/prices/{id}": Route("PriceRetrieveParams", self._retrieve_price),
            "POST /v1/coupons": Route("CouponCreateParams", lambda call: self.coupon(**call.params)),
            "GET /v1/coupons": Route("CouponListParams", self._list_coupons),
            "GET /v1/coupons/{id}": Route("CouponRetrieveParams", self._retrieve_coupon),
            "POST /v1/promotion_codes": Route("PromotionCodeCreateParams", self._create_promotion_code),
            "GET /v1/promotion_codes": Route("PromotionCodeListParams", self._list_promotion_codes),
        }

    # ---- what tests say

    def price(
        self,
        amount: int = 500,
        currency: str = "usd",
        *,
        product: str = "Pro",
        interval: str | None = "month",
        count: int = 1,
        id_: str | None = None,
        **more: Any,
    ) -> Json:
        """A price (recurring unless `interval` is None) of a product by this name."""
        found = next((one for one in self._sim.objects.every("product") if one["name"] == product), None)
        owner = found or self.product(product)
        recurring = {"interval": interval, "interval_count": count, "usage_type": "licensed"} if interval else None
        row = shape(
            stripe.Price,
            id=id_ or self._sim.objects.new_id("price"),
            object="price",
            active=True,
            billing_scheme="per_unit",
            created=self._sim.now(),
            currency=currency,
            livemode=self._sim.livemode,
            metadata=more.pop("metadata", {}),
            product=owner["id"],
            recurring=recurring,
            tax_behavior="unspecified",
            type="recurring" if recurring else "one_time",
            unit_amount=amount,
            unit_amount_decimal=str(amount),
            **more,
        )
        self._sim.events.emit("price.created", self._sim.objects.add(row))
        return row

    def product(self, name: str, **more: Any) -> Json:
        row = shape(
            stripe.Product,
            id=more.pop("id", None) or self._sim.objects.new_id("prod"),
            object="product",
            active=more.pop("active", True),
            created=self._sim.now(),
            images=[],
            livemode=self._sim.livemode,
            marketing_features=[],
            metadata=more.pop("metadata", {}),
            name=name,
            type="service",
            updated=self._sim.now(),
            **more,
        )
        self._sim.events.emit("product.created", self._sim.objects.add(row))
        return row

    def coupon(self, **given: Any) -> Json:
        """`percent_off`, or `amount_off` with `currency`; `duration` once (default), repeating or forever."""
        if ("percent_off" in given) is ("amount_off" in given):
            raise invalid("Must provide percent_off or amount_off.", "percent_off")
        fields = {"duration": "once", "metadata": {}} | given
        fields["id"] = fields.get("id") or self._sim.objects.new_id("co")
        row = shape(
            stripe.Coupon,
            object="coupon",
            created=self._sim.now(),
            livemode=self._sim.livemode,
            times_redeemed=0,
            valid=True,
            **fields,
        )
        self._sim.events.emit("coupon.created", self._sim.objects.add(row))
        return row

    def promotion_code(self, code: str, coupon: str) -> Json:
        """What a customer types at Checkout."""
        self._sim.objects.get("coupon", coupon, param="coupon", status=400)
        row = shape(
            stripe.PromotionCode,
            id=self._sim.objects.new_id("promo"),
            object="promotion_code",
            active=True,
            code=code,
            created=self._sim.now(),
            livemode=self._sim.livemode,
            metadata={},
            promotion={"type": "coupon", "coupon": coupon},
            restrictions={"first_time_transaction": False},
            times_redeemed=0,
        )
        self._sim.events.emit("promotion_code.created", self._sim.objects.add(row))
        return row

    # ---- what others ask

    def plan(self, price: Json) -> Json:
        """The old name of a recurring price, which subscription items still show."""
        recurring = price["recurring"]
        return shape(
            stripe.Plan,
            id=price["id"],
            object="plan",
            active=price["active"],
            amount=price["unit_amount"],
            amount_decimal=price["unit_amount_decimal"],
            billing_scheme="per_unit",
            created=price["created"],
            currency=price["currency"],
            interval=recurring["interval"],
            interval_count=recurring["interval_count"],
            livemode=price["livemode"],
            metadata={},
            product=price["product"],
            usage_type="licensed",
        )

    def recurring(self, id_: str, param: str = "items[0][price]") -> Json:
        """A price that a subscription may have. Raises ApiError."""
        price = self._sim.objects.get("price", id_, param=param, status=400)
        if price["recurring"] is None:
            raise invalid(
                "The price specified is `type=one_time` but this field only accepts prices with `type=recurring`.",
                param,
            )
        if not price["active"]:
            raise invalid("The price specified is inactive. This field only accepts active prices.", param)
        return price

    # ---- endpoints

    def _create_product(self, call: Call) -> Json:
        params = call.params
        if "default_price_data" in params:
            raise invalid("default_price_data is not simulated", "default_price_data")
        return self.product(params.pop("name"), **params)

    def _list_products(self, call: Call) -> Json:
        rows = self._sim.objects.every("product", active=call.params.get("active"))
        ids = call.params.get("ids")
        return page("/v1/products", [row for row in rows if ids is None or row["id"] in ids], call.params)

    def _retrieve_product(self, call: Call) -> Json:
        return self._sim.objects.get("product", call.ids["id"])

    def _create_price(self, call: Call) -> Json:
        params = call.params
        if "product" in params:
            product = self._sim.objects.get("product", params["product"], param="product", status=400)["name"]
        elif "product_data" in params:
            product = self.product(params["product_data"]["name"])["name"]
        else:
            raise invalid("You must specify either `product` or `product_data` when creating a price.", "product")
        recurring = params.get("recurring") or {}
        more = {name: params[name] for name in ("metadata", "nickname", "lookup_key") if name in params}
        if "unit_amount" not in params:
            raise invalid("Missing required param: unit_amount.", "unit_amount", "parameter_missing")
        return self.price(
            params["unit_amount"],
            params["currency"],
            product=product,
            interval=recurring.get("interval"),
            count=recurring.get("interval_count", 1),
            **more,
        )

    def _list_prices(self, call: Call) -> Json:
        params = call.params
        rows = self._sim.objects.every(
            "price",
            active=params.get("active"),
            product=params.get("product"),
            type=params.get("type"),
            currency=params.get("currency"),
        )
        keys = params.get("lookup_keys")
        return page("/v1/prices", [row for row in rows if keys is None or row["lookup_key"] in keys], params)

    def _retrieve_price(self, call: Call) -> Json:
        return self._sim.objects.get("price", call.ids["id"])

    def _list_coupons(self, call: Call) -> Json:
        return page("/v1/coupons", self._sim.objects.every("coupon"), call.params)

    def _retrieve_coupon(self, call: Call) -> Json:
        return self._sim.objects.get("coupon", call.ids["id"])

    def _create_promotion_code(self, call: Call) -> Json:
        coupon = call.params["promotion"].get("coupon")
        if coupon is None:
            raise missing("coupon", "", "promotion[coupon]", status=400)
        return self.promotion_code(call.params.get("code") or self._sim.objects.new_id("CODE"), coupon)

    def _list_promotion_codes(self, call: Call) -> Json:
        rows = self._sim.objects.every("promotion_code", active=call.params.get("active"), code=call.params.get("code"))
        return page("/v1/promotion_codes", rows, call.params)
