"""The live message of each room: made by /play, redrawn as the room changes, found again after a restart."""

import asyncio
import contextlib
from collections.abc import Callable
from gettext import NullTranslations
from typing import Any

import aiohttp
import discord
import structlog

from cogs import words
from cogs.discord import drawing
from cogs.discord.rows import panel_row
from cogs.languages import translations
from cogs.live_message import LiveMessage
from cogs.ports import Ports
from core.errors import ChorusError
from core.events import Event, PlayFailed, TipGiven
from core.ports.places import LiveMessages
from core.records.views import RoomView
from core.types import EntryId, RoomId

GAP = 3.0
"""Seconds between two edits of a message."""
STEP = 30.0
"""Seconds between two looks at the progress bar."""
RETRY = 30.0

log = structlog.get_logger()


class Panels:
    """One live message a room, edited at most every three seconds."""

    def __init__(
        self,
        ports: Ports,
        client: discord.Client,
        guild_of: Callable[[RoomId], int | None],
        live: LiveMessages,
    ) -> None:
        self.client = client
        self.live = live
        self._ports = ports
        self._guild_of = guild_of
        self._panels: dict[RoomId, _Panel] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Follow the bus."""
        self._unsubscribe()
        self._unsubscribe = self._ports.bus.subscribe(self._on_event)

    async def stop(self) -> None:
        """Let go; the messages stay."""
        self._unsubscribe()
        tasks = [panel.task for panel in self._panels.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._panels.clear()

    async def open(self, room: RoomId, channel: int, *, anew: bool) -> None:
        """Show the room in `channel` if it is shown nowhere; `anew`: in a message of its own, the old one goes."""
        at = await self.live.get(room)
        if at is not None and not anew:
            return
        self._follow(room).move(channel)

    def wake(self, room: RoomId) -> None:
        """Something may look different now."""
        self._follow(room).dirty.set()

    def _on_event(self, event: Event) -> None:
        if self._guild_of(event.room) is None:
            return
        panel = self._follow(event.room)
        if isinstance(event, PlayFailed | TipGiven):
            panel.note(event)
        panel.dirty.set()

    def _follow(self, room: RoomId) -> "_Panel":
        panel = self._panels.get(room)
        if panel is None or panel.task.done():
            panel = self._panels[room] = _Panel(self, room)
        return panel

    async def draw(self, room: RoomId, news: PlayFailed | TipGiven | None) -> tuple[RoomView, drawing.Drawing]:
        """The room as it is now, and how it looks."""
        view = await self._ports.jukebox.view(room, None, size=drawing.NEXT)
        texts = self._words(room)
        note = words.news(news, texts) if news else ""
        return view, drawing.panel(view, texts, status=self.status(room), note=note, page=self.page(room))

    def page(self, room: RoomId) -> str | None:
        """The address of the room's page, if people can reach it."""
        return f"{self._ports.page_url}/r/{room}" if self._ports.page_url else None

    def status(self, room: RoomId) -> str:
        """How the room's player is, as a code."""
        return self._ports.playback.status(room) if self._ports.playback else "playing"

    def bitrate(self, room: RoomId) -> int | None:
        """Of the room's encoder, in bit/s, as the node was told."""
        return self._ports.playback.bitrate(room) if self._ports.playback else None

    def _words(self, room: RoomId) -> NullTranslations:
        guild = self.client.get_guild(self._guild_of(room) or 0)
        return translations(guild.preferred_locale.value if guild else "en")


class _Panel(LiveMessage):
    """One room's message, and the task that keeps it in step."""

    def __init__(self, panels: Panels, room: RoomId) -> None:
        self._panels = panels
        self._room = room
        self._channel: int | None = None
        self._shown: Any = None
        super().__init__(room, gap=GAP)

    def move(self, channel: int) -> None:
        """Show the room in a new message there."""
        self._channel = channel
        self.dirty.set()

    async def _step(self) -> tuple[bool, float]:
        """Whether a message was sent or edited, and after how many seconds to look again (0: when told)."""
        try:
            return await self._show()
        except discord.Forbidden as error:
            log.info("discord.panel_forbidden", room=self._room, code=error.code)
            self._channel = None
            await self._panels.live.forget(self._room)
            return True, 0
        except (ChorusError, discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.warning("discord.panel_failed", room=self._room, error=repr(error))
            return True, RETRY

    async def _show(self) -> tuple[bool, float]:
        at = await self._panels.live.get(self._room)
        if at is None and self._channel is None:
            return False, 0
        view, drawn = await self._panels.draw(self._room, self.news)
        sent = await self._put(at, view, drawn)
        return sent, STEP if view.current is not None and view.running else 0

    async def _put(self, at: tuple[int, int] | None, view: RoomView, drawn: drawing.Drawing) -> bool:
        entry = view.current.id if view.current else EntryId(0)
        if self._channel is not None or at is None:
            await self._send(at, self._channel or 0, drawn, entry)
        elif self._shown != drawn.key():
            try:
                await self._edit(at, drawn, entry)
            except discord.NotFound:
                if view.current is None:
                    await self._panels.live.forget(self._room)
                    return True
                await self._send(None, at[0], drawn, entry)
        else:
            return False
        self._shown = drawn.key()
        return True

    async def _send(self, old: tuple[int, int] | None, channel: int, drawn: drawing.Drawing, entry: EntryId) -> None:
        """A new message in `channel`; the old one goes."""
        client, view = self._panels.client, panel_row(drawn.buttons, self._room, entry)
        message = await client.get_partial_messageable(channel).send(
            content=drawn.content, embeds=[drawn.embed] if drawn.embed else [], view=view
        )
        self._channel = None
        await self._panels.live.put(self._room, channel, message.id)
        if old is not None:
            with contextlib.suppress(discord.HTTPException):
                await client.get_partial_messageable(old[0]).get_partial_message(old[1]).delete()

    async def _edit(self, at: tuple[int, int], drawn: drawing.Drawing, entry: EntryId) -> None:
        message = self._panels.client.get_partial_messageable(at[0]).get_partial_message(at[1])
        view = panel_row(drawn.buttons, self._room, entry)
        await message.edit(content=drawn.content, embed=drawn.embed, view=view)
