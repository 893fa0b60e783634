"""People (and bots) in a guild, and what they do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulators.discord import permissions
from tests.simulators.discord.bodies import Json
from tests.simulators.discord.channels import StageChannel
from tests.simulators.discord.errors import NotPossibleError
from tests.simulators.discord.ids import secret, snowflake, timestamp
from tests.simulators.discord.intents import GUILD_MEMBERS, GUILD_MESSAGES, GUILD_VOICE_STATES
from tests.simulators.discord.messages import Message, new_message

if TYPE_CHECKING:
    from tests.simulators.discord.attachments import Attachment
    from tests.simulators.discord.channels import Channel, VoiceChannel
    from tests.simulators.discord.guilds import Guild, Role
    from tests.simulators.discord.replies import Reply


@dataclass(eq=False)
class User:
    """An account."""

    username: str
    id: int = field(default_factory=snowflake)
    bot: bool = False

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "username": self.username if self.bot else self.username.lower().replace(" ", "_"),
            "discriminator": "0",
            "global_name": None if self.bot else self.username,
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
            "avatar_decoration_data": None,
            "collectibles": None,
            "primary_guild": None,
        }


@dataclass(eq=False)
class VoiceState:
    """Where somebody is in voice, and how."""

    member: "Member"
    channel: "VoiceChannel | None"
    session_id: str
    self_deaf: bool = False
    self_mute: bool = False
    speaker: bool = False  # of a stage
    asked_to_speak: str | None = None

    @property
    def suppressed(self) -> bool:
        """Whether nobody hears it, for lack of a permission or as one of a stage's audience."""
        if isinstance(self.channel, StageChannel):
            return not self.speaker
        return self.channel is not None and not self.member.can("speak", self.channel)

    def payload(self) -> Json:
        member, channel = self.member, self.channel
        return {
            "guild_id": str(member.guild.id),
            "channel_id": str(channel.id) if channel else None,
            "user_id": str(member.id),
            "session_id": self.session_id,
            "deaf": member.deaf,
            "mute": member.mute,
            "self_deaf": self.self_deaf,
            "self_mute": self.self_mute,
            "self_video": False,
            "suppress": self.suppressed,
            "request_to_speak_timestamp": self.asked_to_speak,
        }


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    guild: "Guild"
    user: User
    roles: set[int]
    voice: VoiceState | None = None
    deaf: bool = False
    mute: bool = False
    locale: str = "en-US"
    max_dave: int = 1  # the highest version of end-to-end encryption that the person's client speaks

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def permissions(self, channel: "Channel | None" = None) -> int:
        """The permission bits, in a channel or in the guild."""
        if self is self.guild.owner:
            return permissions.ALL
        guild = self.guild
        base = guild.everyone.permissions
        for role in self.roles:
            base |= guild.roles[role].permissions
        overwrites = channel.overwrites.values() if channel else ()
        return permissions.combine(base, overwrites, everyone=guild.id, roles=self.roles, member=self.id)

    def can(self, name: str, channel: "Channel | None" = None) -> bool:
        return bool(self.permissions(channel) & permissions.BITS[name])

    def payload(self) -> Json:
        return {
            "user": self.user.payload(),
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": [str(role) for role in self.roles],
            "joined_at": timestamp(),
            "premium_since": None,
            "deaf": self.deaf,
            "mute": self.mute,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": None,
        }

    async def give(self, role: "Role") -> None:
        """Give the member a role."""
        self.roles.add(role.id)
        update = {"guild_id": str(self.guild.id)} | self.payload()
        intent = 0 if self is self.guild.bot else GUILD_MEMBERS
        self.guild.discord.gateway.dispatch(self.guild, "GUILD_MEMBER_UPDATE", update, intent)
        await self.guild.discord.gateway.flush()

    # -- voice --

    async def join(self, channel: "VoiceChannel", *, deaf: bool = False, mute: bool = False) -> None:
        """Enter a voice channel (or change to it)."""
        if not self.can("connect", channel):
            raise NotPossibleError(f"{self.user.username} may not connect to {channel.name}")
        session_id = self.voice.session_id if self.voice else secret()
        self.set_voice(channel, session_id=session_id, self_deaf=deaf, self_mute=mute)
        await self.guild.discord.gateway.flush()

    async def leave(self) -> None:
        """Leave voice; for the bot's member: an admin throws it out."""
        self.set_voice(None)
        await self.guild.discord.gateway.flush()

    async def move(self, channel: "VoiceChannel", *, server_first: bool = False) -> None:
        """An admin moves the member to another voice channel; the bot is told of its server before, or (mostly) after.

        Discord promises no order.
        """
        if self.voice is None:
            raise NotPossibleError(f"{self.user.username} is not in voice")
        old = self.voice
        if self is self.guild.bot and server_first:
            self.guild.discord.voice.moved(self.guild)
        self.set_voice(channel, session_id=old.session_id, self_deaf=old.self_deaf, self_mute=old.self_mute)
        if self is self.guild.bot and not server_first:
            self.guild.discord.voice.moved(self.guild)
        await self.guild.discord.gateway.flush()

    async def deafen(self, on: bool = True) -> None:
        """Deafen oneself, or hear again."""
        await self._hear(self_deaf=on)

    async def server_mute(self, on: bool = True) -> None:
        """An admin mutes the member."""
        self.mute = on
        await self._hear()

    async def server_deafen(self, on: bool = True) -> None:
        """An admin deafens the member."""
        self.deaf = on
        await self._hear()

    async def speaker(self, on: bool = True) -> None:
        """A moderator makes the member a stage's speaker, or one of its audience."""
        self.take_stage(on=on)
        await self.guild.discord.gateway.flush()

    def take_stage(self, *, on: bool) -> None:
        """Be a speaker, or one of the audience; a wish to speak is settled by either."""
        if self.voice is None:
            raise NotPossibleError(f"{self.user.username} is not in voice")
        self.voice.speaker, self.voice.asked_to_speak = on, None
        self._tell(self.voice)

    def ask_to_speak(self, at: str | None) -> None:
        """Raise a hand on a stage, or take it down."""
        if self.voice is None:
            raise NotPossibleError(f"{self.user.username} is not in voice")
        self.voice.asked_to_speak = at
        self._tell(self.voice)

    async def _hear(self, **changes: bool) -> None:
        if self.voice is None:
            raise NotPossibleError(f"{self.user.username} is not in voice")
        for name, value in changes.items():
            setattr(self.voice, name, value)
        self._tell(self.voice)
        await self.guild.discord.gateway.flush()

    def set_voice(
        self, channel: "VoiceChannel | None", *, session_id: str = "", self_deaf: bool = False, self_mute: bool = False
    ) -> None:
        """Change where the member is in voice and tell everybody."""
        before = self.voice
        if channel is None and before is None:
            return
        session_id = session_id or (before.session_id if before else "")
        if channel is None and before:
            self_deaf, self_mute = before.self_deaf, before.self_mute
        state = VoiceState(self, channel, session_id, self_deaf, self_mute)
        if before and before.channel is channel:
            state.speaker, state.asked_to_speak = before.speaker, before.asked_to_speak
        self.voice = state if channel else None
        self._tell(state)
        self.guild.discord.voice.presence_changed(self, before and before.channel, channel)

    def _tell(self, state: VoiceState) -> None:
        update = state.payload() | {"member": self.payload()}
        self.guild.discord.gateway.dispatch(self.guild, "VOICE_STATE_UPDATE", update, GUILD_VOICE_STATES)

    # -- text --

    async def say(self, channel: "Channel", content: str) -> Message:
        """Write a message."""
        message = new_message(channel, self.user.payload(), {"content": content}, [])
        channel.post(message)
        gateway = self.guild.discord.gateway
        more = {"guild_id": str(self.guild.id), "member": self.payload()}
        gateway.dispatch(self.guild, "MESSAGE_CREATE", message.payload | more, GUILD_MESSAGES)
        await gateway.flush()
        return message

    # -- interactions; the options are the command's --

    async def slash(
        self, command: str, *, in_: "Channel | None" = None, within: float = 3.0, **options: Any
    ) -> "Reply":
        """Run a slash command ("settings dj" names a subcommand) and wait for the bot's final answer.

        An option may be a Member, Role, Channel, a Path or an Attachment of `discord.upload`.
        Raises NotPossibleError as the client would, NotAnsweredError when the bot is silent or late.
        """
        interaction = self.guild.discord.interactions.slash(self, command, in_, options)
        return await interaction.answered(within)

    async def autocomplete(
        self,
        command: str,
        option: str,
        value: str,
        *,
        in_: "Channel | None" = None,
        within: float = 3.0,
        **options: Any,
    ) -> list[Json]:
        """Type into an option; the choices that the bot offers: [{name, value}]."""
        interaction = self.guild.discord.interactions.autocomplete(
            self, command, in_, options | {option: value}, option
        )
        return (await interaction.answered(within)).choices

    async def press(
        self,
        what: "Message | Reply",
        label: str | None = None,
        *,
        custom_id: str | None = None,
        values: list[str] | None = None,
        within: float = 3.0,
    ) -> "Reply":
        """Press a button (or choose `values` in a select) and wait for the answer."""
        interaction = self.guild.discord.interactions.press(self, what, label, custom_id, values)
        return await interaction.answered(within)

    async def submit(self, reply: "Reply", *, within: float = 3.0, **values: str) -> "Reply":
        """Fill in the modal of a reply (values by custom_id) and send it."""
        return await self.guild.discord.interactions.submit(self, reply, values).answered(within)

    def upload(self, file: Path | str, data: bytes | None = None, *, channel: "Channel | None" = None) -> "Attachment":
        """Upload a file to use as an option."""
        return self.guild.discord.upload(file, data, channel_id=channel.id if channel else self.guild.id)
