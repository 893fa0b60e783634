"""A tip in the running product, from the DJ's account to the thanks and back: Discord and Stripe are simulated."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import tips
from tests.bot.test_commands import bot
from tests.e2e.product import Product
from tests.e2e.test_purchases import link
from tests.e2e.world import write_tones
from tests.simulators.discord.channels import TextChannel
from tests.simulators.discord.members import Member
from tests.simulators.discord.simulator import DiscordSimulator
from tests.simulators.stripe import StripeSimulator
from tests.waiting import until


@dataclass
class Club:
    """A guild whose owner is the DJ, and a guest."""

    stripe: StripeSimulator
    chat: TextChannel
    dj: Member
    ann: Member
    chorus: Product

    async def statement(self) -> str:
        return (await self.dj.slash("tips", in_=self.chat)).text

    async def states(self, said: str) -> str:
        """The DJ's statement, once it says this."""

        async def text() -> str:
            found = await self.statement()
            return found if said in found else ""

        return await until(text, within=30, every=0.2, what=f"the statement says {said}")

    async def tip(self) -> Any:
        database = Database(f"sqlite:///{self.chorus.data}/chorus.db")
        async with database.read() as connection:
            (row,) = (await connection.execute(select(tips))).all()
        await database.close()
        return row


@pytest.fixture
async def club(tmp_path: Path) -> AsyncIterator[Club]:
    async with DiscordSimulator.start() as discord, StripeSimulator.start() as stripe:
        env = {**discord.env(), **stripe.env(), "TIPS": "eur", "TIP_FEE": "20", "DEFAULT_PLAN": "elite"}
        (tmp_path / "music").mkdir()
        env["LIBRARY_PATHS"] = str(write_tones(tmp_path / "music"))
        chorus = Product(tmp_path / "data", env)
        try:
            await chorus.start(ready=False)
            await until(chorus.is_ready, within=90, every=0.2, what="/readyz")
            await until(lambda: chorus.logs(event="library indexed"), within=60)
            stripe.webhook(f"{chorus.url}/webhooks/stripe")
            stripe.webhook(f"{chorus.url}/webhooks/stripe", connect=True)
            await discord.ready("tip", "tips")
            guild = discord.guild("Testers")
            voice, chat = guild.voice_channel("Music"), guild.text_channel("chat")
            ann = guild.member("Ann")
            await guild.owner.join(voice)
            await ann.join(voice)
            yield Club(stripe, chat, guild.owner, ann, chorus)
        finally:
            await chorus.stop()


@pytest.mark.timeout(300)
async def test_a_tip_reaches_the_dj_is_said_in_the_room_and_paid_back(club: Club) -> None:
    assert "Long" in (await club.ann.slash("play", in_=club.chat, query="Long")).text
    await until(lambda: club.chat.messages, within=30, what="the room's message")
    refused = await club.ann.slash("tip", in_=club.chat, dj=club.dj, amount=5)
    assert "cannot be given a tip" in refused.text
    page = await club.dj.slash("tips", in_=club.chat)
    (button,) = [item["custom_id"] for row in page.components for item in row["components"]]
    way = link(await club.dj.press(page, custom_id=button))
    club.stripe.connect.onboard(club.stripe.connect.links[way]["account"], url=way)
    await club.states("You can be tipped.")

    offered = await club.ann.slash("tip", in_=club.chat, dj=club.dj, amount=5)
    assert offered.ephemeral
    club.stripe.checkout.pay(link(offered))
    await until(lambda: any("a tip of 5.00 EUR" in it.text for it in club.chat.messages), within=30, what="thanks")
    await club.states("Yours so far, after fees and refunds: 4.00 EUR")
    (intent,) = club.stripe.objects.every("payment_intent")
    assert (intent["amount"], intent["application_fee_amount"]) == (500, 100)

    url = {name: club.chorus.env[name] for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")}
    done = await asyncio.to_thread(bot, "billing", "refund-tip", (await club.tip()).id, data=club.chorus.data, **url)
    assert done.returncode == 0, done.stderr
    await club.states("paid back")
    await club.states("Yours so far, after fees and refunds: 0.00 EUR")
    (transfer,) = club.stripe.objects.every("transfer")
    assert transfer["amount_reversed"] == 500
    assert not club.chorus.logs(level="error")
