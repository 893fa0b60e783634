"""The least bot that plays a file in a voice channel: discord.py, Wavelink, /play /skip /leave, nothing else.

`python -m bench.bare_bot` with DISCORD_TOKEN, DISCORD_API_URL, LAVALINK_URL and LAVALINK_PASSWORD.
"""

import os
from typing import Any, cast

import discord
import wavelink
from discord import app_commands
from discord.http import Route

Interaction = discord.Interaction[Any]


class Bot(discord.AutoShardedClient):
    """One node, three commands."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True, voice_states=True))
        self.tree = app_commands.CommandTree(self)
        for command in (play, skip, leave):
            self.tree.add_command(command)

    async def setup_hook(self) -> None:
        node = wavelink.Node(uri=os.environ["LAVALINK_URL"], password=os.environ["LAVALINK_PASSWORD"])
        await wavelink.Pool.connect(nodes=[node], client=self, cache_capacity=None)
        await self.tree.sync()


def player_of(interaction: Interaction) -> wavelink.Player | None:
    """The guild's player, if the bot is in voice."""
    return cast("wavelink.Player | None", interaction.guild and interaction.guild.voice_client)


@app_commands.command(description="Play a link")
async def play(interaction: Interaction, query: str) -> None:
    """Join if need be, look the link up, play it, answer."""
    member = interaction.user
    assert isinstance(member, discord.Member)
    assert member.voice is not None
    assert member.voice.channel is not None
    player = player_of(interaction) or await member.voice.channel.connect(cls=wavelink.Player)
    found = await wavelink.Playable.search(query, source=None)
    await player.play(cast("list[wavelink.Playable]", found)[0], volume=100)
    await interaction.response.send_message("playing", ephemeral=True)


@app_commands.command(description="End the track")
async def skip(interaction: Interaction) -> None:
    """What plays ends."""
    if player := player_of(interaction):
        await player.skip(force=True)
    await interaction.response.send_message("skipped", ephemeral=True)


@app_commands.command(description="Leave")
async def leave(interaction: Interaction) -> None:
    """Out of the voice channel."""
    if player := player_of(interaction):
        await player.disconnect()
    await interaction.response.send_message("left", ephemeral=True)


if __name__ == "__main__":
    Route.BASE = os.environ["DISCORD_API_URL"]
    Bot().run(os.environ["DISCORD_TOKEN"], log_level=30)
