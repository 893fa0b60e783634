"""A Discord on loopback, strict on input and exact on output, for the real client libraries.

    async with DiscordSimulator.start() as discord:
        guild = discord.guild("Testers")
        music, text = guild.voice_channel("Music"), guild.text_channel("chat")
        ann = guild.member("Ann")
        ...start the bot with discord.env()...
        await discord.ready()
        await ann.join(music)
        reply = await ann.slash("play", query="tone", in_=text)
        await music.heard(440)
        await ann.press(text.messages[-1], "Skip")

What a correct client never sends is answered as Discord would, kept in `discord.failures`, and fails the test
when the block ends.
"""

from tests.simulators.discord.attachments import Attachment
from tests.simulators.discord.channels import Channel, StageChannel, TextChannel, VoiceChannel
from tests.simulators.discord.errors import NotAnsweredError, NotPossibleError
from tests.simulators.discord.guilds import Guild, Role
from tests.simulators.discord.listening import Packet
from tests.simulators.discord.members import Member, User
from tests.simulators.discord.messages import Message
from tests.simulators.discord.replies import Reply
from tests.simulators.discord.simulator import DiscordSimulator

__all__ = [
    "Attachment",
    "Channel",
    "DiscordSimulator",
    "Guild",
    "Member",
    "Message",
    "NotAnsweredError",
    "NotPossibleError",
    "Packet",
    "Reply",
    "Role",
    "StageChannel",
    "TextChannel",
    "User",
    "VoiceChannel",
]
