"""Subscription schedules: what a subscription becomes, phase by phase."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.customers import merged
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.periods import after, period_end
from tests.simulators.stripe.shapes import Json, conforms, shape
from tests.simulators.stripe.subscriptions import OVER

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Schedules:
    """`/v1/subscription_schedules`; made from subscriptions only."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "POST /v1/subscription_schedules": Route("SubscriptionScheduleCreateParams", self._create),
            "GET /v1/subscription_schedules": Route("SubscriptionScheduleListParams", self._list),
            "GET /v1/subscription_schedules/{id}": Route("SubscriptionScheduleRetrieveParams", self._retrieve),
            "POST /v1/subscription_schedules/{id}": Route("SubscriptionScheduleUpdateParams", self._update),
            "POST /v1/subscription_schedules/{id}/release": Route("SubscriptionScheduleReleaseParams", self._release),
            "POST /v1/subscription_schedules/{id}/cancel": Route("SubscriptionScheduleCancelParams", self._cancel),
        }

    def step(self, row: Json) -> None:
        """A phase ends: the next begins, or the schedule is over."""
        now = self._sim.now()
        subscription = self._sim.objects.get("subscription", row["subscription"])
        phase = next((one for one in row["phases"] if one["start_date"] <= now < one["end_date"]), None)
        if phase is None:
            self._complete(row, subscription)
            return
        current = conforms(
            stripe.SubscriptionSchedule.CurrentPhase, {"start_date": phase["start_date"], "end_date": phase["end_date"]}
        )
        self._sim.events.change(row, "subscription_schedule.updated", current_phase=current)
        self._become(subscription, phase)

    def _become(self, subscription: Json, phase: Json) -> None:
        old = subscription["items"]["data"]
        items: list[Json] = []
        for number, wanted in enumerate(phase["items"]):
            price = self._sim.objects.get("price", wanted["price"])
            was = old[number] if number < len(old) else None
            end = was["current_period_end"] if was else period_end(subscription)
            start = was["current_period_start"] if was else self._sim.now()
            same = {"id": was["id"], "created": was["created"]} if was else {}
            quantity = wanted["quantity"] or 1
            items.append(self._sim.subscriptions.item(subscription["id"], price, start, end, quantity, **same))
        metadata = merged(subscription["metadata"], phase["metadata"] or {})
        self._sim.subscriptions.change(subscription, items=subscription["items"] | {"data": items}, metadata=metadata)
        subscription["discounts"] = _discounts_of(phase)

    def _complete(self, row: Json, subscription: Json) -> None:
        now = self._sim.now()
        if row["end_behavior"] == "cancel":
            self._sim.events.change(row, None, status="completed", completed_at=now, current_phase=None)
            self._sim.events.emit("subscription_schedule.completed", row)
            subscription["schedule"] = None
            self._sim.subscriptions.end(subscription)
            return
        self._let_go(row, subscription)

    def _let_go(self, row: Json, subscription: Json) -> None:
        self._sim.events.change(
            row,
            None,
            status="released",
            released_at=self._sim.now(),
            released_subscription=subscription["id"],
            subscription=None,
            current_phase=None,
        )
        self._sim.events.emit("subscription_schedule.released", row)
        self._sim.subscriptions.change(subscription, schedule=None)

    def subscription_ended(self, subscription: Json) -> None:
        """Its schedule ends with it."""
        if subscription["schedule"] is not None:
            row = self._sim.objects.get("subscription_schedule", subscription["schedule"])
            now = self._sim.now()
            self._sim.events.change(row, None, status="canceled", canceled_at=now, current_phase=None)
            self._sim.events.emit("subscription_schedule.canceled", row)
            subscription["schedule"] = None

    # ---- endpoints

    def _create(self, call: Call) -> Json:
        params = dict(call.params)
        if "from_subscription" not in params:
            raise invalid("Only `from_subscription` is simulated.", "from_subscription")
        subscription = self._sim.objects.get(
            "subscription", params.pop("from_subscription"), param="from_subscription", status=400
        )
        metadata = params.pop("metadata", {})
        if params:
            told = "You cannot set other parameters when `from_subscription` is set: " + ", ".join(params)
            raise invalid(told, next(iter(params)))
        if subscription["schedule"] is not None:
            raise invalid(
                "You cannot migrate a subscription that is already attached to a schedule.", "from_subscription"
            )
        if subscription["status"] in OVER:
            raise invalid(
                f"You cannot migrate a subscription in the `{subscription['status']}` status.", "from_subscription"
            )
        items = [{"price": one["price"]["id"], "quantity": one["quantity"]} for one in subscription["items"]["data"]]
        start = max(one["current_period_start"] for one in subscription["items"]["data"])
        given: Json = {"items": items, "discounts": subscription["discounts"]}
        phase = self._phase(given, start, period_end(subscription), subscription["currency"])
        row = self._made(subscription, phase, metadata)
        self._sim.events.emit("subscription_schedule.created", self._sim.objects.add(row))
        self._sim.subscriptions.change(subscription, schedule=row["id"])
        return row

    def _made(self, subscription: Json, phase: Json, metadata: dict[str, str]) -> Json:
        return shape(
            stripe.SubscriptionSchedule,
            id=self._sim.objects.new_id("sub_sched"),
            object="subscription_schedule",
            billing_mode=subscription["billing_mode"],
            created=self._sim.now(),
            current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
            customer=subscription["customer"],
            default_settings={
                "billing_cycle_anchor": "automatic",
                "collection_method": "charge_automatically",
                "invoice_settings": {"issuer": {"type": "self"}},
            },
            end_behavior="release",
            livemode=self._sim.livemode,
            metadata=metadata,
            pause_schedules=[],
            phases=[phase],
            status="active",
            subscription=subscription["id"],
        )

    def _phase(self, given: Json, start: int, end: int, currency: str) -> Json:
        items: list[Json] = []
        for number, one in enumerate(given["items"]):
            price = self._sim.catalog.recurring(one.get("price", ""), f"phases[0][items][{number}][price]")
            items.append(
                {
                    "discounts": [],
                    "metadata": {},
                    "plan": price["id"],
                    "price": price["id"],
                    "quantity": one.get("quantity", 1),
                    "tax_rates": [],
                }
            )
        return conforms(
            stripe.SubscriptionSchedule.Phase,
            {
                "add_invoice_items": [],
                "currency": currency,
                "discounts": [{"discount": it} for it in given.get("discounts", [])],
                "end_date": end,
                "items": items,
                "metadata": given.get("metadata", {}),
                "proration_behavior": given.get("proration_behavior", "create_prorations"),
                "start_date": start,
            },
        )

    def _update(self, call: Call) -> Json:
        row = self._active(call)
        params = dict(call.params)
        fields: Json = {}
        if "metadata" in params:
            fields["metadata"] = merged(row["metadata"] or {}, params.pop("metadata"))
        if "end_behavior" in params:
            fields["end_behavior"] = params.pop("end_behavior")
        if "phases" in params:
            fields["phases"] = self._phases(row, params.pop("phases"))
            current = self._current(fields["phases"])
            fields["current_phase"] = conforms(stripe.SubscriptionSchedule.CurrentPhase, current)
            self._discount(row, next(it for it in fields["phases"] if it["start_date"] == current["start_date"]))
        self._sim.refuse(params, "proration_behavior")
        self._sim.events.change(row, "subscription_schedule.updated", **fields)
        return row

    def _discount(self, row: Json, phase: Json) -> None:
        """What a phase does not name is not given off while it lasts."""
        self._sim.objects.get("subscription", row["subscription"])["discounts"] = _discounts_of(phase)

    def _phases(self, row: Json, given: list[Json]) -> list[Json]:
        phases: list[Json] = []
        for number, one in enumerate(given):
            start = phases[-1]["end_date"] if phases else one.get("start_date", row["current_phase"]["start_date"])
            if number == 0 and start != row["current_phase"]["start_date"]:
                raise invalid("You can not modify the start date of the current phase.", "phases[0][start_date]")
            if phases and one.get("start_date", start) != start:
                raise invalid("A phase must begin when the one before it ends.", f"phases[{number}][start_date]")
            self._sim.refuse({k: v for k, v in one.items() if k not in _OF_PHASES})
            customer = self._sim.objects.get("customer", row["customer"])
            one["discounts"] = self._sim.discounts.given(one.get("discounts"), customer)
            phases.append(self._phase(one, start, self._ends(one, start, number), row["phases"][0]["currency"]))
        return phases

    def _ends(self, one: Json, start: int, number: int) -> int:
        if "end_date" in one:
            if one["end_date"] <= start:
                raise invalid("The end date of a phase must be after its start date.", f"phases[{number}][end_date]")
            return one["end_date"]
        duration = one.get("duration")
        if duration is not None:
            return after(start, {"interval_count": 1} | duration)
        price = self._sim.objects.get("price", one["items"][0]["price"])
        return after(start, price["recurring"])

    def _current(self, phases: list[Json]) -> Json:
        now = self._sim.now()
        found = [one for one in phases if one["start_date"] <= now < one["end_date"]]
        if not found:
            raise invalid("The schedule has no phase for the present moment.", "phases")
        return {"start_date": found[0]["start_date"], "end_date": found[0]["end_date"]}

    def _active(self, call: Call) -> Json:
        row = self._sim.objects.get("subscription_schedule", call.ids["id"])
        if row["status"] != "active":
            told = f"You cannot change a subscription schedule that is currently in the `{row['status']}` status."
            raise invalid(told)
        return row

    def _release(self, call: Call) -> Json:
        row = self._active(call)
        self._let_go(row, self._sim.objects.get("subscription", row["subscription"]))
        return row

    def _cancel(self, call: Call) -> Json:
        row = self._active(call)
        self._sim.subscriptions.end(self._sim.objects.get("subscription", row["subscription"]))
        return row

    def _list(self, call: Call) -> Json:
        rows = self._sim.objects.every("subscription_schedule", customer=call.params.get("customer"))
        return page("/v1/subscription_schedules", rows, call.params)

    def _retrieve(self, call: Call) -> Any:
        return self._sim.objects.get("subscription_schedule", call.ids["id"])


_OF_PHASES = {"items", "start_date", "end_date", "duration", "discounts", "metadata", "proration_behavior"}


def _discounts_of(phase: Json) -> list[str]:
    return [one["discount"] for one in phase["discounts"]]
