"""Looks whether everything at Stripe is set as it has to be: the key, the endpoint, the prices, what others charge."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from billing.events import ACCOUNTS, OURS
from billing.offers import find_price, unfit
from billing.plans import Plans
from billing.skus import disparities
from core.records.shop import Offer

ALL = "*"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; not `ok`: money or plans go wrong until it is mended."""

    about: str
    text: str
    ok: bool


def fine(about: str, text: str) -> Finding:
    """Something is as it has to be."""
    return Finding(about, text, ok=True)


def wrong(about: str, text: str) -> Finding:
    """Something has to be mended."""
    return Finding(about, text, ok=False)


class Doctor:
    """`webhook` is the address where Stripe has to tell what happens; `connected`: also of connected accounts."""

    def __init__(
        self, client: stripe.StripeClient, plans: Plans, webhook: str, *, livemode: bool, connected: bool = False
    ) -> None:
        self._client = client
        self._plans = plans
        self._webhook = webhook
        self._livemode = livemode
        self._connected = connected

    async def findings(self) -> Sequence[Finding]:
        """Everything that was looked at; what Stripe refuses is a finding, too."""
        found: list[Finding] = []
        for about, look in (
            ("key", self._key),
            ("endpoint", self._endpoints),
            ("prices", self._prices),
            ("promotion codes", self._codes),
        ):
            try:
                found += await look()
            except stripe.StripeError as error:
                told = [type(error).__name__, error.http_status, error.code, error.request_id]
                found.append(wrong(about, f"Stripe answers {' '.join(str(it) for it in told if it)}"))
        return found

    async def _key(self) -> Sequence[Finding]:
        account = await self._client.v1.accounts.retrieve_current_async()
        mode = "live" if self._livemode else "test"
        if not account.charges_enabled:
            return [wrong("key", f"{account.id} ({mode} mode) cannot take payments yet")]
        return [fine("key", f"{account.id}, {mode} mode")]

    async def _endpoints(self) -> Sequence[Finding]:
        listed = await self._client.v1.webhook_endpoints.list_async({"limit": 100})
        ours = [it async for it in listed.auto_paging_iter() if it.url.rstrip("/") == self._webhook]
        own = [it for it in ours if not _is_connect(it)]
        found = [*self._endpoint("endpoint", own, OURS)]
        if self._connected:
            others = [it for it in ours if _is_connect(it)]
            found += self._endpoint("endpoint of connected accounts", others, ACCOUNTS)
        return found

    def _endpoint(
        self, about: str, there: Sequence[stripe.WebhookEndpoint], wanted: Collection[str]
    ) -> Sequence[Finding]:
        if not there:
            return [wrong(about, f"none leads to {self._webhook}")]
        problems = [problem for it in there for problem in self._problems(it, wanted)]
        if problems:
            return [wrong(about, problem) for problem in problems]
        return [fine(about, f"{there[0].id}, {len(wanted)} events, API {stripe.api_version}")]

    def _problems(self, it: stripe.WebhookEndpoint, wanted: Collection[str]) -> Sequence[str]:
        told: list[str] = []
        if it.status != "enabled":
            told.append(f"{it.id} is {it.status}")
        if it.livemode is not self._livemode:
            told.append(f"{it.id} is of the other mode (test or live) than the key")
        if it.api_version != stripe.api_version:
            told.append(f"{it.id} sends API {it.api_version or 'of the account'}, not {stripe.api_version}")
        missing = sorted(set(wanted) - set(it.enabled_events)) if ALL not in it.enabled_events else []
        if missing:
            told.append(f"{it.id} does not send {', '.join(missing)}")
        return told

    async def _prices(self) -> Sequence[Finding]:
        """The price map, and Discord's rule that nothing costs less elsewhere."""
        found: list[Finding] = []
        offers: list[Offer] = []
        for sale in self._plans.sales.values():
            for key in (*sale.prices, *sale.old_prices):
                price = await find_price(self._client, key)
                why = "there is no such price" if price is None else unfit(price, livemode=self._livemode)
                if price is None or (why and key in sale.prices):
                    found.append(wrong(f"price of {sale.plan}", f"{key}: {why}"))
                    continue
                amount, every = price.unit_amount or 0, price.recurring
                told = f"{key}: {amount} {price.currency}" + (f" a {every.interval}" if every else "")
                found.append(fine(f"price of {sale.plan}", told))
                if every is not None and key in sale.prices:
                    offer = Offer(sale.plan, key, amount, price.currency, every.interval, every.interval_count)
                    offers.append(offer)
        if not found:
            return [wrong("prices", "no plan has stripe_prices in PLANS_FILE: nothing can be bought")]
        return [*found, *(wrong("parity", told) for told in self._disparities(offers))]

    def _disparities(self, offers: Sequence[Offer]) -> Sequence[str]:
        on_discord = any(sale.sku for sale in self._plans.sales.values())
        return disparities(self._plans.sales, offers) if on_discord else ()

    async def _codes(self) -> Sequence[Finding]:
        """A code may make a plan cheaper than it is on Discord."""
        if not any(sale.sku for sale in self._plans.sales.values()):
            return []
        codes = await self._client.v1.promotion_codes.list_async({"active": True, "limit": 10})
        names = ", ".join(it.code for it in codes.data)
        return [wrong("parity", f"codes make plans cheaper than on Discord: {names}")] if names else []


def _is_connect(it: stripe.WebhookEndpoint) -> bool:
    """Endpoints of connected accounts name the platform's application."""
    application: Any = it.application
    return application is not None
