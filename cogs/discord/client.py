"""The Discord client: connects the ports to the gateway."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands

from cogs.discord import premium, tips
from cogs.discord.buttons import press
from cogs.discord.commands import commands
from cogs.discord.faults import explain
from cogs.discord.panel import Panels
from cogs.discord.people import People
from cogs.discord.skus import SkuWatch
from cogs.discord.surface import Surface
from cogs.languages import translations
from cogs.ports import Ports
from core.errors import ChorusError
from core.events import Event, OutputChanged
from core.ports.places import LiveMessages
from core.ports.rooms import Rooms
from core.ports.shop import Shop
from core.ports.skus import Skus
from core.ports.tips import Tips
from core.tracing import span
from core.types import Actor, PlaceId

INTENTS = discord.Intents(guilds=True, voice_states=True)
PATIENCE = 3.0
"""Seconds that asking Discord about somebody may take."""
GUILD_PATIENCE = 0.5
"""Seconds without another guild after which the start counts as complete."""
FAREWELL = 1.0
"""Seconds that commands get to end when the client closes."""

_DESCRIPTIONS = {
    app_commands.TranslationContextLocation.command_description,
    app_commands.TranslationContextLocation.parameter_description,
}

log = structlog.get_logger()


class Tree(app_commands.CommandTree["ChorusClient"]):
    """The slash commands; refusals become words in one place."""

    async def _call(self, interaction: discord.Interaction[Any]) -> None:
        """One span a command: discord.py has no public place around a whole one."""
        name = str((interaction.data or {}).get("name", ""))
        with self.client.at_work(), span("command", surface="discord", command=f"/{name}"):
            log.info("command", surface="discord", command=f"/{name}", guild=interaction.guild_id, id=interaction.id)
            await super()._call(interaction)

    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        """Say what went wrong."""
        await explain(interaction, error)


class Translator(app_commands.Translator):
    """Descriptions of commands and options in the person's language; names stay."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """The text in `locale`, None where there is none."""
        if context.location not in _DESCRIPTIONS:
            return None
        text = translations(locale.value).gettext(string.message)
        return None if text == string.message else text


