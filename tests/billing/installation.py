"""An installation that sells plans: its database, its webhook on loopback, its workers, and Stripe's simulator."""

import itertools
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import stripe
from aiohttp import web
from sqlalchemy import select

from billing.charges import Charges
from billing.corrections import CANCEL, DOUBLE, Corrections
from billing.customers import Customers
from billing.entitlements import Entitlements
from billing.notices import Courier, Jobs
from billing.plans import Plans
from billing.reconciler import Reconciler
from billing.stripe_client import open_client
from billing.sync import Sync
from billing.webhooks import webhook_app
from core.enums import Surface
from core.records.grants import Subject
from core.records.notices import Channel
from core.records.payments import TargetKind
from core.records.shop import Sale
from core.types import Identity, Limits, PersonId, PlaceId
from db.engine import Database
from db.entitlements import SqlEntitlements
from db.models import grants, inbox, outbox, subscriptions
from db.outbox import SqlOutbox
from db.payments_books import SqlBooks
from db.payments_inbox import SqlInbox
from db.payments_ledger import subscription_of
from db.payments_targets import SqlTargets
from db.places import SqlPlaces
from db.purchases import SqlPurchases
from tests.fakes import FakeClock
from tests.simulators.stripe import StripeSimulator

DAY = 86_400_000
FREE, PRO, ELITE = "free", "pro", "elite"


class Installation:
    """`pro` and `elite` are Stripe's prices of those plans; `strange` is a price of no plan."""

    def __init__(self, database: Database, sim: StripeSimulator, clock: FakeClock, client: stripe.StripeClient) -> None:
        self.database = database
        self.sim = sim
        self.clock = clock
        self.pro = sim.catalog.price(500, product="Pro")["id"]
        self.elite = sim.catalog.price(1500, product="Elite")["id"]
        self.strange = sim.catalog.price(700, product="Another shop's")["id"]
        limits = {name: Limits(name) for name in (FREE, PRO, ELITE)}
        sales = {PRO: Sale(PRO, [self.pro]), ELITE: Sale(ELITE, [self.elite])}
        self.plans = Plans(limits, FREE, sales)
        self.places = SqlPlaces(database, clock)
        self.purchases = SqlPurchases(database, clock)
        self.entitlements = Entitlements(SqlEntitlements(database), self.plans, clock)
        self.inbox = SqlInbox(database, clock)
        self.targets = SqlTargets(database, clock)
        self.books = SqlBooks(database)
        self.client = client
        self.sync = self.worker()
        self.reconciler = Reconciler(
            self.client, self.inbox, self.targets, self.books, clock, livemode=False, wake=self.sync.wake
        )
        self.jobs = jobs = Jobs()
        corrections = Corrections(self.client)
        jobs.register(CANCEL, corrections.cancel)
        jobs.register(DOUBLE, corrections.double)
        self.courier = Courier(SqlOutbox(database, clock), {Channel.JOB: jobs}, clock)
        self.url = self.slow_url = ""
        self.runners: list[web.AppRunner] = []
        self.session: aiohttp.ClientSession
        self.http: stripe.HTTPXClient
        self.numbers = itertools.count(1)

    def worker(self, targets: SqlTargets | None = None, *, grace_days: int = 7) -> Sync:
        """What another process would have."""
        customers = Customers(self.client, self.plans, self.clock, grace_days=grace_days)
        looks = {TargetKind.CUSTOMER: customers.look, TargetKind.CHARGE: Charges(self.client).look}
        return Sync(targets or self.targets, looks)

    # ---- people

    async def buyer(self, place: str = "web:lobby", name: str = "") -> "Buyer":
        """Somebody with a customer at Stripe, bound to their account for a place."""
        name = name or f"payer {next(self.numbers)}"
        person = await self.places.person(Identity(Surface.DISCORD, name, name))
        account = await self.purchases.account(Subject(place), person, livemode=False)
        held, self.sim.deliveries.held = self.sim.deliveries.held, []  # nobody has to hear of it
        customer = self.sim.customers.create(email=f"{person}@example.org")
        self.sim.customers.card(customer)
        self.sim.deliveries.held = held
        await self.purchases.bind(account.id, customer["id"])
        return Buyer(self, person, PlaceId(place), customer)

    # ---- what there is

    async def plan(self, place: str = "web:lobby") -> str:
        """The plan that counts now."""
        await self.entitlements.refresh()
        return self.entitlements.limits(PlaceId(place)).plan

    async def rows(self, table: Any) -> Sequence[Any]:
        async with self.database.read() as connection:
            return (await connection.execute(select(table))).all()

    async def statuses(self) -> set[str]:
        """What became of the events."""
        return {row.status for row in await self.rows(inbox)}

    async def grants(self) -> Sequence[tuple[str, int, int | None]]:
        return [(row.plan, row.valid_until, row.revoked_at) for row in await self.rows(grants)]

    async def told(self, kind: str) -> Sequence[Any]:
        """The notices or jobs of a kind, one for each effect."""
        rows = {row.key: row for row in await self.rows(outbox) if row.kind == kind}
        return list(rows.values())

    # ---- what happens

    async def settle(self) -> None:
        """Until nothing is on its way, and nothing is left to look at or to do."""
        await self.sim.deliveries.settled()
        while await self.sync.step():
            pass
        await self.courier.drain(Channel.JOB)
        await self.sim.deliveries.settled()
        while await self.sync.step():
            pass

    async def move(self, **delta: float) -> None:
        """Time goes by, and what is due happens."""
        self.sim.advance(**delta)
        await self.settle()

    async def mount(self, hook: web.Application, largest: int = 1 << 20) -> str:
        """Where it answers; `largest` is what others there take."""
        app = web.Application(client_max_size=largest)
        app.add_subapp("/webhooks/stripe", hook)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self.runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/stripe"

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        async with self.session.post(self.url, data=body, headers=headers) as answer:
            return answer.status

    async def deliver(self, event: dict[str, Any], secret: str | None = None, at: int | None = None) -> int:
        """Post an event as Stripe would, signed by stripe's own function."""
        body = json.dumps(event)
        signed = stripe.WebhookSignature.generate_signature_header(body, secret or self.sim.secret, at)
        return await self.post(body.encode(), {"Stripe-Signature": signed})


