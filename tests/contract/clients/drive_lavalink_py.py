"""Lavalink.py, driven as its documentation says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import discord
from driver import Json, drive

import lavalink

if TYPE_CHECKING:
    from discord.ext import commands

WORDS = {lavalink.TrackStartEvent: "start", lavalink.TrackEndEvent: "end", lavalink.TrackExceptionEvent: "exception"}


class Voice(discord.VoiceProtocol):
    """Hands Discord's voice data on to the library, which leaves this to its user."""

    library: lavalink.Client

    async def on_voice_server_update(self, data: Any) -> None:
        await self.library.voice_update_handler({"t": "VOICE_SERVER_UPDATE", "d": data})

    async def on_voice_state_update(self, data: Any) -> None:
        await self.library.voice_update_handler({"t": "VOICE_STATE_UPDATE", "d": data})

    async def connect(self, **_: Any) -> None:
        self.library.player_manager.create(self.channel.guild.id)
        await self.channel.guild.change_voice_state(channel=self.channel)

    async def disconnect(self, **_: Any) -> None:
        self.cleanup()


class LavalinkPy:
    def __init__(self, bot: commands.Bot) -> None:
        self.bot = bot
        self.events: list[str] = []
        self.library = Voice.library = lavalink.Client(bot.user.id)
        self.library.add_event_hook(self._note)
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def _note(self, event: lavalink.Event) -> None:
        if isinstance(event, lavalink.NodeReadyEvent) and not self.ready.done():
            self.ready.set_result(event.resumed)
        if type(event) in WORDS:
            reason = [event.reason.value] if isinstance(event, lavalink.TrackEndEvent) else []
            self.events.append(" ".join([WORDS[type(event)], *reason]))

    @property
    def player(self) -> lavalink.DefaultPlayer:
        [guild] = self.bot.guilds
        return self.library.player_manager.create(guild.id)

    async def connect(self, node: Json, session: str | None) -> Json:
        self.node = self.library.add_node(node["host"], node["port"], node["password"], "eu", session_id=session)
        resumed = await self.ready
        await self.node.update_session(resuming=True, timeout=60)
        info = await self.node.get_info()
        return {"session": self.node.session_id, "resumed": resumed, "version": info["version"]["semver"]}

    async def load(self, url: str) -> Json | None:
        result = await self.library.get_tracks(url)
        if result.error:
            raise LookupError(result.error.message)
        return {"title": result.tracks[0].title, "length": result.tracks[0].duration} if result.tracks else None

    async def join(self, channel_id: int) -> None:
        await self.bot.get_channel(channel_id).connect(cls=Voice)

    async def play(self, url: str) -> None:
        await self.player.play((await self.library.get_tracks(url)).tracks[0])

    async def mix(self, share: float) -> None:
        await self.player.set_filter(lavalink.ChannelMix(share, 0.0, 0.0, share))

    async def unfiltered(self) -> None:
        await self.player.clear_filters()

    async def pause(self, on: bool) -> None:
        await self.player.set_pause(on)

    async def seek(self, position: int) -> None:
        await self.player.seek(position)

    async def volume(self, percent: int) -> None:
        await self.player.set_volume(percent)

    async def position(self) -> int:
        return (await self.node.get_player(self.player.guild_id))["state"]["position"]

    async def events_so_far(self) -> list[str]:
        return self.events

    async def leave(self) -> None:
        [guild] = self.bot.guilds
        await guild.change_voice_state(channel=None)
        await self.library.player_manager.destroy(guild.id)


asyncio.run(drive(LavalinkPy))
