"""Premium Apps on Discord: who bought what, heard of and listed, and the button to buy more."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import discord
import structlog
from discord import ui

from core.errors import NotInPlanError, QueueFullError, StoreUnavailableError, TooLongError, TooManyEntriesError
from core.ports.skus import Skus, SourceAwayError
from core.records.skus import SkuEntitlement
from core.types import PlaceId

PERIOD = 3600.0
"""Seconds between two looks at everything: events may be missed."""
RETRY = (1.0, 300.0)
"""The first and the longest pause in seconds before another try."""
PAGE = 100
LATEST = (1 << 63) - 1
UNKNOWN_ENTITLEMENT = 10029
"""Discord's JSON error code."""
FREE = {discord.EntitlementType.test_mode_purchase, discord.EntitlementType.developer_gift}
BY_PLAN = (QueueFullError, TooManyEntriesError, TooLongError, NotInPlanError)
"""Refusals that a higher plan would not make."""
BUTTONS = 5
AWAY = (discord.HTTPException, discord.MissingApplicationID, aiohttp.ClientError, OSError, TimeoutError)

log = structlog.get_logger()


class DiscordEntitlements:
    """`core.ports.skus.SkuSource` on a client that is logged in."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def listed(self, guild: int | None) -> Sequence[SkuEntitlement]:
        """Every entitlement that has not ended (see the port).

        The library pages as if the oldest came first; Discord sends the latest first, so each page is asked for here.
        """
        found: dict[int, SkuEntitlement] = {}
        before = LATEST
        while True:
            page = await self._page(before, guild)
            fresh = {one.id: _record(one) for one in page if one.id not in found}
            found |= fresh
            if len(page) < PAGE or not fresh:
                return list(found.values())
            before = min(found)

    async def _page(self, before: int, guild: int | None) -> Sequence[discord.Entitlement]:
        where = discord.Object(guild) if guild is not None else None
        try:
            asked = self._client.entitlements(
                limit=PAGE, before=discord.Object(before), guild=where, exclude_ended=True
            )
            return [one async for one in asked]
        except AWAY as error:
            raise SourceAwayError(repr(error)) from None

    async def one(self, entitlement: int) -> SkuEntitlement | None:
        """One, whether it has ended or not (see the port).

        Only Discord's own code says that there is none: any other 404 is that of a proxy, or of another application.
        """
        try:
            return _record(await self._client.fetch_entitlement(entitlement))
        except AWAY as error:
            if isinstance(error, discord.NotFound) and error.code == UNKNOWN_ENTITLEMENT:
                return None
            raise SourceAwayError(repr(error)) from None


def _record(one: discord.Entitlement) -> SkuEntitlement:
    """The guild counts, not the user: a guild's test purchase names the application as its user.

    What the API made for a test has no times.
    """
    since = one.starts_at or one.created_at
    ends_at = round(one.ends_at.timestamp() * 1000) if one.ends_at is not None else None
    free = one.type in FREE or one.starts_at is None
    start = round(since.timestamp() * 1000)
    return SkuEntitlement(one.id, one.sku_id, one.guild_id, start, ends_at, deleted=one.deleted, free=free)


class SkuWatch:
    """Keeps the grants in step: everything at the start and each hour, a guild when something is heard of it."""

    def __init__(self, client: discord.Client, skus: Skus) -> None:
        self._source = DiscordEntitlements(client)
        self._skus = skus
        self._dirty: set[int | None] = {None}
        self._woken = asyncio.Event()

    def heard(self, entitlement: discord.Entitlement) -> None:
        """Something happened to it: what, the list tells."""
        log.info("discord.entitlement", entitlement=entitlement.id, guild=entitlement.guild_id)
        self._dirty.add(entitlement.guild_id)
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        pause, longest = RETRY
        while True:
            done = await self._work()
            if not await self._told(PERIOD if done else pause):
                self._dirty.add(None)
            pause = RETRY[0] if done else min(pause * 2, longest)

    async def _told(self, seconds: float) -> bool:
        """Wait until something is heard, or so long; whether it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    async def _work(self) -> bool:
        """Look at what is dirty; whether that worked."""
        while self._dirty:
            guild = None if None in self._dirty else next(iter(self._dirty))
            dirty = {guild} if guild is not None else set(self._dirty)
            self._dirty -= dirty
            try:
                await self._skus.sync(self._source, guild)
            except (SourceAwayError, StoreUnavailableError) as error:
                self._dirty |= dirty
                log.warning("discord.entitlements_not_read", guild=guild, error=repr(error))
                return False
            except Exception:  # a mistake of ours is no reason to look no more
                self._dirty |= dirty
                log.exception("discord.entitlements_failed", guild=guild)
                return False
        return True


def upgrade_row(skus: Skus | None, place: PlaceId, error: BaseException) -> ui.View | None:
    """What would lift a limit that somebody met, as buttons that Discord draws; None where nothing does."""
    if skus is None or not isinstance(error, BY_PLAN):
        return None
    return premium_row([sku for _, sku in skus.upgrades(place)])


def premium_row(skus: Sequence[int]) -> ui.View | None:
    """Buttons that open Discord's own shop; their words and prices are Discord's."""
    if not skus:
        return None
    row = ui.View(timeout=None)
    for sku in skus[:BUTTONS]:
        row.add_item(ui.Button[Any](sku_id=sku))
    return row
