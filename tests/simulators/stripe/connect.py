"""The platform's own account, and the accounts that are connected to it."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.simulators.stripe.calls import Call, Route, Routes
from tests.simulators.stripe.customers import merged
from tests.simulators.stripe.errors import ApiError, invalid
from tests.simulators.stripe.objects import page
from tests.simulators.stripe.shapes import Json, conforms, shape

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

DUE = ["business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip"]
LINK_LIVES = 300
"""Seconds."""


class Connect:
    """`/v1/account`, `/v1/accounts`, `/v1/account_links`. Their owners: `onboard`, `restrict`, `deauthorise`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self.enabled = True
        """Has the platform signed up for Connect?"""
        self.links: dict[str, Json] = {}
        """URL → its account link."""
        self._own: Json = {}

    def routes(self) -> Routes:
        return {
            "GET /v1/account": Route("AccountRetrieveCurrentParams", self._retrieve_current),
            "POST /v1/accounts": Route("AccountCreateParams", self._create),
            "GET /v1/accounts": Route("AccountListParams", self._list),
            "GET /v1/accounts/{id}": Route("AccountRetrieveParams", self._retrieve),
            "POST /v1/accounts/{id}": Route("AccountUpdateParams", self._update),
            "DELETE /v1/accounts/{id}": Route("AccountDeleteParams", self._delete),
            "POST /v1/account_links": Route("AccountLinkCreateParams", self._create_link),
        }

    # ---- what owners of accounts do

    def onboard(self, account: str, *, url: str | None = None) -> Json:
        """Everything that Stripe asks for is given, through the account link `url` if named: money may flow."""
        if url is not None:
            self._use(url, account)
        row = self._sim.objects.get("account", account)
        asked = row["capabilities"]
        self._changed(
            row,
            capabilities=dict.fromkeys(asked, "active"),
            charges_enabled="card_payments" in asked,
            details_submitted=True,
            payouts_enabled=True,
            requirements=_requirements(),
        )
        return row

    def restrict(self, account: str, reason: str = "requirements.past_due") -> Json:
        """Stripe wants more of them: no money flows until they are onboarded again."""
        row = self._sim.objects.get("account", account)
        self._changed(
            row,
            capabilities=dict.fromkeys(row["capabilities"], "inactive"),
            charges_enabled=False,
            payouts_enabled=False,
            requirements=_requirements(due=["individual.verification.document"], reason=reason),
        )
        return row

    def deauthorise(self, account: str) -> None:
        """They leave the platform: it may not even look at the account any more."""
        row = self._sim.objects.get("account", account)
        application = {"id": "ca_simulated", "object": "application", "name": "Platform"}
        self._sim.events.emit("account.application.deauthorized", application, account=row["id"])
        self._sim.objects.remove(account)

    def payable(self, account: str) -> None:
        """Raises ApiError unless money can be sent there."""
        param = "payment_intent_data[transfer_data][destination]"
        row = self._sim.objects.get("account", account, param=param, status=400)
        if row["capabilities"].get("transfers") != "active":
            told = (
                "Your destination account needs to have at least one of the following capabilities enabled: transfers,"
            )
            raise invalid(f"{told} crypto_transfers, legacy_payments", param, "insufficient_capabilities_for_transfer")

    def _changed(self, row: Json, **fields: Any) -> None:
        if self._sim.events.change(row, None, **fields):
            self._sim.events.emit("account.updated", row, account=row["id"])

    def _use(self, url: str, account: str) -> None:
        link = self.links.pop(url, None)
        assert link is not None, "an account link works once"
        assert link["account"] == account, link
        assert link["expires_at"] > self._sim.now(), "this account link has expired"

    # ---- endpoints

    def _retrieve_current(self, call: Call) -> Json:
        if call.account is not None:
            return self._sim.objects.get("account", call.account)
        if not self._own:
            self._own = self._account(country="US", email="operator@example.com", controller={"type": "account"})
            self._own |= {"charges_enabled": True, "payouts_enabled": True, "details_submitted": True}
        return self._own

    def _create(self, call: Call) -> Json:
        if not self.enabled:
            raise invalid("You can only create new accounts if you've signed up for Connect.")
        params = dict(call.params)
        controller = params.pop("controller", None)
        if controller is None or "type" in params:
            raise invalid("Only accounts with `controller` properties are simulated.", "type")
        given = conforms(stripe.Account.Controller, {"type": "application", "is_controller": True} | controller)
        asked = {name: "inactive" for name, one in params.pop("capabilities", {}).items() if one.get("requested")}
        known = ("country", "email", "metadata", "business_type", "business_profile", "default_currency")
        more = {name: params.pop(name) for name in known if name in params}
        self._sim.refuse(params, "settings")
        row = self._account(capabilities=asked, controller=given, **more)
        self._sim.objects.add(row)
        self._sim.events.emit("account.updated", row, account=row["id"])
        return row

    def _account(self, **more: Any) -> Json:
        fields: Json = {"country": "US", "default_currency": "usd", "metadata": {}, "capabilities": {}} | more
        return shape(
            stripe.Account,
            id=self._sim.objects.new_id("acct"),
            object="account",
            charges_enabled=False,
            created=self._sim.now(),
            details_submitted=False,
            payouts_enabled=False,
            requirements=_requirements(due=DUE, reason="requirements.past_due"),
            tos_acceptance={},
            type="none",
            **fields,
        )

    def _list(self, call: Call) -> Json:
        return page("/v1/accounts", self._sim.objects.every("account"), call.params)

    def _retrieve(self, call: Call) -> Json:
        return self._connected(call.ids["id"])

    def _connected(self, id_: str) -> Json:
        """An account. Raises ApiError, as for one that has left: 403."""
        if id_ == self._own.get("id"):
            return self._own
        if self._sim.objects.find(id_) is None:
            told = f"The provided key does not have access to account '{id_}' (or that account does not exist)."
            more = "Application access may have been revoked."
            raise ApiError(403, "invalid_request_error", f"{told} {more}", code="account_invalid")
        return self._sim.objects.get("account", id_)

    def _update(self, call: Call) -> Json:
        row = self._connected(call.ids["id"])
        params = dict(call.params)
        fields = {name: params.pop(name) for name in ("email", "business_profile") if name in params}
        if "metadata" in params:
            fields["metadata"] = merged(row["metadata"], params.pop("metadata"))
        self._sim.refuse(params)
        self._changed(row, **fields)
        return row

    def _delete(self, call: Call) -> Json:
        row = self._connected(call.ids["id"])
        self._sim.objects.remove(row["id"])
        return {"id": row["id"], "object": "account", "deleted": True}

    def _create_link(self, call: Call) -> Json:
        params = call.params
        account = self._connected(params["account"])
        for name in ("refresh_url", "return_url"):
            if name not in params:
                raise invalid(f"Missing required param: {name}.", name, "parameter_missing", stored=False)
        url = f"{self._sim.url}/setup/{self._sim.objects.new_id('link')}"
        row = shape(
            stripe.AccountLink,
            object="account_link",
            created=self._sim.now(),
            expires_at=self._sim.now() + LINK_LIVES,
            url=url,
        )
        self.links[url] = row | {"account": account["id"], "return_url": params["return_url"]}
        return row


def _requirements(due: list[str] | None = None, reason: str | None = None) -> Json:
    owed = due or []
    return conforms(
        stripe.Account.Requirements,
        {
            "alternatives": [],
            "currently_due": owed,
            "disabled_reason": reason,
            "errors": [],
            "eventually_due": owed,
            "past_due": owed if reason else [],
            "pending_verification": [],
        },
    )
