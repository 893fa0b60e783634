"""All of billing, joined: what sells plans, what hears of payments, what keeps step with Stripe."""

import asyncio
import contextlib

import structlog
from aiohttp import web
from stripe import HTTPXClient, api_version

from billing.changes import Changes
from billing.charges import Charges
from billing.checkout import Checkout
from billing.connect import Connect
from billing.corrections import CANCEL, DOUBLE, Corrections
from billing.customers import Customers
from billing.links import Links
from billing.notices import Jobs
from billing.offers import Offers
from billing.plans import Plans
from billing.reconciler import Reconciler
from billing.shop import Manages, Shop, Till
from billing.skus import GuildSkus, disparities
from billing.stand import Stand
from billing.stars import StarShop
from billing.stripe_client import TIMEOUT, open_client
from billing.sync import Sync
from billing.tip_payments import THANKS, Thanks, TipPayments
from billing.tips import Terms, Tips
from billing.webhooks import webhook_app
from bot.config import Settings, revealed, secrets_of
from bot.keys import Keys
from bot.store import Store
from bot.tasks import Tasks
from core.ports.clock import Clock
from core.purchases import PaymentsUnavailableError
from core.records.payments import Target, TargetKind
from core.tips import REFUND
from db.attempts import SqlAttempts
from db.outbox import SqlOutbox
from db.payments_books import SqlBooks
from db.payments_inbox import SqlInbox
from db.payments_targets import SqlTargets
from db.purchases import SqlPurchases
from db.skus import SqlSkuBook
from db.stars import SqlStarBook
from db.tips import SqlTips

SLOT = "billing"
"""Whoever holds it compares us with Stripe."""
WEBHOOKS = "/webhooks/stripe"
AGAIN = 60.0
"""Seconds until Stripe is asked again."""

log = structlog.get_logger()


class Stripe:
    """What there is only with a key."""

    def __init__(self, key: str, settings: Settings, store: Store, plans: Plans, clock: Clock, jobs: Jobs) -> None:
        self.http = HTTPXClient(timeout=TIMEOUT)
        self.client = client = open_client(key, settings.stripe_api_url, self.http)
        self._settings = settings
        self._store = store
        self._live = settings.stripe_live
        database = store.database
        self.targets = SqlTargets(database, clock)
        self.inbox = SqlInbox(database, clock)
        self.attempts = SqlAttempts(database, clock)
        self.purchases = SqlPurchases(database, clock)
        customers = Customers(client, plans, clock, grace_days=settings.grace_days)
        self.looks = {
            TargetKind.CUSTOMER: customers.look,
            TargetKind.CHARGE: Charges(client).look,
        }
        self.sync = Sync(self.targets, self.looks)
        self.reconciler = Reconciler(
            client,
            self.inbox,
            self.targets,
            SqlBooks(database),
            clock,
            livemode=self._live,
            wake=self.sync.wake,
            holds=lambda: store.ownership.holds_slot(SLOT),
        )
        self.tips = self._tips(jobs, clock) if settings.tips else None
        corrections = Corrections(client)
        jobs.register(CANCEL, corrections.cancel)
        jobs.register(DOUBLE, corrections.double)
        self.offers = Offers(client, plans, clock, livemode=self._live)
        self.changes = Changes(client, plans, clock)
        self.till = self._till(clock)

    def _till(self, clock: Clock) -> Till:
        settings = self._settings
        checkout = Checkout(
            self.client,
            self.attempts,
            self.purchases,
            clock,
            self.look,
            livemode=self._live,
            page=settings.public_url,
            trial_days=settings.trial_days,
            tax=settings.stripe_tax,
        )
        return Till(
            client=self.client,
            offers=self.offers,
            checkout=checkout,
            changes=self.changes,
            attempts=self.attempts,
            look=self.look,
            livemode=self._live,
        )

    def _tips(self, jobs: Jobs, clock: Clock) -> Tips:
        settings, connect = self._settings, Connect(self.client)
        terms = Terms(settings.tips or "", settings.tip_fee, livemode=self._live, page=settings.public_url)
        book = SqlTips(self._store.database)
        self.tip_payments = payments = TipPayments(self.client, connect, book, clock, self._heard)
        self.looks |= {TargetKind.PAYMENT_INTENT: payments.look, TargetKind.CONNECT_ACCOUNT: connect.look}
        jobs.register(REFUND, payments.refund)
        jobs.register(THANKS, Thanks(self._store.bus).say)
        outbox = SqlOutbox(self._store.database, clock)
        return Tips(self.client, connect, book, self._store.rooms, clock, terms, self._heard, outbox)

    async def _heard(self, target: Target) -> None:
        """Have something looked at soon."""
        await self.targets.mark(target)
        self.sync.wake()

    async def look(self, customer: str) -> bool:
        """Have a customer looked at, and wait a moment for it; False: it takes longer."""
        return await self.sync.look(Target(TargetKind.CUSTOMER, customer))

    def mount(self, app: web.Application) -> None:
        """Where Stripe tells what happened."""
        webhooks = webhook_app(
            self.inbox,
            secrets=secrets_of(self._settings.stripe_webhook_secret),
            connect_secrets=secrets_of(self._settings.stripe_connect_webhook_secret),
            livemode=self._live,
            api_version=api_version,
            heard=self.sync.wake,
        )
        app.add_subapp(WEBHOOKS, webhooks)

    async def start(self, tasks: Tasks) -> None:
        """Keep step with Stripe."""
        await self._store.ownership.want([SLOT])
        tasks.start("payments", self.sync.run())
        tasks.start("payments compared", self.reconciler.run())
        if self.tips is not None:
            tasks.start("tips", self.tip_payments.run())


