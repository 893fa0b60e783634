"""Prorations: what changing items in the middle of a period costs, and gives back."""

from typing import TYPE_CHECKING, Any

from tests.simulators.stripe.periods import after, cost, share
from tests.simulators.stripe.shapes import Json

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Prorations:
    """Works them out."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def lines(self, row: Json, items: list[Json], at: int, *, reset: bool = False) -> list[Json]:
        """The lines of going from the present items to these at this moment; `items` get their new periods."""
        found: list[Json] = []
        old = {item["id"]: item for item in row["items"]["data"]}
        trial = row["status"] == "trialing" and not reset
        for item in items:
            was = old.pop(item["id"], None)
            restart = reset or (was is not None and _interval(was) != _interval(item))
            if was is not None and _same(was, item) and not reset:
                continue
            if was is not None and not trial and row["status"] != "trialing":
                found.append(self._credit(was, at))
            if restart:
                item["current_period_start"] = at
                item["current_period_end"] = after(at, item["price"]["recurring"])
                found.append(self._sim.drafts.line(item, cost(item), at, item["current_period_end"]))
            elif not trial:
                found.append(self._debit(item, at))
        gone = [] if trial else [self._credit(was, at) for was in old.values()]
        return found + gone

    def _credit(self, was: Json, at: int) -> Json:
        start, end = was["current_period_start"], was["current_period_end"]
        return self._sim.drafts.line(
            was, -share(cost(was), start, end, at), at, end, proration=True, text="Unused time"
        )

    def _debit(self, item: Json, at: int) -> Json:
        start, end = item["current_period_start"], item["current_period_end"]
        whole = start if start < at else end - (after(start, item["price"]["recurring"]) - start)
        amount = share(cost(item), whole, end, at)
        return self._sim.drafts.line(item, amount, at, end, proration=True, text="Remaining time")


def _interval(item: Json) -> tuple[Any, Any]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _same(was: Json, item: Json) -> bool:
    return was["price"]["id"] == item["price"]["id"] and was["quantity"] == item["quantity"]
