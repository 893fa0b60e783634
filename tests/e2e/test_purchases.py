"""A guild buys a plan and lets it go, in the running product: Discord and Stripe are simulated, the rest is real."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select

from db.engine import Database
from db.models import entries, grants, places, plays, rooms
from tests.db.redis_server import RedisServer
from tests.e2e.product import ROOT, Product
from tests.e2e.visitor import Visitor, session
from tests.e2e.world import write_tones
from tests.simulators.discord.channels import TextChannel
from tests.simulators.discord.guilds import Guild
from tests.simulators.discord.members import Member
from tests.simulators.discord.simulator import DiscordSimulator
from tests.simulators.stripe import StripeSimulator
from tests.waiting import crowding, until

OK, REFUSED = 200, 409
AT_ONCE = 1.0
"""Seconds until every process knows of a plan."""
FULL = "You have 10 tracks waiting already"


@dataclass
class Market:
    """A guild, the product in it, and Stripe."""

    discord: DiscordSimulator
    stripe: StripeSimulator
    guild: Guild
    chat: TextChannel
    chorus: Product
    other: Product
    prices: dict[str, str]
    database: Database

    @property
    def owner(self) -> Member:
        return self.guild.owner

    async def premium(self) -> Any:
        """What /premium shows the guild's owner."""
        return await self.owner.slash("premium", in_=self.chat)

    async def press(self, reply: Any, act: str, *values: str) -> Any:
        """Use one of the components under an answer."""
        items = [item for row in reply.components for item in row["components"]]
        (found,) = [it["custom_id"] for it in items if f":premium.{act}:" in it.get("custom_id", "")]
        return await self.owner.press(reply, custom_id=found, values=list(values) or None)

    async def room(self) -> str:
        """The id of the guild's room."""
        (row,) = await self._rows(select(rooms.c.id).where(rooms.c.place == f"discord:{self.guild.id}"))
        return row.id

    async def granted(self) -> bool:
        return bool(await self._rows(select(grants)))

    async def kept(self) -> tuple[Any, ...]:
        """What a plan's end must not touch."""
        waiting = await self._rows(select(func.count()).select_from(entries))
        settings = await self._rows(select(places.c.settings).where(places.c.id == f"discord:{self.guild.id}"))
        played = await self._rows(select(func.count()).select_from(plays))
        return tuple(waiting[0]), settings[0].settings, tuple(played[0])

    async def _rows(self, asked: Any) -> Any:
        async with self.database.read() as connection:
            return (await connection.execute(asked)).all()

    async def play(self) -> str:
        return (await self.owner.slash("play", in_=self.chat, query="Long")).text

    async def becomes(self, plan: str, within: float = 10.0) -> None:
        async def shown() -> bool:
            return f"The plan here: **{plan}**" in (await self.premium()).text

        await until(shown, within=within, every=0.1, what=f"the plan is {plan}")


class Guest(Visitor):
    """Somebody with the page of a guild's room open."""

    def __init__(self, product: Product, http: aiohttp.ClientSession, room: str) -> None:
        super().__init__(product, http)
        self._url = f"{product.url}/r/{room}"

    async def plan(self) -> str:
        """The page of the room's plan."""
        async with self._session.get(f"{self._url}/premium") as answer:
            return await answer.text()


def link(reply: Any) -> str:
    """The address of a link button."""
    return next(item["url"] for row in reply.components for item in row["components"] if "url" in item)


def offering(prices: dict[str, str]) -> str:
    """The product's plans, with prices."""
    plain = (ROOT / "plans.toml").read_text()
    return re.sub(
        r"^\[(pro|elite)\]$", lambda it: f'{it[0]}\nstripe_prices = ["{prices[it[1]]}"]', plain, flags=re.MULTILINE
    )


@pytest.fixture
async def market(tmp_path: Path, postgres_url: str) -> AsyncIterator[Market]:
    """Two processes on one PostgreSQL and one Redis: one is on Discord, the other hears of payments."""
    (tmp_path / "music").mkdir()
    music = write_tones(tmp_path / "music")
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator.start())
        stripe = await stack.enter_async_context(StripeSimulator.start())
        redis = await RedisServer(tmp_path).start()
        stack.callback(redis.kill)
        amounts = {"pro": 499, "elite": 999}
        prices = {plan: stripe.catalog.price(amount, product=plan)["id"] for plan, amount in amounts.items()}
        plans = tmp_path / "plans.toml"
        plans.write_text(offering(prices))
        shared = {
            **stripe.env(), "PLANS_FILE": str(plans), "LIBRARY_PATHS": str(music), "DATABASE_URL": postgres_url,
            "REDIS_URL": redis.url, "SECRET_KEY": "s" * 40,
        }  # fmt: skip
        chorus = Product(tmp_path / "one", {**shared, **discord.env()})
        other = Product(tmp_path / "other", shared)
        for product in (chorus, other):
            stack.push_async_callback(product.stop)
            await product.start(ready=False)
            await until(product.is_ready, within=90, every=0.2, what="/readyz")
            await until(lambda product=product: product.logs(event="library indexed"), within=60)
        stripe.webhook(f"{other.url}/webhooks/stripe")
        await discord.ready("premium")
        guild = discord.guild("Testers")
        voice, chat = guild.voice_channel("Music"), guild.text_channel("chat")
        await guild.owner.join(voice)
        database = Database(postgres_url)
        stack.push_async_callback(database.close)
        yield Market(discord, stripe, guild, chat, chorus, other, prices, database)


@pytest.mark.timeout(300)
async def test_a_guild_buys_pro_cancels_and_falls_back_without_losing_anything(market: Market) -> None:
    await market.owner.slash("settings", in_=market.chat, guests="add", tracks_per_person=0)
    while FULL not in (said := await market.play()):
        assert "Long" in said, said
    async with session() as http:
        guest = Guest(market.other, http, await market.room())
        await guest.open()
        await until(lambda: guest.succeeds("Long"), within=20, what="a guest of the other process adds")
        while (status := await guest.post("Long")) == OK:
            pass
        assert status == REFUSED
        page = await market.premium()
        assert "The plan here: **Free**" in page.text

        market.stripe.checkout.pay(link(await market.press(page, "buy", market.prices["pro"])))
        await until(market.granted, within=20, every=0.02, what="the payment is known")
        known = time.monotonic()
        await until(lambda: guest.succeeds("Long"), within=10, every=0.1, what="the limit is gone there")
        assert time.monotonic() - known < AT_ONCE * crowding()
        assert "Long" in await market.play(), "and here"
        page = await market.premium()
        assert "is paid until" in page.text
        assert "Pro" in await guest.plan()

        assert "Canceled: **Pro** stays until" in (await market.press(page, "cancel")).text
        page = await market.premium()
        assert "was canceled and ends" in page.text
        assert "The plan here: **Pro**" in page.text
        assert await guest.post("Long") == OK

        before = await market.kept()
        market.stripe.advance(days=32)
        await market.becomes("Free")
        assert await market.kept() == before, "not an entry, a setting or a play is lost"
        assert await guest.post("Long") == REFUSED
        assert FULL in await market.play(), "what is over the limit only plays and is removed"
        await guest.stop()
    for product in (market.chorus, market.other):
        assert not product.logs(level="error")
        secrets = [market.stripe.key, market.stripe.secret, "/c/pay/", "cs_test_"]
        assert not [line for line in product.lines if any(secret in line for secret in secrets)]
