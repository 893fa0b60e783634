"""Discounts: coupons and promotion codes as they are applied."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Discounts:
    """Applies coupons."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def given(self, params: Any, customer: Json) -> list[str]:
        """`discounts=[{coupon | promotion_code | discount}]` → ids of discounts. Raises ApiError."""
        found: list[str] = []
        for one in params or []:
            if "discount" in one:
                found.append(self._sim.objects.get("discount", one["discount"], param="discounts", status=400)["id"])
            elif "promotion_code" in one:
                found.append(self._by_code(one["promotion_code"], customer)["id"])
            else:
                coupon = self._sim.objects.get("coupon", one.get("coupon"), param="discounts[coupon]", status=400)
                found.append(self.apply(coupon, customer)["id"])
        return found

    def typed(self, code: str, customer: Json) -> Json:
        """What somebody types at Checkout. Raises ApiError."""
        rows = self._sim.objects.every("promotion_code", code=code, active=True)
        if not rows:
            raise invalid("This code is invalid.", "promotion_code")
        return self._by_code(rows[0]["id"], customer)

    def _by_code(self, id_: str, customer: Json) -> Json:
        code = self._sim.objects.get("promotion_code", id_, param="discounts[promotion_code]", status=400)
        if not code["active"]:
            raise invalid("This promotion code is not active.", "discounts[promotion_code]")
        code["times_redeemed"] += 1
        return self.apply(self._sim.objects.get("coupon", code["promotion"]["coupon"]), customer, code["id"])

    def apply(self, coupon: Json, customer: Json, code: str | None = None) -> Json:
        """A new discount."""
        coupon["times_redeemed"] += 1
        row = shape(
            stripe.Discount,
            id=self._sim.objects.new_id("di"),
            object="discount",
            customer=customer["id"],
            promotion_code=code,
            source={"type": "coupon", "coupon": coupon["id"]},
            start=self._sim.now(),
        )
        self._sim.objects.add(row)
        self._sim.events.emit("customer.discount.created", row)
        return row
