"""The simulator as a whole: its server, its objects, its time."""

import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.simulators.stripe.calls import Recorded, Routes
from tests.simulators.stripe.catalog import Catalog
from tests.simulators.stripe.changes import Changes
from tests.simulators.stripe.checkout import Checkout
from tests.simulators.stripe.clock import MovableClock, SimulatedClock
from tests.simulators.stripe.connect import Connect
from tests.simulators.stripe.customers import Customers
from tests.simulators.stripe.deliveries import Deliveries, Endpoint
from tests.simulators.stripe.discounts import Discounts
from tests.simulators.stripe.disputes import Disputes
from tests.simulators.stripe.drafts import Drafts
from tests.simulators.stripe.endpoints import Endpoints
from tests.simulators.stripe.errors import invalid
from tests.simulators.stripe.events import Events
from tests.simulators.stripe.expanding import Expander
from tests.simulators.stripe.faults import Faults
from tests.simulators.stripe.invoices import Invoices
from tests.simulators.stripe.objects import Objects
from tests.simulators.stripe.passing import Passing
from tests.simulators.stripe.pauses import Pauses
from tests.simulators.stripe.payments import Payments
from tests.simulators.stripe.portal import Portal
from tests.simulators.stripe.prorations import Prorations
from tests.simulators.stripe.refunds import Refunds
from tests.simulators.stripe.schedules import Schedules
from tests.simulators.stripe.server import Server
from tests.simulators.stripe.sessions import Sessions
from tests.simulators.stripe.shapes import Json
from tests.simulators.stripe.subscriptions import Subscriptions
from tests.simulators.stripe.transfers import Transfers


class StripeSimulator:
    """One platform account. Make it by `start()`."""

    def __init__(self, clock: MovableClock | None = None, *, livemode: bool = False) -> None:
        mode = "live" if livemode else "test"
        self.livemode = livemode
        self.key = f"sk_{mode}_{secrets.token_hex(16)}"
        self.keys = {self.key}
        self.secret = f"whsec_{secrets.token_hex(16)}"
        self.connect_secret = f"whsec_{secrets.token_hex(16)}"
        self.url = ""
        self.clock: MovableClock = clock or SimulatedClock()
        self.requests: list[Recorded] = []
        self.failures: list[str] = []
        self.request_id: str | None = None
        self.idempotency_key: str | None = None
        self.objects = Objects()
        self.expander = Expander(self.objects)
        self.faults = Faults()
        self.events = Events(self)
        self.deliveries = Deliveries(self)
        self.catalog = Catalog(self)
        self.customers = Customers(self)
        self.discounts = Discounts(self)
        self.payments = Payments(self)
        self.transfers = Transfers(self)
        self.drafts = Drafts(self)
        self.invoices = Invoices(self)
        self.subscriptions = Subscriptions(self)
        self.pauses = Pauses(self)
        self.prorations = Prorations(self)
        self.changes = Changes(self)
        self.schedules = Schedules(self)
        self.sessions = Sessions(self)
        self.checkout = Checkout(self)
        self.refunds = Refunds(self)
        self.disputes = Disputes(self)
        self.portal = Portal(self)
        self.connect = Connect(self)
        self.endpoints = Endpoints(self)
        self.passing = Passing(self)
        self._moment: int | None = None
        self._caught_up = self.clock.now()
        self.server = Server(self, self._routes())

    def _routes(self) -> Routes:
        parts = (
            self.events,
            self.catalog,
            self.customers,
            self.payments,
            self.transfers,
            self.invoices,
            self.subscriptions,
            self.pauses,
            self.schedules,
            self.sessions,
            self.refunds,
            self.disputes,
            self.portal,
            self.connect,
            self.endpoints,
        )
        return {name: route for part in parts for name, route in part.routes().items()}

    @classmethod
    @asynccontextmanager
    async def start(
        cls, clock: MovableClock | None = None, *, livemode: bool = False
    ) -> AsyncGenerator["StripeSimulator"]:
        """Serve on loopback until the block ends."""
        sim = cls(clock, livemode=livemode)
        runner = web.AppRunner(sim.server.app(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sim.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield sim
        finally:
            await sim.deliveries.stop()
            await runner.cleanup()

    def env(self) -> dict[str, str]:
        """The environment that points the product here."""
        return {
            "STRIPE_API_URL": self.url,
            "STRIPE_SECRET_KEY": self.key,
            "STRIPE_WEBHOOK_SECRET": self.secret,
            "STRIPE_CONNECT_WEBHOOK_SECRET": self.connect_secret,
        }

    def webhook(self, url: str, *types: str, connect: bool = False, secrets: list[str] | None = None) -> Endpoint:
        """Events of these types (globs; all by default) are posted there from now on."""
        known = secrets or [self.connect_secret if connect else self.secret]
        return self.endpoints.make(url, list(types) or ["*"], known, connect=connect)

    # ---- time

    def now(self) -> int:
        """Business time in seconds: of what is happening, which may be in the past while it catches up."""
        return self.clock.now() // 1000 if self._moment is None else self._moment

    @contextmanager
    def at(self, moment: int) -> Generator[None]:
        """What happens in this block happened at that moment (seconds)."""
        before, self._moment = self._moment, moment
        try:
            yield
        finally:
            self._moment = before

    def advance(self, **delta: float) -> None:
        """Move the clock (`days=31`, as in `timedelta`); all that is due happens on the way, in its order."""
        self.clock.time += int(timedelta(**delta).total_seconds() * 1000)
        self.catch_up()

    def catch_up(self) -> None:
        """Do what is due by now; every request does it, too."""
        if self.clock.now() != self._caught_up:
            self._caught_up = self.clock.now()
            self.passing.until(self._caught_up // 1000)

    # ---- requests

    def begin_request(self, id_: str, idempotency_key: str | None) -> None:
        """What happens now is this request's doing."""
        self.request_id = id_
        self.idempotency_key = idempotency_key

    def end_request(self) -> None:
        self.request_id = self.idempotency_key = None

    def refuse(self, params: Json, *ignored: str) -> None:
        """Raise ApiError for a parameter that Stripe has, but that nothing here acts on."""
        for name in set(params) - set(ignored):
            told = f"not simulated: {name}"
            self.failures.append(told)
            raise invalid(told, name)

    def called(self, method: str, path: str, **params: Any) -> list[Recorded]:
        """The requests so far to a path, with these parameters."""
        found = [one for one in self.requests if one.method == method and one.path == path]
        return [one for one in found if all(one.params.get(name) == value for name, value in params.items())]
