"""Guilds: their roles, channels and members, as the gateway tells of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tests.simulators.discord import permissions
from tests.simulators.discord.bodies import Json
from tests.simulators.discord.channels import Channel, StageChannel, TextChannel, VoiceChannel
from tests.simulators.discord.ids import snowflake, timestamp
from tests.simulators.discord.intents import GUILD_MEMBERS, GUILDS
from tests.simulators.discord.members import Member, User

if TYPE_CHECKING:
    from tests.simulators.discord.simulator import DiscordSimulator

ChannelT = TypeVar("ChannelT", bound=Channel)


@dataclass
class Role:
    """A role; @everyone is the one with the guild's id."""

    id: int
    name: str
    permissions: int
    position: int
    managed: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(self.permissions),
            "position": self.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "icon": None,
            "unicode_emoji": None,
            "managed": self.managed,
            "mentionable": False,
            "flags": 0,
        }


@dataclass(eq=False)
class Guild:
    """A guild with the bot in it."""

    discord: "DiscordSimulator"
    name: str
    id: int = field(default_factory=snowflake)
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    channels: dict[int, Channel] = field(default_factory=dict[int, Channel])
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    commands: list[Json] = field(default_factory=list[Json])
    revealed: set[str] = field(default_factory=set[str])
    joined: bool = True
    available: bool = True
    locale: str = "en-US"

    def __post_init__(self) -> None:
        self.roles[self.id] = Role(self.id, "@everyone", permissions.EVERYONE, 0)
        bot_role = self.role(self.discord.bot.username, managed=True)
        self.owner = self.member("Owner")
        self.bot = self._add(Member(self, self.discord.bot, {bot_role.id}))

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]

    def role(self, name: str, *allowed: str, managed: bool = False) -> Role:
        """A new role with the permissions named."""
        role = Role(snowflake(), name, permissions.bits(*allowed), len(self.roles), managed)
        self.roles[role.id] = role
        self.discord.gateway.dispatch(self, "GUILD_ROLE_CREATE", self._own({"role": role.payload()}), GUILDS)
        return role

    def text_channel(self, name: str) -> TextChannel:
        return self._open(TextChannel(self, name, position=len(self.channels)))

    def voice_channel(self, name: str, *, user_limit: int = 0) -> VoiceChannel:
        channel = VoiceChannel(self, name, position=len(self.channels), user_limit=user_limit)
        return self._open(channel)

    def stage_channel(self, name: str) -> StageChannel:
        return self._open(StageChannel(self, name, position=len(self.channels)))

    def member(self, name: str, *, admin: bool = False, roles: Iterable[Role] = (), bot: bool = False) -> Member:
        """A person (or another bot) who joins the guild; an admin gets a role with the administrator permission."""
        ids = {role.id for role in roles}
        if admin:
            ids.add(self.role(f"Admin {name}", "administrator").id)
        return self._add(Member(self, User(name, bot=bot), ids))

    def add(self, user: User) -> Member:
        """The same person in this guild too."""
        return self._add(Member(self, user, set()))

    def _add(self, member: Member) -> Member:
        self.members[member.id] = member
        self.discord.gateway.dispatch(self, "GUILD_MEMBER_ADD", self._own(member.payload()), GUILD_MEMBERS)
        return member

    def _open(self, channel: ChannelT) -> ChannelT:
        self.channels[channel.id] = channel
        self.discord.gateway.dispatch(self, "CHANNEL_CREATE", channel.payload(), GUILDS)
        return channel

    def _own(self, payload: Json) -> Json:
        return {"guild_id": str(self.id)} | payload

    def reveal(self, command: str) -> None:
        """The guild's admin shows a command to everybody, whatever permissions it asks for by default."""
        self.revealed.add(command)

    async def delete_channel(self, channel: Channel) -> None:
        """Delete a channel; whoever is in it falls out of voice."""
        del self.channels[channel.id]
        self.discord.gateway.dispatch(self, "CHANNEL_DELETE", channel.payload(), GUILDS)
        for member in self.in_voice(channel):
            member.set_voice(None)
        await self.discord.gateway.flush()

    async def remove_bot(self) -> None:
        """Kick the bot out of the guild."""
        self.bot.set_voice(None)
        self.joined = False
        self.discord.gateway.dispatch(self, "GUILD_DELETE", {"id": str(self.id)}, GUILDS, gone=True)
        await self.discord.gateway.flush()

    async def outage(self) -> None:
        """Discord loses sight of the guild."""
        self.available = False
        gone = {"id": str(self.id), "unavailable": True}
        self.discord.gateway.dispatch(self, "GUILD_DELETE", gone, GUILDS, gone=True)
        await self.discord.gateway.flush()

    async def recover(self) -> None:
        """The outage ends, or the bot is invited again."""
        self.available = self.joined = True
        self.discord.gateway.announce(self)
        await self.discord.gateway.flush()

    def in_voice(self, channel: Channel | None = None) -> list[Member]:
        """Who is in that voice channel, or in any."""
        inside = [m for m in self.members.values() if m.voice]
        return [m for m in inside if channel is None or (m.voice and m.voice.channel is channel)]

    def payload(self, intents: int) -> Json:
        """GUILD_CREATE for a session with these intents: without GUILD_MEMBERS only the bot and who is in voice."""
        voice = self.in_voice()
        shown = list(self.members.values()) if intents & GUILD_MEMBERS else [self.bot, *voice]
        members = {member.id: member.payload() for member in shown}
        return self.summary() | {
            "joined_at": timestamp(),
            "large": len(self.members) > 250,
            "unavailable": False,
            "member_count": len(self.members),
            "voice_states": [m.voice.payload() for m in voice if m.voice],
            "members": list(members.values()),
            "channels": [channel.payload() for channel in self.channels.values()],
            "threads": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def summary(self) -> Json:
        """The guild object of GET /guilds/{id}."""
        nothing = dict.fromkeys(NULLS)
        return nothing | {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(self.owner.id),
            "roles": [role.payload() for role in self.roles.values()],
            "preferred_locale": self.locale,
            "emojis": [],
            "stickers": [],
            "features": [],
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "system_channel_flags": 0,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "premium_progress_bar_enabled": False,
            "nsfw_level": 0,
            "max_members": 500000,
            "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50,
        }


NULLS = (
    "icon", "splash", "discovery_splash", "description", "banner", "afk_channel_id", "system_channel_id",
    "rules_channel_id", "public_updates_channel_id", "safety_alerts_channel_id", "vanity_url_code",
    "application_id", "max_presences",
)  # fmt: skip
