"""The shop's counter over an installation: what people press, and what comes of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.changes import Changes
from billing.checkout import Checkout
from billing.links import Links
from billing.offers import Offers
from billing.shop import Shop, Till
from billing.stand import Stand
from core.enums import Surface
from core.records.payments import Target, TargetKind
from core.records.shop import Standing
from core.types import Actor, Identity, PlaceId, RoomId
from db.attempts import SqlAttempts
from db.outbox import SqlOutbox
from tests.billing.installation import Installation

PAGE = "https://music.example.org"
ROOM = RoomId("room")
HERE = PlaceId("discord:1")


@dataclass
class Counter:
    """A shop; `place` is where its people are."""

    there: Installation
    trial_days: int = 0
    page: str = PAGE
    place: PlaceId = HERE
    tax: bool = False
    right: bool | None = None
    """Whether people of the page manage the place, as far as can be told."""
    slow: bool = False
    """Looks take longer than anybody waits."""
    known: dict[str, Actor] = field(default_factory=dict[str, Actor])

    def __post_init__(self) -> None:
        it = self.there
        self.attempts = SqlAttempts(it.database, it.clock)
        offers = Offers(it.client, it.plans, it.clock, livemode=False)
        changes = Changes(it.client, it.plans, it.clock)
        checkout = Checkout(
            it.client, self.attempts, it.purchases, it.clock, self.look,
            livemode=False, page=self.page, trial_days=self.trial_days, tax=self.tax,
        )  # fmt: skip
        stand = Stand(
            it.plans, it.entitlements.limits, it.purchases, self.attempts, it.clock,
            livemode=False, offers=offers, changes=changes, trial_days=self.trial_days,
        )  # fmt: skip
        till = Till(it.client, offers, checkout, changes, self.attempts, self.look, livemode=False)
        self.shop = Shop(
            till,
            it.purchases,
            it.plans,
            stand,
            SqlOutbox(it.database, it.clock),
            Links([b"key"], it.clock),
            it.clock,
            self.page,
            self._manages,
        )

    async def _manages(self, _: Actor) -> bool | None:
        return self.right

    async def look(self, customer: str) -> bool:
        target = Target(TargetKind.CUSTOMER, customer)
        await self.there.targets.mark(target)
        if self.slow:
            return False
        while not await self.there.targets.settled(target):
            await self.there.sync.step()
        return True

    async def person(self, name: str, place: str | None = None, *, admin: bool = True) -> Actor:
        """Somebody of a guild, who manages it."""
        identity = Identity(Surface.DISCORD, name, name)
        person = await self.there.places.person(identity)
        return Actor(person, name, PlaceId(place or self.place), Surface.DISCORD, admin=admin)

    async def buys(self, actor: Actor, price: str) -> str:
        """Somebody pays for a price; the subscription."""
        url = await self.shop.buy(actor, price)
        self.there.sim.checkout.pay(url)
        await self.there.settle()
        return self.session(url)["subscription"]

    async def stands(self, actor: Actor) -> Standing:
        await self.there.entitlements.refresh()
        return await self.shop.standing(actor)

    async def plan(self, place: str | None = None) -> str:
        return await self.there.plan(place or self.place)

    def session(self, url: str) -> dict[str, Any]:
        return self.there.sim.checkout.find(url)

    def subscription(self, key: str) -> dict[str, Any]:
        return self.there.sim.objects.get("subscription", key)

    def every(self, kind: str) -> Sequence[dict[str, Any]]:
        return self.there.sim.objects.every(kind)

    async def mash(self, times: int, actor: Actor, price: str) -> Sequence[Any]:
        """The same button again and again."""
        pressed = (self.shop.buy(actor, price) for _ in range(times))
        return await asyncio.gather(*pressed, return_exceptions=True)
