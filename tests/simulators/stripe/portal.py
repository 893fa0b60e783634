"""The customer portal."""

from typing import TYPE_CHECKING

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Portal:
    """`/v1/billing_portal/…`. What customers do there, tests do by the other parts."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {
            "POST /v1/billing_portal/sessions": Route("billing_portal.SessionCreateParams", self._create_session),
            "POST /v1/billing_portal/configurations": Route("billing_portal.ConfigurationCreateParams", self._create),
            "GET /v1/billing_portal/configurations": Route("billing_portal.ConfigurationListParams", self._list),
            "GET /v1/billing_portal/configurations/{id}": Route(
                "billing_portal.ConfigurationRetrieveParams", self._retrieve
            ),
        }

    def configuration(self, features: Json | None = None, *, default: bool = True, **more: object) -> Json:
        """What customers may do: everything that is not named here is off."""
        row = shape(
            stripe.billing_portal.Configuration,
            id=self._sim.objects.new_id("bpc"),
            object="billing_portal.configuration",
            active=True,
            business_profile=more.pop("business_profile", {}),
            created=self._sim.now(),
            features=_features(features or {}),
            is_default=default,
            livemode=self._sim.livemode,
            login_page=more.pop("login_page", {"enabled": False}),
            updated=self._sim.now(),
            **{"metadata": {}} | more,
        )
        self._sim.events.emit("billing_portal.configuration.created", self._sim.objects.add(row))
        return row

    def _create_session(self, call: Call) -> Json:
        params = dict(call.params)
        if "customer" not in params:
            raise invalid("Missing required param: customer.", "customer", "parameter_missing")
        customer = self._sim.customers.living(params.pop("customer"))
        wanted = params.pop("configuration", None)
        if wanted is not None:
            configuration = self._sim.objects.get(
                "billing_portal.configuration", wanted, param="configuration", status=400
            )
        else:
            configuration = self._default()
        id_ = self._sim.objects.new_id("bps")
        row = shape(
            stripe.billing_portal.Session,
            id=id_,
            object="billing_portal.session",
            configuration=configuration["id"],
            created=self._sim.now(),
            customer=customer["id"],
            livemode=self._sim.livemode,
            locale=params.pop("locale", None),
            return_url=params.pop("return_url", configuration["default_return_url"]),
            url=f"{self._sim.url}/p/session/{id_}",
        )
        self._sim.refuse(params, "flow_data")
        self._sim.events.emit("billing_portal.session.created", self._sim.objects.add(row))
        return row

    def _default(self) -> Json:
        rows = self._sim.objects.every("billing_portal.configuration", is_default=True)
        return rows[0] if rows else self.configuration({"subscription_cancel": {"enabled": True}})

    def _create(self, call: Call) -> Json:
        params = dict(call.params)
        return self.configuration(params.pop("features"), default=False, **params)

    def _list(self, call: Call) -> Json:
        active, default = call.params.get("active"), call.params.get("is_default")
        rows = self._sim.objects.every("billing_portal.configuration", active=active, is_default=default)
        return page("/v1/billing_portal/configurations", rows, call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._sim.objects.get("billing_portal.configuration", call.ids["id"])


def _features(given: Json) -> Json:
    off: Json = {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
        "subscription_update": {
            "default_allowed_updates": [],
            "enabled": False,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }
    return {name: feature | given.get(name, {}) for name, feature in off.items()}
