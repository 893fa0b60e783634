"""A guild buys a plan and lets it go, in the running product: Discord and Stripe are simulated, the rest is real."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.product import ROOT, Product
from tests.e2e.world import write_tones
from tests.simulators.discord.channels import TextChannel
from tests.simulators.discord.guilds import Guild
from tests.simulators.discord.members import Member
from tests.simulators.discord.simulator import DiscordSimulator
from tests.simulators.stripe import StripeSimulator
from tests.waiting import until

FULL = "You have 10 tracks waiting already"


@dataclass
class Market:
    """A guild, the product in it, and Stripe."""

    discord: DiscordSimulator
    stripe: StripeSimulator
    guild: Guild
    chat: TextChannel
    chorus: Product
    prices: dict[str, str]

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

    async def play(self) -> str:
        return (await self.owner.slash("play", in_=self.chat, query="Long")).text

    async def becomes(self, plan: str, within: float = 10.0) -> None:
        async def shown() -> bool:
            return f"The plan here: **{plan}**" in (await self.premium()).text

        await until(shown, within=within, every=0.1, what=f"the plan is {plan}")


def link(reply: Any) -> str:
    """The address of a link button."""
    return next(item["url"] for row in reply.components for item in row["components"] if "url" in item)


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    (tmp_path / "music").mkdir()
    music = write_tones(tmp_path / "music")
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator.start())
        stripe = await stack.enter_async_context(StripeSimulator.start())
        prices = {
            plan: stripe.catalog.price(amount, product=plan)["id"] for plan, amount in (("pro", 499), ("elite", 999))
        }
        plans = tmp_path / "plans.toml"
        plans.write_text(
            re.sub(
                r"^\[(pro|elite)\]$",
                lambda it: f'{it[0]}\nstripe_prices = ["{prices[it[1]]}"]',
                (ROOT / "plans.toml").read_text(),
                flags=re.M,
            )
        )
        env = {**discord.env(), **stripe.env(), "PLANS_FILE": str(plans), "LIBRARY_PATHS": str(music)}
        chorus = Product(tmp_path / "data", env)
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        stripe.webhook(f"{chorus.url}/webhooks/stripe")
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await discord.ready("premium")
        guild = discord.guild("Testers")
        voice, chat = guild.voice_channel("Music"), guild.text_channel("chat")
        await guild.owner.join(voice)
        yield Market(discord, stripe, guild, chat, chorus, prices)


@pytest.mark.timeout(180)
async def test_a_guild_buys_pro_cancels_and_falls_back_without_losing_anything(market: Market) -> None:
    while FULL not in (said := await market.play()):
        assert "Long" in said, said
    page = await market.premium()
    assert "The plan here: **Free**" in page.text
    checkout = link(await market.press(page, "buy", market.prices["pro"]))
    market.stripe.checkout.pay(checkout)
    await market.becomes("Pro")
    assert "Long" in await market.play(), "the limit is gone"
    page = await market.premium()
    assert "goes on by itself" in page.text
    assert "Canceled: **Pro** stays until" in (await market.press(page, "cancel")).text
    await market.becomes("Pro")
    assert "was canceled and ends" in (await market.premium()).text
    market.stripe.advance(days=32)
    await market.becomes("Free")
    assert FULL in await market.play() or "You have" in await market.play()
