"""What every handler works with: the ports, and an interaction read into room, actor and language."""

from dataclasses import dataclass, replace
from gettext import NullTranslations
from typing import Any, Protocol, cast

import discord

from cogs.discord.panel import Panels
from cogs.discord.people import People
from cogs.languages import translations
from cogs.ports import Ports
from core.enums import Surface as Kind
from core.errors import VoiceForbiddenError
from core.jukebox import Jukebox
from core.ports.places import RoomRef
from core.ports.shop import Shop
from core.ports.skus import Skus
from core.ports.tips import Tips
from core.records.views import RoomView
from core.types import Actor, CommandId, PersonId, RoomId

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True)
class Surface:
    """What lies behind the commands."""

    ports: Ports
    people: People
    panels: Panels
    skus: Skus | None = None
    shop: Shop | None = None
    tips: Tips | None = None


class Client(Protocol):
    """A client that carries a surface."""

    surface: Surface


@dataclass(frozen=True, slots=True)
class Call:
    """One interaction: who, where, in which language."""

    interaction: Interaction
    surface: Surface
    ref: RoomRef
    view: RoomView
    actor: Actor
    words: NullTranslations

    @property
    def jukebox(self) -> Jukebox:
        """The commands."""
        return self.surface.ports.jukebox

    @property
    def room(self) -> RoomId:
        """The guild's room."""
        return self.ref.room

    @property
    def id(self) -> CommandId:
        """What makes a second delivery recognisable."""
        return CommandId(f"discord:{self.interaction.id}")

    async def say(self, content: str, **more: Any) -> None:
        """Answer the person alone."""
        await answer(self.interaction, content, **more)

    def check_voice(self) -> None:
        """Raise VoiceForbiddenError if the room would come to a channel where the bot may not join or speak."""
        channel = self.interaction.guild and self.interaction.guild.get_channel(self.actor.voice_channel or 0)
        if isinstance(channel, discord.VoiceChannel | discord.StageChannel) and self.view.voice_channel != channel.id:
            _check_voice(channel)


def _check_voice(channel: discord.VoiceChannel | discord.StageChannel) -> None:
    me = channel.guild.me
    may = channel.permissions_for(me)
    full = 0 < channel.user_limit <= len(channel.voice_states) and me.id not in channel.voice_states
    for permission, missing in (
        ("connect", not (may.view_channel and may.connect)),
        ("speak", not may.speak and isinstance(channel, discord.VoiceChannel)),  # a stage has speakers of its own
        ("full", full and not may.move_members),
    ):
        if missing:
            raise VoiceForbiddenError(channel.id, permission)


async def read(interaction: Interaction, *, size: int = 0) -> Call:
    """Who calls, and the room with the first `size` entries of its queue as they see it."""
    surface = surface_of(interaction)
    guild, user = interaction.guild, interaction.user
    if guild is None or not isinstance(user, discord.Member):
        raise LookupError("the guild is not known")
    ref = await surface.people.room(guild)
    person = await surface.people.person(user)
    view = await surface.ports.jukebox.view(ref.room, person, size=size)
    return Call(interaction, surface, ref, view, _actor(interaction, user, person, ref, view), words_of(interaction))


def _actor(interaction: Interaction, user: discord.Member, person: PersonId, ref: RoomRef, view: RoomView) -> Actor:
    voice = user.voice.channel if user.voice else None
    may = interaction.permissions
    role = view.settings.dj_role
    actor = Actor(person, user.display_name, ref.place, Kind.DISCORD, voice.id if voice else None)
    return replace(
        actor,
        dj=role is not None and user.get_role(role) is not None,
        admin=may.manage_guild or may.administrator,
    )


def surface_of(interaction: Interaction) -> Surface:
    """The surface of the client that got the interaction."""
    return cast("Client", interaction.client).surface


def words_of(interaction: Interaction) -> NullTranslations:
    """The words of the person's language."""
    return translations(interaction.locale.value)


async def answer(interaction: Interaction, content: str, **more: Any) -> None:
    """Answer the person alone, whether the interaction was deferred or not."""
    if interaction.response.is_done():
        await interaction.followup.send(content, ephemeral=True, **more)
    else:
        await interaction.response.send_message(content, ephemeral=True, **more)
