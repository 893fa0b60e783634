"""What happened: snapshots of objects, kept for 30 days and delivered."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import stripe
from stripe import api_version

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.clock import DAY
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, copied, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Events:
    """`/v1/events`, and the making of them."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self.never: list[str] = []
        """Globs of types that are not even generated: neither delivered nor listed."""
        self.api_version: str = api_version

    def routes(self) -> Routes:
        return {
            "GET /v1/events": Route("EventListParams", self.list),
            "GET /v1/events/{id}": Route("EventRetrieveParams", self.retrieve),
        }

    def emit(self, type_: str, row: Json, previous: Json | None = None, account: str | None = None) -> Json | None:
        """An event about an object as it is now; None if it is never generated."""
        if any(fnmatchcase(type_, glob) for glob in self.never):
            return None
        data: Json = {"object": copied(row)}
        if previous is not None:
            data["previous_attributes"] = previous
        more: Json = {} if account is None else {"account": account}
        event = shape(
            stripe.Event,
            id=self._sim.objects.new_id("evt"),
            object="event",
            api_version=self.api_version,
            created=self._sim.now(),
            data=data,
            livemode=self._sim.livemode,
            pending_webhooks=0,
            request={"id": self._sim.request_id, "idempotency_key": self._sim.idempotency_key},
            type=type_,
            **more,
        )
        self._sim.objects.add(event, account)
        self._sim.deliveries.dispatch(event)
        return event

    def change(self, row: Json, type_: str | None, account: str | None = None, **fields: object) -> bool:
        """Fields of an object change; the event tells what they were before. False if nothing changed."""
        previous = {name: row.get(name) for name, value in fields.items() if row.get(name) != value}
        if not previous:
            return False
        row.update(fields)
        if type_ is not None:
            self.emit(type_, row, copied(previous), account)
        return True

    def list(self, call: Call) -> Json:
        """Of 30 days, by `type` or `types`, and by whether they reached their endpoints."""
        params = call.params
        oldest = self._sim.now() - 30 * DAY
        found = [row for row in self._sim.objects.every("event", call.account) if row["created"] >= oldest]
        if "type" in params:
            found = [row for row in found if fnmatchcase(row["type"], params["type"])]
        if "types" in params:
            found = [row for row in found if row["type"] in params["types"]]
        if "delivery_success" in params:
            wanted = params["delivery_success"]
            found = [row for row in found if self._sim.deliveries.succeeded(row["id"]) is wanted]
        return page("/v1/events", found, params)

    def retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("event", call.ids["id"], call.account)
