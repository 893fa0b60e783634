"""What a payer is told, in the running product: by a private message, and on the page that it leads to."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.clock import SystemClock
from core.enums import Surface
from core.records.notices import Contact, Notice, NoticeKind
from core.types import Identity
from db.engine import Database
from db.outbox import SqlOutbox
from db.places import SqlPlaces
from tests.e2e.product import Product
from tests.simulators.discord import DiscordSimulator, Member
from tests.simulators.stripe import StripeSimulator
from tests.waiting import until

PAGE = "https://chorus.example.org"


@dataclass
class Shop:
    """The product, and Ann in a guild of it."""

    discord: DiscordSimulator
    chorus: Product
    database: Database
    ann: Member

    @property
    def told(self) -> list[str]:
        return [message.content for message in self.discord.direct.to(self.ann.id)]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator.start())
        stripe = await stack.enter_async_context(StripeSimulator.start())
        chorus = Product(tmp_path / "data", {**discord.env(), **stripe.env(), "PUBLIC_URL": PAGE})
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        database = Database(f"sqlite:///{tmp_path}/data/chorus.db")
        stack.push_async_callback(database.close)
        yield Shop(discord, chorus, database, discord.guild("Guild").member("Ann"))


async def test_a_payer_is_told_once_also_when_the_bot_is_killed(shop: Shop) -> None:
    clock = SystemClock()
    person = await SqlPlaces(shop.database, clock).person(Identity(Surface.DISCORD, str(shop.ann.id), "Ann"))
    outbox = SqlOutbox(shop.database, clock)
    data = {"plan": "pro", "day": 0, "until": clock.now() + 604_800_000}
    failed = Notice("dunning:sub_1:1:0", NoticeKind.PAYMENT_FAILED, person, data=data)
    await outbox.put(Contact(person, language="es"), failed, failed)
    await until(lambda: shop.told, within=20)
    await shop.chorus.kill()
    await outbox.put(failed, Notice("ended:1", NoticeKind.ENDED, person, data={"plan": "pro", "reason": "unpaid"}))
    await shop.chorus.start()
    await until(lambda: len(shop.told) > 1, within=30)
    first, second = shop.told
    assert first.startswith("Un pago no se pudo hacer: Pro.")
    assert second.startswith("Un plan ha terminado, porque no se pagó: Pro.")
    (path,) = re.findall(rf"{PAGE}(/notices/[\w-]+)", second)
    async with aiohttp.ClientSession() as session, session.get(f"{shop.chorus.url}{path}") as answer:
        page = await answer.text()
    assert "A payment did not go through: Pro." in page, "in the language of whoever looks"
    assert "A plan has ended" in page
    assert not [line for line in shop.chorus.lines if path.rpartition("/")[2] in line], "links are not logged"
