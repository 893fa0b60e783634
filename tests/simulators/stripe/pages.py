"""The pages that Stripe hosts, for browsers: Checkout, the portal, an invoice, a connected account's onboarding."""

import html
from typing import TYPE_CHECKING

from aiohttp import web

from tests.simulators.stripe.errors import ApiError
from tests.simulators.stripe.invoices import subscription_of
from tests.simulators.stripe.shapes import Json
from tests.simulators.stripe.subscriptions import OVER

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Pages:
    """Each has buttons; pressing one does what a test could do, and leads back to where it came from."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/c/pay/{id}", self.checkout)
        app.router.add_post("/c/pay/{id}", self.press_checkout)
        app.router.add_get("/p/session/{id}", self.portal)
        app.router.add_post("/p/session/{id}", self.press_portal)
        app.router.add_get("/i/{id}", self.invoice)
        app.router.add_post("/i/{id}", self.press_invoice)
        app.router.add_get("/setup/{id}", self.onboarding)
        app.router.add_post("/setup/{id}", self.press_onboarding)

    # ---- Checkout

    async def checkout(self, request: web.Request) -> web.Response:
        row = self._find("checkout.session", request)
        if row["status"] != "open":
            return _page(f"This session is {row['status']}.")
        return _page(f"Pay {row['amount_total']} {row['currency']}", "pay", "decline", "back")

    async def press_checkout(self, request: web.Request) -> web.Response:
        row = self._find("checkout.session", request)
        pressed = await _pressed(request)
        if pressed == "back":
            raise web.HTTPSeeOther(row["cancel_url"] or row["success_url"])
        try:
            self._sim.checkout.pay(row["id"], outcome="declines" if pressed == "decline" else "pays")
        except ApiError as error:
            return _page(str(error))
        if row["status"] != "complete":
            return _page("Your card was declined.", "pay", "decline", "back")
        raise web.HTTPSeeOther(row["success_url"].replace("{CHECKOUT_SESSION_ID}", row["id"]))

    # ---- the portal

    async def portal(self, request: web.Request) -> web.Response:
        session = self._find("billing_portal.session", request)
        lines = [f"{row['id']}: {row['status']}" for row in self._of(session)]
        return _page("\n".join(lines), "cancel", "keep", "back")

    async def press_portal(self, request: web.Request) -> web.Response:
        session = self._find("billing_portal.session", request)
        pressed = await _pressed(request)
        if pressed != "back":
            for row in self._of(session):
                self._sim.changes.update(row, {"cancel_at": "max_period_end" if pressed == "cancel" else ""})
            return await self.portal(request)
        raise web.HTTPSeeOther(session["return_url"] or "/")

    def _of(self, session: Json) -> list[Json]:
        rows = self._sim.objects.every("subscription", customer=session["customer"])
        return [row for row in rows if row["status"] not in OVER]

    # ---- invoices and accounts

    async def invoice(self, request: web.Request) -> web.Response:
        row = self._find("invoice", request)
        told = f"{row['number']}: {row['amount_due']} {row['currency']} for {subscription_of(row)}, {row['status']}"
        return _page(told, *(["pay"] if row["status"] == "open" else []))

    async def press_invoice(self, request: web.Request) -> web.Response:
        row = self._find("invoice", request)
        if row["status"] == "open":
            self._sim.customers.card(self._sim.objects.get("customer", row["customer"]))
            self._sim.invoices.collect(row, "pays")
        return await self.invoice(request)

    async def onboarding(self, request: web.Request) -> web.Response:
        link = self._sim.connect.links.get(f"{self._sim.url}{request.path}")
        if link is None or link["expires_at"] <= self._sim.now():
            return _page("This link has expired.")
        return _page(f"Tell us about {link['account']}", "done", "later")

    async def press_onboarding(self, request: web.Request) -> web.Response:
        url = f"{self._sim.url}{request.path}"
        link = self._sim.connect.links[url]
        if await _pressed(request) == "done":
            self._sim.connect.onboard(link["account"], url=url)
        raise web.HTTPSeeOther(link["return_url"])

    def _find(self, kind: str, request: web.Request) -> Json:
        try:
            return self._sim.objects.get(kind, request.match_info["id"])
        except ApiError as error:
            raise web.HTTPNotFound(text=str(error)) from None


async def _pressed(request: web.Request) -> str:
    form = await request.post()
    return str(form.get("press", ""))


def _page(told: str, *buttons: str) -> web.Response:
    pressable = "".join(f'<button name="press" value="{one}">{one.capitalize()}</button>' for one in buttons)
    body = f"<!doctype html><title>Stripe</title><pre>{html.escape(told)}</pre><form method=post>{pressable}</form>"
    return web.Response(text=body, content_type="text/html")
