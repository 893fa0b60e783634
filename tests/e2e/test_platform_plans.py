"""Plans bought from Discord and for Telegram Stars, in the running product: from the refusal to the plan and back."""

import contextlib
import json
import os
import sqlite3
import sys
import time
from asyncio import create_subprocess_exec, subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from billing.plans import read_plans
from bot.config import PLANS
from tests.e2e.product import ROOT, Product
from tests.simulators.discord import DiscordSimulator, Member, TextChannel
from tests.simulators.stripe import StripeSimulator
from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.waiting import until

pytestmark = pytest.mark.timeout(150)
STARS = 250
SIZE = 1
"""Tracks of one person that wait at most on Free, in these tests."""


def plans(file: Path, *, sku: int | None = None, price: str = "") -> Path:
    """The product's plans, with Pro for sale and less room on Free."""
    sold = f"stars = {STARS}" if sku is None else f"discord_sku = {sku}\ndiscord_price = 499"
    sold += f'\nstripe_prices = ["{price}"]' if price else ""
    text = PLANS.read_text().replace("per_person = 10 ", f"per_person = {SIZE} ").replace("[pro]", f"[pro]\n{sold}")
    file.write_text(text)
    assert read_plans(file)["free"].entries_per_person == SIZE
    return file


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def running(stack: AsyncExitStack, data: Path, library: Path, env: dict[str, str]) -> Product:
    product = Product(data, {"LIBRARY_PATHS": str(library), **env})
    stack.push_async_callback(product.stop)
    await product.start()
    await until(lambda: product.logs(event="library indexed"), within=20)
    return product


@dataclass
class Guild:
    discord: DiscordSimulator
    ann: Member
    text: TextChannel

    async def play(self) -> str:
        return (await self.ann.slash("play", in_=self.text, query="Low A")).text

    async def refused(self) -> bool:
        return "tracks waiting already" in await self.play()


async def test_a_guild_buys_from_discord_beside_the_refusal_and_falls_back(
    stack: AsyncExitStack, tmp_path: Path, library: Path
) -> None:
    discord = await stack.enter_async_context(DiscordSimulator.start())
    file = plans(tmp_path / "plans.toml", sku=discord.premium.sku("Pro"))
    product = await running(stack, tmp_path / "data", library, {**discord.env(), "PLANS_FILE": str(file)})
    await discord.ready("play", "premium")
    assert any("Discord" in line and "pro" in line for line in product.screen)
    place = discord.guild("Testers")
    guild = Guild(discord, place.member("Ann", admin=True), place.text_channel("chat"))
    await guild.ann.join(place.voice_channel("Music"))
    await until(guild.refused, what="the limit")
    reply = await guild.ann.slash("play", in_=guild.text, query="Low A")
    bought = discord.premium.press(guild.ann, reply)
    since = time.monotonic()

    async def lifted() -> bool:
        return not await guild.refused()

    await until(lifted, within=5, every=0.5, what="the limit is gone")
    assert time.monotonic() - since < 3, "a second, and what a crowded machine takes"
    shown = (await guild.ann.slash("premium", in_=guild.text)).text
    assert "Pro" in shown
    assert "Tracks played: " in shown
    await product.kill()
    discord.premium.refund(bought)
    await product.start()
    await discord.ready("play")
    await until(guild.refused, within=10, what="told at the start, though nobody heard of it")


async def test_at_the_start_it_is_said_where_stripe_is_cheaper_than_discord(
    stack: AsyncExitStack, tmp_path: Path, library: Path
) -> None:
    discord = await stack.enter_async_context(DiscordSimulator.start())
    stripe = await stack.enter_async_context(StripeSimulator.start())
    cheap = stripe.catalog.price(400, "usd", product="Pro")["id"]
    stripe.catalog.promotion_code("MAY", stripe.catalog.coupon(percent_off=50)["id"])
    file = plans(tmp_path / "plans.toml", sku=discord.premium.sku("Pro"), price=cheap)
    env = {**discord.env(), **stripe.env(), "PLANS_FILE": str(file)}
    product = await running(stack, tmp_path / "data", library, env)
    problems = [
        f"{cheap} (pro) costs 4.00 a month, less than 4.99 on Discord",
        "codes make plans cheaper than on Discord: MAY",
    ]

    def told() -> bool:
        return [line["problem"] for line in product.logs(event="price parity")] == problems

    await until(told, within=20, what="what is too cheap")


@dataclass
class Group:
    telegram: TelegramSimulator
    chat: Chat
    ann: Person
    product: Product

    async def play(self) -> str:
        return (await self.ann.say("/play Low A", self.chat)).text

    async def refused(self) -> bool:
        return "tracks waiting already" in await self.play()

    async def operator(self, *words: str) -> str:
        """What `python -m bot billing …` says beside the running one."""
        env = {**self.product.env, "DATA_DIR": str(self.product.data), "PATH": os.environ["PATH"]}
        child = await create_subprocess_exec(
            sys.executable, "-m", "bot", "billing", *words,
            cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return (await child.communicate())[0].decode()


async def test_a_chat_buys_for_stars_and_the_operator_gives_them_back(
    stack: AsyncExitStack, tmp_path: Path, library: Path
) -> None:
    telegram = await stack.enter_async_context(TelegramSimulator.start())
    file = plans(tmp_path / "plans.toml")
    env = {**telegram.env(), "PLANS_FILE": str(file), "PUBLIC_URL": "http://music.example.org"}
    product = await running(stack, tmp_path / "data", library, env)
    await telegram.ready()
    ann = telegram.user("Ann")
    group = Group(telegram, telegram.group("Testers", ann), ann, product)
    await until(group.refused, what="the limit")
    reply = await ann.say("/premium", group.chat)
    assert "Tracks played: " in reply.text
    await ann.press(reply, "Pro")
    await until(lambda: group.chat.shows("Only Ann can pay this"))
    payment = await telegram.payments.pay(ann, group.chat.live.button("Pay")["url"])
    assert payment.charge is not None
    since = time.monotonic()

    async def lifted() -> bool:
        return not await group.refused()

    await until(lifted, within=5, every=0.5, what="the limit is gone")
    assert time.monotonic() - since < 3, "a second, and what a crowded machine takes"
    listed = await group.operator("list")
    assert f"telegram:{group.chat.id}  pro  stars of " in listed
    assert payment.charge.id in listed
    assert payment.subscription is not None
    renewal = telegram.payments.renew(payment.subscription)
    assert "Stars went back" in await group.operator("refund-stars", renewal.id)
    assert payment.subscription.canceled, "whichever of its payments goes back"
    given_back = await group.operator("refund-stars", payment.charge.id)
    assert given_back == f"{STARS} Stars went back to the Telegram user {ann.id}; what they paid for has ended.\n"
    await until(group.refused, within=10, every=0.5, what="it has ended")
    assert await group.operator("refund-stars", payment.charge.id) == given_back
    assert "lists no such payment" in await group.operator("refund-stars", "stx-none")
    with contextlib.closing(sqlite3.connect(product.data / "chorus.db")) as database:
        audited = database.execute("SELECT after FROM audit WHERE action = 'stars.refunded' ORDER BY id").fetchall()
    assert [json.loads(it)["charge"] for (it,) in audited] == [renewal.id, payment.charge.id, payment.charge.id]
    assert not [line for line in [*product.lines, *product.screen] if telegram.token.split(":")[1] in line]
