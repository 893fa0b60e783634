"""A guild's voice channel in which a node is heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.contract.node_client import Json, NodeClient
    from tests.simulators.discord.channels import VoiceChannel
    from tests.simulators.discord.guilds import Guild
    from tests.simulators.discord.simulator import DiscordSimulator


@dataclass
class Room:
    """A guild with a voice channel, and the node's client for it."""

    discord: DiscordSimulator
    guild: Guild
    channel: VoiceChannel
    node: NodeClient

    def voice(self, channel: VoiceChannel | None = None) -> Json:
        """Fresh voice data, as the bot gets it after op 4."""
        channel = channel or self.channel
        self.discord.voice.change(self.guild, "session", {"channel_id": str(channel.id)})
        return {
            "token": self.discord.voice.grants[self.guild.id].token,
            "endpoint": self.discord.voice.endpoint,
            "sessionId": "session",
            "channelId": str(channel.id),
        }

    def second(self) -> Room:
        """Another guild of the same client."""
        guild = self.discord.guild("Second")
        return Room(self.discord, guild, guild.voice_channel("Music"), self.node)

    async def patch(self, **body: object) -> Json:
        """Change the player; it must be done."""
        answer = await self.node.patch(self.guild.id, body)
        assert answer.status == 200, answer
        return answer.json

    async def position(self) -> int:
        """Where the track is, in ms."""
        return (await self.node.player(self.guild.id))["state"]["position"]

    async def past(self, position: int) -> bool:
        """Whether the track is beyond that."""
        return await self.position() > position
