"""The prices that are offered: which, from plans.toml; how much, from Stripe."""

import asyncio
from collections.abc import Sequence

import stripe
import structlog

from billing.asking import asking
from billing.plans import Plans
from core.ports.clock import Clock
from core.purchases import NotForSaleError, PaymentsUnavailableError
from core.records.shop import Offer

FRESH = 600_000
"""ms that what Stripe told about a price is believed."""

log = structlog.get_logger()


class Offers:
    """Prices that do not fit (of the other mode, archived, not recurring) are left out, and told in the log."""

    def __init__(self, client: stripe.StripeClient, plans: Plans, clock: Clock, *, livemode: bool) -> None:
        self._client = client
        self._plans = plans
        self._clock = clock
        self._livemode = livemode
        self._known: Sequence[Offer] | None = None
        self._at = 0
        self._lock = asyncio.Lock()

    async def all(self) -> Sequence[Offer]:
        """The lowest plan first. Raises PaymentsUnavailableError while nothing is known."""
        async with self._lock:
            if self._known is None or self._clock.now() - self._at > FRESH:
                try:
                    self._known, self._at = await self._load(), self._clock.now()
                except PaymentsUnavailableError:
                    if self._known is None:
                        raise
            return self._known

    async def of(self, price: str) -> Offer:
        """One that is offered. Raises NotForSaleError, PaymentsUnavailableError."""
        offer = next((it for it in await self.all() if it.price == price), None)
        if offer is None:
            raise NotForSaleError
        return offer

    async def codes(self) -> Sequence[str]:
        """Promotion codes that make what is offered cheaper. Raises PaymentsUnavailableError."""
        with asking("promotion codes"):
            found = await self._client.v1.promotion_codes.list_async({"active": True, "limit": 10})
        return [it.code for it in found.data]

    async def _load(self) -> Sequence[Offer]:
        wanted = [(sale.plan, price) for sale in self._plans.sales.values() for price in sale.prices]
        with asking("prices"):
            found = await asyncio.gather(*(find_price(self._client, price) for _, price in wanted))
        offers: list[Offer] = []
        for (plan, key), price in zip(wanted, found, strict=True):
            if price is None:
                log.error("price not offered", price=key, plan=plan, why="there is no such price")
            elif (why := unfit(price, livemode=self._livemode)) is not None:
                log.error("price not offered", price=price.id, plan=plan, why=why)
            elif price.recurring is not None and price.unit_amount is not None:
                every = price.recurring
                offer = Offer(plan, price.id, price.unit_amount, price.currency, every.interval, every.interval_count)
                offers.append(offer)
        return offers


def unfit(price: stripe.Price, *, livemode: bool) -> str | None:
    """Why a price cannot be offered."""
    if price.livemode is not livemode:
        return "it is a price of the other mode (test or live) than the key"
    if not price.active:
        return "it is archived"
    if price.recurring is None or price.unit_amount is None:
        return "it is no fixed amount that recurs"
    return None


async def find_price(client: stripe.StripeClient, key: str) -> stripe.Price | None:
    """What Stripe has under an id; None: nothing. Raises stripe.StripeError."""
    try:
        return await client.v1.prices.retrieve_async(key)
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            return None
        raise
