"""Mafic, driven as its documentation says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import mafic
from driver import Json, drive

if TYPE_CHECKING:
    from discord.ext import commands


class Mafic:
    def __init__(self, bot: commands.Bot) -> None:
        self.bot = bot
        self.pool = mafic.NodePool(bot)
        self.events: list[str] = []
        bot.add_listener(self._note_start, "on_track_start")
        bot.add_listener(self._note_end, "on_track_end")
        bot.add_listener(self._note_exception, "on_track_exception")

    async def _note_start(self, _: Any) -> None:
        self.events.append("start")

    async def _note_end(self, event: mafic.TrackEndEvent) -> None:
        self.events.append(f"end {event.reason.value}")

    async def _note_exception(self, _: Any) -> None:
        self.events.append("exception")

    @property
    def player(self) -> mafic.Player:
        [guild] = self.bot.guilds
        return self.node.get_player(guild.id)

    async def connect(self, node: Json, session: str | None) -> Json:
        self.node = await self.pool.create_node(**node, label="node", resuming_session_id=session)
        return {
            "session": self.node.session_id,
            "resumed": self.node.session_id == session,
            "version": f"{self.node.version}.",
        }

    async def load(self, url: str) -> Json | None:
        tracks = await self.node.fetch_tracks(url, search_type="ytsearch")
        return {"title": tracks[0].title, "length": tracks[0].length} if tracks else None

    async def join(self, channel_id: int) -> None:
        await self.bot.get_channel(channel_id).connect(cls=mafic.Player, timeout=10)

    async def play(self, url: str) -> None:
        await self.player.play((await self.player.fetch_tracks(url))[0])

    async def mix(self, share: float) -> None:
        mixed = mafic.ChannelMix(left_to_left=share, left_to_right=0.0, right_to_left=0.0, right_to_right=share)
        await self.player.add_filter(mafic.Filter(channel_mix=mixed), label="mix")

    async def unfiltered(self) -> None:
        await self.player.clear_filters()

    async def pause(self, on: bool) -> None:
        await self.player.pause(on)

    async def seek(self, position: int) -> None:
        await self.player.seek(position)

    async def volume(self, percent: int) -> None:
        await self.player.set_volume(percent)

    async def position(self) -> int:
        return (await self.node.fetch_player(self.player.guild.id))["state"]["position"]

    async def events_so_far(self) -> list[str]:
        return self.events

    async def leave(self) -> None:
        await self.player.disconnect(force=True)


asyncio.run(drive(Mafic))
