"""Private messages of the simulated Discord, through the real client."""

from collections.abc import AsyncIterator

import discord
import pytest
from discord.http import Route

from tests.simulators.discord import DiscordSimulator


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator.start() as simulator:
        monkeypatch.setattr(Route, "BASE", simulator.api_url)
        yield simulator


@pytest.fixture
async def client(simulator: DiscordSimulator) -> AsyncIterator[discord.Client]:
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        await client.login(simulator.token)
        yield client


async def test_a_private_channel_loads_and_takes_messages(simulator: DiscordSimulator, client: discord.Client) -> None:
    ann = simulator.guild("Guild").member("Ann")
    channel = await client.create_dm(discord.Object(ann.id))
    assert (channel.type, channel.recipient and channel.recipient.id) == (discord.ChannelType.private, ann.id)
    message = await channel.send("Hello", allowed_mentions=discord.AllowedMentions.none())
    assert (message.content, message.channel.id) == ("Hello", channel.id)
    assert [it.content for it in simulator.direct.to(ann.id)] == ["Hello"]


async def test_an_enforced_nonce_makes_one_message(simulator: DiscordSimulator, client: discord.Client) -> None:
    ann, ben = (simulator.guild("Guild").member(name) for name in ("Ann", "Ben"))
    channel, other = [await client.create_dm(discord.Object(it.id)) for it in (ann, ben)]
    sent = [(await channel.send("Hello", nonce="a" * 25)).id for _ in range(3)]
    assert len(set(sent)) == 1
    assert (await channel.send("Hello", nonce="b")).id not in sent
    assert (await other.send("Hello", nonce="a" * 25)).id not in sent
    assert (await channel.send("Hello")).id != (await channel.send("Hello")).id


async def test_who_takes_no_messages_and_who_is_nobody(simulator: DiscordSimulator, client: discord.Client) -> None:
    guild = simulator.guild("Guild")
    ann = guild.member("Ann")
    channel = await client.create_dm(discord.Object(ann.id))
    simulator.direct.closed.add(ann.id)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.send("Hello")
    assert refused.value.code == 50007
    with pytest.raises(discord.HTTPException) as unknown:
        await client.create_dm(discord.Object(1))
    assert unknown.value.code == 50033
