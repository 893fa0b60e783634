"""Discord's Premium Apps as a source of grants: what its list says is what guilds have.

Events only say that it is time to look: they may come in any order, twice or not at all, and cancelling sends none
(discord-api-docs, monetization/implementing-app-subscriptions). An entitlement is not over because a list lacks it: it
is asked for by its id before its guild loses anything.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from billing.plans import Plans
from core.ports.clock import Clock
from core.ports.skus import SkuBook, SkuSource
from core.records.grants import Grant, Subject
from core.records.shop import Offer, Sale
from core.records.skus import SkuEntitlement, SkuGrant
from core.types import Limits, PlaceId

DAY = 86_400_000
HORIZON = 14 * DAY
"""How long a grant lasts from the latest look at an entitlement that goes on: longer than Discord is ever away."""
RENEWED = 13 * DAY
"""What is left of it when it is made longer."""
TRIES = 5
"""How often others may be quicker."""
MONTHS = {"month": 1.0, "year": 12.0, "week": 12 / 52, "day": 12 / 365}

log = structlog.get_logger()


class GuildSkus:
    """`core.ports.skus.Skus`; `free`: what nobody paid for counts too."""

    def __init__(
        self, book: SkuBook, plans: Plans, clock: Clock, limits: Callable[[PlaceId], Limits], *, free: bool = False
    ) -> None:
        self._book = book
        self._plans = plans
        self._clock = clock
        self._limits = limits
        self._free = free

    async def sync(self, source: SkuSource, guild: int | None = None) -> None:
        """Make the grants what Discord's list says (see the port).

        Whoever wrote meanwhile may have seen something newer: then it is looked at again.
        """
        for _ in range(TRIES):
            before = await self._book.held(guild)
            wanted = await self._wanted(source, guild, before)
            if await self._book.settle(guild, before, wanted):
                return
        log.warning("discord.entitlements_contended", guild=guild)

    def upgrades(self, place: PlaceId) -> Sequence[tuple[str, int]]:
        """What is sold above the plan that a place has (see the port)."""
        now = self._limits(place).plan
        sold = [(sale.plan, sale.sku) for sale in self._plans.sales.values() if sale.sku is not None]
        return [(plan, sku) for plan, sku in sold if self._plans.above(plan, now)]

    async def _wanted(self, source: SkuSource, guild: int | None, before: Sequence[Grant]) -> Sequence[SkuGrant]:
        held = {grant.ref: grant for grant in before}
        listed = {str(one.id): one for one in await source.listed(guild)}
        for ref in [grant.ref for grant in before if self._lives(grant)]:
            if ref is not None and ref not in listed:
                known = await source.one(int(ref))
                listed[ref] = known or _gone(int(ref), held[ref], self._clock.now())
        grants = [self._grant(one, held.get(ref)) for ref, one in listed.items()]
        return [grant for grant in grants if grant is not None]

    def _lives(self, grant: Grant) -> bool:
        ends = [end for end in (grant.valid_until, grant.revoked_at) if end is not None]
        return min(ends, default=self._clock.now() + 1) > self._clock.now()

    def _grant(self, one: SkuEntitlement, held: Grant | None) -> SkuGrant | None:
        """What an entitlement gives; None where nothing is to be changed."""
        now, ref = self._clock.now(), str(one.id)
        gone = one.deleted or (one.free and not self._free)
        if gone:
            return None if held is None else _as(held, ref, until=_end(held, now), revoked_at=held.revoked_at or now)
        plan = self._plans.sku(one.sku) or (held.plan if held is not None else None)
        if plan is None or one.guild is None:
            log.warning("discord.entitlement_unknown", entitlement=ref, sku=one.sku, guild=one.guild)
            return None
        until = one.ends_at if one.ends_at is not None else self._until(held, now)
        return SkuGrant(ref, Subject(f"discord:{one.guild}"), plan, one.starts_at, until)

    def _until(self, held: Grant | None, now: int) -> int:
        """The end of a grant for what goes on; not written anew at each look."""
        known = held.valid_until if held is not None and held.valid_until is not None else 0
        return known if RENEWED < known - now <= HORIZON else now + HORIZON


def disparities(sales: Mapping[str, Sale], offers: Collection[Offer]) -> Sequence[str]:
    """Where Discord's rule is broken: what it sells may cost nowhere less a month (Premium Apps: Required Support).

    Discord's prices are in US cents. Codes that lower a price are not looked at.
    """
    found: list[str] = []
    for offer in offers:
        sale = sales.get(offer.plan)
        if sale is None or sale.sku is None:
            found.append(f"{offer.plan} is not sold on Discord")
        elif sale.sku_price is None or offer.currency != "usd":
            found.append(f"{offer.price} ({offer.plan}) cannot be compared with Discord's price")
        elif (monthly := _monthly(offer)) < sale.sku_price:
            cents = f"{monthly / 100:.2f}", f"{sale.sku_price / 100:.2f}"
            found.append(f"{offer.price} ({offer.plan}) costs {cents[0]} a month, less than {cents[1]} on Discord")
    return sorted(set(found))


def _monthly(offer: Offer) -> float:
    return offer.amount / (offer.count * MONTHS[offer.interval])


def _gone(ref: int, held: Grant, now: int) -> SkuEntitlement:
    return SkuEntitlement(ref, 0, None, held.starts_at, now, deleted=True)


def _as(held: Grant, ref: str, *, until: int, revoked_at: int) -> SkuGrant:
    return SkuGrant(ref, held.subject, held.plan, held.starts_at, until, revoked_at)


def _end(held: Grant, now: int) -> int:
    return held.valid_until if held.valid_until is not None else now