class ChorusClient(discord.AutoShardedClient):
    """Chorus on Discord. `attach` is told at every READY, so that voice can follow."""

    def __init__(
        self,
        ports: Ports,
        *,
        rooms: Rooms,
        live_messages: LiveMessages,
        skus: Skus | None = None,
        shop: Shop | None = None,
        tips: Tips | None = None,
        attach: Callable[[discord.Client], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            intents=INTENTS,
            member_cache_flags=discord.MemberCacheFlags.from_intents(INTENTS),
            max_messages=None,
            chunk_guilds_at_startup=False,
            guild_ready_timeout=GUILD_PATIENCE,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.people = People(rooms, ports.reports, ports.places, ports.clock)
        self.panels = Panels(ports, self, self.people.guild_of, live_messages)
        self.surface = Surface(ports, self.people, self.panels, skus, shop, tips)
        self.tree = Tree(
            self,
            allowed_contexts=app_commands.AppCommandContext(guild=True),
            allowed_installs=app_commands.AppInstallationType(guild=True),
        )
        self._watch = SkuWatch(self, skus) if skus is not None else None
        self._bus = ports.bus
        self._attach = attach
        self._unsubscribe: Callable[[], None] = lambda: None
        self._tasks: set[asyncio.Task[None]] = set()
        self._work: set[asyncio.Task[Any]] = set()

    async def setup_hook(self) -> None:
        """Once, before the gateway: the commands are registered, the rooms known."""
        sold = premium.commands() if self.surface.shop is not None else ()
        given = tips.commands() if self.surface.tips is not None else ()
        for command in [*commands(), *sold, *given]:
            self.tree.add_command(command)
        await self.tree.set_translator(Translator())
        await self.people.load(self.user.id if self.user else 0)
        self.panels.start()
        self._unsubscribe = self._bus.subscribe(self._on_event)
        self._spawn(self._register())
        if self._watch is not None:
            self._spawn(self._watch.run())

    async def _register(self) -> None:
        """Tell Discord the commands; those of the last start work meanwhile."""
        try:
            await self.tree.sync()
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.warning("discord.commands_not_registered", error=repr(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Around what a task of discord.py's does with our parts: they outlive it."""
        task = asyncio.current_task()
        assert task is not None
        self._work.add(task)
        try:
            yield
        finally:
            self._work.discard(task)

    async def _run_event(self, *args: Any, **options: Any) -> None:
        with self.at_work():
            await super()._run_event(*args, **options)

    async def close(self) -> None:
        """Disconnect once running commands have ended; live messages stay."""
        self._unsubscribe()
        await _end(self._tasks)
        await self.panels.stop()
        running = self._work - {asyncio.current_task()}
        if running:
            await asyncio.wait(running, timeout=FAREWELL)
        await super().close()
        await _end(self._work - {asyncio.current_task()})

    async def manages(self, actor: Actor) -> bool | None:
        """Whether somebody manages their guild at this moment; None where this process cannot tell."""
        kind, _, number = actor.place.partition(":")
        guild, account = self.get_guild(int(number)) if kind == "discord" else None, self.people.account(actor.person)
        if guild is None or account is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                may = (await guild.fetch_member(account)).guild_permissions
        except discord.NotFound:
            return False
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError):
            return None
        return may.manage_guild or may.administrator

    async def on_ready(self) -> None:
        """Connected, with every guild."""
        log.info("discord.ready", guilds=len(self.guilds), shards=self.shard_count)
        if self._attach is not None:
            await self._attach(self)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """A button; commands are the tree's."""
        if interaction.type is discord.InteractionType.component:
            await press(interaction, str((interaction.data or {}).get("custom_id", "")))

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A guild is there: at the start, after an outage, or on a new session."""
        await self._restate(guild)
        if (room := self.people.room_of(guild.id)) is not None:
            self.panels.wake(room)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was invited."""
        await self._restate(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was put out of a guild: the queue is kept for when it comes back."""
        try:
            await self.people.put_out(guild)
            if self.surface.shop is not None:
                await self.surface.shop.left(PlaceId(f"discord:{guild.id}"))
        except ChorusError as error:
            log.warning("discord.removal_not_stored", guild=guild.id, error=repr(error))

    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Somebody came, went, moved or deafened; what happens to the bot itself is the voice connection's."""
        if not member.bot:
            await self._restate(member.guild)

    async def on_entitlement_create(self, entitlement: discord.Entitlement) -> None:
        """Somebody bought a plan."""
        self._look_at(entitlement)

    async def on_entitlement_update(self, entitlement: discord.Entitlement) -> None:
        """One ended, or goes on."""
        self._look_at(entitlement)

    async def on_entitlement_delete(self, entitlement: discord.Entitlement) -> None:
        """One was paid back."""
        self._look_at(entitlement)

    def _look_at(self, entitlement: discord.Entitlement) -> None:
        if self._watch is not None:
            self._watch.heard(entitlement)

    async def on_guild_channel_update(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        """A voice channel takes another bitrate: who plays there follows."""
        room = self.people.room_of(after.guild.id)
        if room is not None and _bitrate(before) != _bitrate(after):
            self._bus.publish(OutputChanged(room=room, channel=after.id))

    def _on_event(self, event: Event) -> None:
        guild = self.get_guild(self.people.guild_of(event.room) or 0) if isinstance(event, OutputChanged) else None
        if guild is not None:
            self._spawn(self._restate(guild))

    async def _restate(self, guild: discord.Guild) -> None:
        try:
            await self.people.restate(guild)
        except ChorusError as error:
            log.warning("discord.people_not_stored", guild=guild.id, error=repr(error))


def _bitrate(channel: discord.abc.GuildChannel) -> int | None:
    return channel.bitrate if isinstance(channel, discord.VoiceChannel | discord.StageChannel) else None


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """None of these runs any more."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
