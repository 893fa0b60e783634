"""Webhook endpoints as the API shows them."""

from typing import TYPE_CHECKING

import stripe
from stripe import api_version

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.customers import merged
from tests.simulators.stripe.deliveries import Endpoint
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Endpoints:
    """`/v1/webhook_endpoints`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "POST /v1/webhook_endpoints": Route("WebhookEndpointCreateParams", self._create),
            "GET /v1/webhook_endpoints": Route("WebhookEndpointListParams", self._list),
            "GET /v1/webhook_endpoints/{id}": Route("WebhookEndpointRetrieveParams", self._retrieve),
            "POST /v1/webhook_endpoints/{id}": Route("WebhookEndpointUpdateParams", self._update),
            "DELETE /v1/webhook_endpoints/{id}": Route("WebhookEndpointDeleteParams", self._delete),
        }

    def make(
        self,
        url: str,
        types: list[str],
        secrets: list[str],
        *,
        connect: bool = False,
        version: str = api_version,
        **more: object,
    ) -> Endpoint:
        """An endpoint; events of these types are posted there from now on."""
        row = shape(
            stripe.WebhookEndpoint,
            id=self._sim.objects.new_id("we"),
            object="webhook_endpoint",
            api_version=version,
            application="ca_simulated" if connect else None,
            created=self._sim.now(),
            enabled_events=types,
            livemode=self._sim.livemode,
            status="enabled",
            url=url,
            **{"metadata": {}} | more,
        )
        self._sim.objects.add(row)
        endpoint = Endpoint(row["id"], url, secrets, types, connect)
        self._sim.deliveries.endpoints.append(endpoint)
        return endpoint

    def _create(self, call: Call) -> Json:
        params = dict(call.params)
        connect = params.pop("connect", False)
        secret = self._sim.connect_secret if connect else self._sim.secret
        endpoint = self.make(
            params.pop("url"),
            params.pop("enabled_events"),
            [secret],
            connect=connect,
            version=params.pop("api_version", api_version),
            **params,
        )
        return self._sim.objects.get("webhook_endpoint", endpoint.id) | {"secret": secret}

    def _list(self, call: Call) -> Json:
        return page("/v1/webhook_endpoints", self._sim.objects.every("webhook_endpoint"), call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("webhook_endpoint", call.ids["id"])

    def _update(self, call: Call) -> Json:
        row = self._retrieve(call)
        params = dict(call.params)
        endpoint = self._endpoint(row["id"])
        if "disabled" in params:
            endpoint.enabled = not params.pop("disabled")
            row["status"] = "enabled" if endpoint.enabled else "disabled"
        if "metadata" in params:
            row["metadata"] = merged(row["metadata"], params.pop("metadata"))
        row.update(params)
        endpoint.url, endpoint.types = row["url"], row["enabled_events"]
        return row

    def _delete(self, call: Call) -> Json:
        row = self._retrieve(call)
        self._sim.deliveries.endpoints.remove(self._endpoint(row["id"]))
        self._sim.objects.remove(row["id"])
        return {"id": row["id"], "object": "webhook_endpoint", "deleted": True}

    def _endpoint(self, id_: str) -> Endpoint:
        return next(one for one in self._sim.deliveries.endpoints if one.id == id_)
