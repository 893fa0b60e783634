"""Pomice, driven as its documentation says, but for resuming: it has no setting that names a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pomice
from driver import Json, drive

if TYPE_CHECKING:
    from discord.ext import commands


class SessionNode(pomice.Node):
    """A node that asks for a session to be resumed."""

    session: str | None = None

    async def connect(self, *, reconnect: bool = False) -> pomice.Node:
        if self.session:
            self._headers["Session-Id"] = self.session
        return await super().connect(reconnect=reconnect)


class Pomice:
    def __init__(self, bot: commands.Bot) -> None:
        self.bot = bot
        self.events: list[str] = []
        bot.add_listener(self._note_start, "on_pomice_track_start")
        bot.add_listener(self._note_end, "on_pomice_track_end")
        bot.add_listener(self._note_exception, "on_pomice_track_exception")

    async def _note_start(self, *_: Any) -> None:
        self.events.append("start")

    async def _note_end(self, _player: Any, _track: Any, reason: str) -> None:
        self.events.append(f"end {reason}")

    async def _note_exception(self, *_: Any) -> None:
        self.events.append("exception")

    @property
    def player(self) -> pomice.Player:
        [guild] = self.bot.guilds
        return self.node.get_player(guild.id)

    async def connect(self, node: Json, session: str | None) -> Json:
        SessionNode.session = session
        pomice.pool.Node = SessionNode
        self.node = await pomice.NodePool.create_node(bot=self.bot, identifier="node", resume_key="key", **node)
        while self.node._session_id is None:  # noqa: ASYNC110 - it tells nobody when it has one
            await asyncio.sleep(0.01)
        if session:
            await self._adopt()
        info = await self.node.send("GET", "info")
        return {
            "session": self.node._session_id,
            "resumed": self.node._session_id == session,
            "version": info["version"]["semver"],
        }

    async def _adopt(self) -> None:
        [guild] = self.bot.guilds
        self.node._players[guild.id] = pomice.Player(self.bot, guild.me.voice.channel, node=self.node)

    async def load(self, url: str) -> Json | None:
        tracks = await self.node.get_tracks(url)
        return {"title": tracks[0].title, "length": tracks[0].length} if tracks else None

    async def join(self, channel_id: int) -> None:
        await self.bot.get_channel(channel_id).connect(cls=pomice.Player)

    async def play(self, url: str) -> None:
        await self.player.play((await self.player.get_tracks(url, search_type=None))[0])

    async def mix(self, share: float) -> None:
        mixed = {"left_to_left": share, "left_to_right": 0.0, "right_to_left": 0.0, "right_to_right": share}
        await self.player.add_filter(pomice.ChannelMix(tag="mix", **mixed))

    async def unfiltered(self) -> None:
        await self.player.reset_filters()

    async def pause(self, on: bool) -> None:
        await self.player.set_pause(on)

    async def seek(self, position: int) -> None:
        await self.player.seek(position)

    async def volume(self, percent: int) -> None:
        await self.player.set_volume(percent)

    async def position(self) -> int:
        path = f"sessions/{self.node._session_id}/players"
        return (await self.node.send("GET", path, guild_id=self.player.guild.id))["state"]["position"]

    async def events_so_far(self) -> list[str]:
        return self.events

    async def leave(self) -> None:
        await self.player.destroy()


asyncio.run(drive(Pomice))