class Buyer:
    """Somebody who pays."""

    def __init__(self, shop: Installation, person: PersonId, place: PlaceId, customer: dict[str, Any]) -> None:
        self.shop = shop
        self.person = person
        self.place = place
        self.customer = customer
        self.id: str = customer["id"]

    def buy(self, price: str, **more: Any) -> dict[str, Any]:
        """A subscription, paid at once."""
        return self.shop.sim.subscriptions.create(self.customer, [(price, 1)], **more)

    async def mirror(self) -> Sequence[Any]:
        rows = await self.shop.rows(subscriptions)
        return [subscription_of(row._mapping) for row in rows if row.customer == self.id]


@asynccontextmanager
async def opened(database: Database) -> AsyncGenerator[Installation]:
    """An installation whose webhook Stripe knows."""
    clock = FakeClock(int(time.time()) * 1000)
    http = stripe.HTTPXClient(timeout=10)
    async with StripeSimulator.start(clock) as sim, aiohttp.ClientSession() as session:
        shop = Installation(database, sim, clock, open_client(sim.key, sim.url, http))
        shop.session, shop.http = session, http
        await shop.places.lobby()
        settings: dict[str, Any] = {"livemode": False, "api_version": stripe.api_version, "heard": shop.sync.wake}
        keys: dict[str, Any] = {"secrets": [sim.secret], "connect_secrets": [sim.connect_secret]}
        shop.url = await shop.mount(webhook_app(shop.inbox, **settings, **keys))
        shop.slow_url = await shop.mount(webhook_app(shop.inbox, **settings, **keys, patience=0.5))
        sim.webhook(shop.url)
        try:
            yield shop
        finally:
            for runner in shop.runners:
                await runner.cleanup()
            await http.close_async()