class Payments:
    """`shop` and `skus` are None where nothing is sold that way; then no surface shows any of it."""

    def __init__(
        self, settings: Settings, store: Store, plans: Plans, clock: Clock, keys: Keys, manages: Manages
    ) -> None:
        self.jobs = Jobs()
        self.stripe: Stripe | None = None
        self._settings = settings
        self._plans = plans
        purchases, attempts = SqlPurchases(store.database, clock), SqlAttempts(store.database, clock)
        if (key := revealed(settings.stripe_secret_key)) is not None:
            self.stripe = Stripe(key, settings, store, plans, clock, self.jobs)
        limits = store.entitlements.limits
        stand = Stand(
            plans,
            limits,
            purchases,
            attempts,
            clock,
            livemode=settings.stripe_live,
            offers=self.stripe.offers if self.stripe else None,
            changes=self.stripe.changes if self.stripe else None,
            meters=store.usage,
            trial_days=settings.trial_days if self.stripe else 0,
        )
        outbox = SqlOutbox(store.database, clock)
        till, links = self.stripe.till if self.stripe else None, Links(keys.derive("shop"), clock)
        on_discord = any(sale.sku for sale in plans.sales.values())
        free = settings.discord_test_entitlements
        skus = GuildSkus(SqlSkuBook(store.database, clock), plans, clock, limits, free=free)
        self.skus = skus if on_discord else None
        self.stars = StarShop(SqlStarBook(store.database, clock), plans, stand, clock, outbox.put)
        self.shop = (
            Shop(till, purchases, plans, stand, outbox, links, clock, settings.public_url, manages)
            if till or on_discord
            else None
        )

    @property
    def tips(self) -> Tips | None:
        """None where they are off."""
        return self.stripe.tips if self.stripe is not None else None

    def mount(self, app: web.Application) -> None:
        """What is reached from outside."""
        if self.stripe is not None:
            self.stripe.mount(app)

    async def start(self, tasks: Tasks) -> None:
        """What goes on in the background."""
        if self.stripe is not None:
            await self.stripe.start(tasks)
            if self._settings.discord_token is not None:
                tasks.start("prices compared", self._compare(self.stripe.offers))

    async def _compare(self, offers: Offers) -> None:
        """Say where Discord's rule is broken: nothing is cheaper elsewhere. Once, when Stripe has told its prices."""
        while True:
            with contextlib.suppress(PaymentsUnavailableError):
                for problem in disparities(self._plans.sales, await offers.all()):
                    log.warning("price parity", problem=problem)
                break
            await asyncio.sleep(AGAIN)
        with contextlib.suppress(PaymentsUnavailableError):  # a restricted key may not be let see them
            if self.skus is not None and (codes := await offers.codes()):
                log.warning("price parity", problem=f"codes make plans cheaper than on Discord: {', '.join(codes)}")

    async def close(self) -> None:
        """Let go of the connections."""
        if self.stripe is not None:
            await self.stripe.http.close_async()

    @property
    def on(self) -> bool:
        """Whether anything is sold."""
        return self.stripe is not None or any(sale.sku or sale.stars for sale in self._plans.sales.values())

    @property
    def state(self) -> str:
        """A line for the first screen."""
        sold = [
            name
            for name, there in (
                ("Stripe", self.stripe is not None),
                ("Discord", self.skus is not None),
                ("Telegram Stars", any(sale.stars for sale in self._plans.sales.values())),
            )
            if there
        ]
        if not sold:
            return f"off    everybody is on {self._plans.default} (to sell plans: STRIPE_SECRET_KEY)"
        mode = "" if self.stripe is None else " with live keys" if self._settings.stripe_live else " with test keys"
        return f"on     {', '.join(self._plans.sales) or 'no plan has a price yet'} by {', '.join(sold)}{mode}"
