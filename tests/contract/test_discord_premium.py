"""The simulator's Premium Apps through the real discord.py: SKUs, entitlements, their events and their button."""

from collections.abc import AsyncGenerator
from itertools import count
from typing import Any

import discord
import pytest
from discord.http import Route

from tests.contract.test_discord_simulator import running
from tests.simulators.discord import DiscordSimulator, NotPossibleError
from tests.simulators.discord.premium import TEST_MODE_PURCHASE


class Bot(discord.Client):
    """One of two shards; it notes what it hears of entitlements."""

    def __init__(self, shard: int) -> None:
        intents = discord.Intents(guilds=True)
        super().__init__(intents=intents, shard_id=shard, shard_count=2, guild_ready_timeout=0.05)
        self.heard: list[tuple[str, discord.Entitlement]] = []

    async def on_entitlement_create(self, entitlement: discord.Entitlement) -> None:
        self.heard.append(("create", entitlement))

    async def on_entitlement_update(self, entitlement: discord.Entitlement) -> None:
        self.heard.append(("update", entitlement))

    async def on_entitlement_delete(self, entitlement: discord.Entitlement) -> None:
        self.heard.append(("delete", entitlement))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer with a premium button for what the custom id names."""
        view = discord.ui.View()
        view.add_item(discord.ui.Button(sku_id=int((interaction.data or {}).get("custom_id", "0"))))
        told = ", ".join(str(one.id) for one in interaction.entitlements)
        await interaction.response.send_message(f"has {told}", view=view, ephemeral=True)


@pytest.fixture
async def simulator() -> AsyncGenerator[DiscordSimulator]:
    async with DiscordSimulator.start(shards=2) as simulator:
        yield simulator


@pytest.fixture
async def bot(simulator: DiscordSimulator) -> AsyncGenerator[Bot]:
    """Shard 0 of two."""
    async with running(simulator, bot := Bot(0)):
        yield bot


async def test_skus_and_entitlements_load_with_every_field(simulator: DiscordSimulator, bot: Bot) -> None:
    pro = simulator.premium.sku("Chorus Pro")
    guild = simulator.guild("Testers")
    ann = guild.member("Ann")
    skus = {sku.id: sku for sku in await bot.fetch_skus()}
    assert skus[pro].type is discord.SKUType.subscription
    assert skus[pro].flags.guild_subscription
    assert sorted(sku.type.value for sku in skus.values()) == [5, 6]
    bought = simulator.premium.buy(pro, ann, kind=TEST_MODE_PURCHASE)
    await simulator.until(lambda: bot.heard)
    told, listed = bot.heard[0][1], [one async for one in bot.entitlements(guild=discord.Object(guild.id))]
    assert [one.id for one in listed] == [bought]
    assert (told.id, told.sku_id, told.guild_id) == (bought, pro, guild.id)
    assert told.user_id == simulator.application_id, "a test purchase of a guild names the application"
    assert told.starts_at is not None
    assert (told.type, told.ends_at, told.deleted) == (discord.EntitlementType.test_mode_purchase, None, False)
    assert (await bot.fetch_entitlement(bought)).guild_id == guild.id
    with pytest.raises(discord.NotFound):
        await bot.fetch_entitlement(1)
    await bot.create_entitlement(discord.Object(pro), discord.Object(guild.id), discord.EntitlementOwnerType.guild)
    await simulator.until(lambda: len(bot.heard) == 2)
    assert bot.heard[1][1].starts_at is None


async def test_events_are_told_to_shard_0_alone_and_the_list_says_how_it_stands(
    simulator: DiscordSimulator, bot: Bot
) -> None:
    async with running(simulator, other_shard := Bot(1)):
        await _turns(simulator, bot)
        assert other_shard.heard == []


async def _turns(simulator: DiscordSimulator, bot: Bot) -> None:
    pro, elite = simulator.premium.sku("Pro"), simulator.premium.sku("Elite")
    ann = simulator.guild("One").member("Ann")
    other = simulator.guild("Two").member("Ben")
    for member in (ann, other):  # one of the two guilds is on shard 1
        new = simulator.premium.upgrade(simulator.premium.buy(pro, member), elite, member, new_first=True)
        simulator.premium.refund(new)
    await simulator.until(lambda: len(bot.heard) == 8)
    assert [kind for kind, _ in bot.heard] == ["create", "create", "update", "delete"] * 2
    ended, deleted = bot.heard[2][1], bot.heard[3][1]
    assert ended.is_expired()
    assert deleted.deleted
    assert [one.sku_id for one in [e async for e in bot.entitlements()]] == [pro, pro]
    everything = [one async for one in bot.entitlements(exclude_ended=True)]
    assert everything == []
    missed = simulator.premium.buy(pro, ann, told=False)
    assert [one.id async for one in bot.entitlements(exclude_ended=True)] == [missed]
    assert len(bot.heard) == 8


async def test_pages_come_latest_first(simulator: DiscordSimulator, bot: Bot) -> None:
    pro, ann = simulator.premium.sku("Pro"), simulator.guild("One").member("Ann")
    ids = [simulator.premium.buy(pro, ann, told=False) for _ in range(130)]
    before = discord.Object(1 << 62)
    first = [one.id async for one in bot.entitlements(limit=100, before=before)]
    second = [one.id async for one in bot.entitlements(limit=100, before=discord.Object(min(first)))]
    assert first + second == ids[::-1]


async def test_a_premium_button_is_pressed_and_paid(simulator: DiscordSimulator, bot: Bot) -> None:
    pro = simulator.premium.sku("Pro")
    guild = next(guild for guild in map(simulator.guild, map(str, count())) if (guild.id >> 22) % 2 == 0)  # shard 0
    ann, ben, chat = guild.member("Ann"), simulator.guild("Two").member("Ben"), guild.text_channel("chat")
    view = discord.ui.View()
    view.add_item(discord.ui.Button[Any](label="Buy", custom_id=str(pro)))
    await bot.get_partial_messageable(chat.id).send("Pro?", view=view)
    reply = await ann.press(chat.messages[-1], "Buy")
    with pytest.raises(NotPossibleError):
        simulator.premium.press(ann, chat.messages[-1])
    simulator.premium.buy(pro, ben)
    bought = simulator.premium.press(ann, reply)
    assert (await ann.press(chat.messages[-1], "Buy")).content == f"has {bought}", "not the other guild's"


async def test_a_premium_button_has_nothing_but_its_sku(simulator: DiscordSimulator, bot: Bot) -> None:
    chat = simulator.guild("One").text_channel("chat")
    for wrong in ({"sku_id": "1", "label": "Buy"}, {"custom_id": "buy"}):
        row = {"type": 1, "components": [{"type": 2, "style": 6, **wrong}]}
        with pytest.raises(discord.HTTPException):
            await bot.http.request(
                Route("POST", "/channels/{channel_id}/messages", channel_id=chat.id),
                json={"content": "Pro", "components": [row]},
            )
    assert len(simulator.failures) == 2
    simulator.failures.clear()
