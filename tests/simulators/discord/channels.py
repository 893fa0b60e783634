"""Channels: where messages stand and voice is heard."""

from typing import TYPE_CHECKING

from tests.simulators.discord import permissions
from tests.simulators.discord.bodies import Json
from tests.simulators.discord.ids import snowflake
from tests.simulators.discord.listening import Listening
from tests.simulators.discord.permissions import Overwrite

if TYPE_CHECKING:
    from tests.simulators.discord.guilds import Guild, Role
    from tests.simulators.discord.members import Member
    from tests.simulators.discord.messages import Message
    from tests.simulators.discord.voice import VoiceConnection


class Channel:
    """A guild's channel with its messages; a voice channel has a text chat too."""

    TYPE = 0

    def __init__(self, guild: "Guild", name: str, *, position: int) -> None:
        self.guild = guild
        self.name = name
        self.position = position
        self.id = snowflake()
        self.overwrites: dict[int, Overwrite] = {}
        self._messages: dict[int, Message] = {}

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def messages(self) -> "list[Message]":
        """The messages that everybody sees now, oldest first."""
        return [m for m in self._messages.values() if not m.deleted and not m.ephemeral]

    @property
    def everything(self) -> "list[Message]":
        """All messages ever posted here, those for one person and the deleted ones too."""
        return list(self._messages.values())

    def post(self, message: "Message") -> None:
        """Keep a message (an ephemeral one too: its sender may edit it)."""
        self._messages[message.id] = message

    def find(self, message_id: int) -> "Message | None":
        message = self._messages.get(message_id)
        return message if message and not message.deleted else None

    def allow(self, who: "Role | Member", *names: str) -> None:
        """Allow this role or member these permissions here."""
        self._overwrite(who, permissions.bits(*names), 0)

    def deny(self, who: "Role | Member", *names: str) -> None:
        """Deny this role or member these permissions here."""
        self._overwrite(who, 0, permissions.bits(*names))

    def _overwrite(self, who: "Role | Member", allow: int, deny: int) -> None:
        old = self.overwrites.get(who.id, Overwrite(who.id, int(who.id in self.guild.members), 0, 0))
        self.overwrites[who.id] = Overwrite(old.id, old.type, old.allow & ~deny | allow, old.deny & ~allow | deny)
        self.guild.discord.gateway.channel_updated(self)

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "type": self.TYPE,
            "guild_id": str(self.guild.id),
            "name": self.name,
            "position": self.position,
            "permission_overwrites": [overwrite.payload() for overwrite in self.overwrites.values()],
            "parent_id": None,
            "nsfw": False,
            "flags": 0,
            "last_message_id": None,
            "rate_limit_per_user": 0,
        }


class TextChannel(Channel):
    """A text channel."""

    def payload(self) -> Json:
        return super().payload() | {"topic": None, "last_pin_timestamp": None}


class VoiceChannel(Channel, Listening):
    """A voice channel; what the bot plays in it is heard through `Listening`."""

    TYPE = 2

    def __init__(self, guild: "Guild", name: str, *, position: int, user_limit: int = 0) -> None:
        Channel.__init__(self, guild, name, position=position)
        Listening.__init__(self)
        self.user_limit = user_limit
        self.bitrate = 64_000
        self.status: str | None = None

    @property
    def members(self) -> "list[Member]":
        """Who is in the channel now."""
        return self.guild.in_voice(self)

    def set_bitrate(self, bitrate: int) -> None:
        """Somebody with the right to do so changes it, in bit/s."""
        self.bitrate = bitrate
        self.guild.discord.gateway.channel_updated(self)

    @property
    def bot_session(self) -> "VoiceConnection | None":
        """The bot's voice connection here, if it has one."""
        connection = self.guild.discord.voice.accepted.get(self.guild.id)
        voice = self.guild.bot.voice
        return connection if voice and voice.channel is self else None

    def payload(self) -> Json:
        more = {"bitrate": self.bitrate, "user_limit": self.user_limit, "rtc_region": None, "video_quality_mode": 1}
        return super().payload() | more


class StageChannel(VoiceChannel):
    """A stage: who enters is in the audience, and is heard only as a speaker."""

    TYPE = 13
