"""The one place that knows every part: settings in, a running process out."""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import discord
import structlog
from aiohttp import web

from audio.airing import Airing
from audio.copies import Copies
from audio.media import media_app
from audio.media_covers import Covers
from audio.stream import Taps
from audio.titles import StationTitles
from bot import screen
from bot.config import Settings, reachable, revealed
from bot.discord import Discord
from bot.notices import Notices
from bot.parts import Parts
from bot.payments import Payments
from bot.surfaces import Surfaces, installed, slot
from bot.telegram import Telegram, webhook_of
from cogs.discord.client import ChorusClient
from cogs.ports import Ports
from cogs.telegram.client import TelegramClient
from cogs.telegram.refusals import plainly
from core.ports.surfaces import Host
from core.types import Actor
from web.app import create_web
from web.icecast import Icecast, Server
from web.parts import PageParts
from web.stream import Streams

log = structlog.get_logger()

NODE_PATIENCE = 2.5
"""Seconds that the first screen waits for a node."""


class StartError(Exception):
    """The process cannot start; the message says what to do."""


def _reason(error: OSError) -> str:
    """The system's words; asyncio wraps them in its own."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)


class App(Parts):
    """The ways to people over the parts."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.discord: Discord | None = None
        self.telegram: Telegram | None = None
        self.surfaces: Surfaces
        self.payments: Payments
        self.notices: Notices

    async def start(self, stack: AsyncExitStack, *, leave_node: bool) -> None:
        """Start every part; `stack` stops them again."""
        await self.open(stack)
        self._sell()
        await self._serve(stack)
        await self.play(stack, leave_node=leave_node)
        self._connect_discord(stack)
        self._connect_telegram(stack)
        await self._open_surfaces(stack)
        self.start_tasks(stack)
        await self.payments.start(self.tasks)
        if self.payments.on:
            self.notices.start(self.tasks)

    def _sell(self) -> None:
        """Who pays for what, and what people are told."""
        self.payments = Payments(self.settings, self.store, self.plans, self.clock, self.keys, self._manages)
        self.notices = Notices(
            self.settings,
            self.store.database,
            self.clock,
            self.keys,
            self.payments.jobs,
            discord=lambda: self.discord.client if self.discord else None,
            telegram=lambda: self.telegram.bot if self.telegram else None,
        )

    async def _serve(self, stack: AsyncExitStack) -> None:
        if self.settings.telegram_token is not None:
            self.telegram = Telegram(self.settings.telegram_token, self.store.ownership, make=self._telegram_client)
        app = create_web(self._page())
        titles = StationTitles(self.reports)
        covers = Covers(self.library)
        media = media_app(
            self.urls,
            self.guard,
            self.library,
            self.uploads,
            covers=covers,
            titles=titles,
            sources=self.sources,
            airs=Airing(self.store.rooms),
        )
        app.add_subapp("/media", media)
        stack.push_async_callback(titles.close)
        self.payments.mount(app)
        stack.push_async_callback(self.payments.close)
        if self.telegram is not None:
            self.telegram.mount(app, self.keys)
        await self._listen(app, stack)

    def _page(self) -> PageParts:
        """What the page is given."""
        return PageParts(
            jukebox=self.jukebox,
            reports=self.reports,
            rooms=self.store.rooms,
            places=self.store.places,
            library=self.library,
            stream=Taps(self.players),
            bus=self.bus,
            clock=self.clock,
            keys=self.keys.derive("web"),
            counter=self.counter,
            trusted_proxies=self.settings.trusted_proxies,
            metrics_token=revealed(self.settings.metrics_token),
            checks={"nodes": self._node_trouble, "discord": self._discord_trouble, "telegram": self._telegram_trouble},
            playback=self.players,
            waveforms=self.levels,
            turnstile=self.turnstile,
            quotas=self.store.usage,
            hls=self.settings.hls,
            icecast=self._icecast if self.settings.icecast_url else None,
            telegram_token=revealed(self.settings.telegram_token),
            codes=self.store.codes,
            members=self.telegram,
            shop=self.payments.shop,
            desk=self.notices.desk if self.payments.on else None,
        )

    async def _listen(self, app: web.Application, stack: AsyncExitStack) -> None:
        """Raises StartError when the address cannot be had."""
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, self.settings.host, self.settings.port, backlog=1024).start()
        except OSError as error:
            message = f"{self.settings.host}:{self.settings.port} cannot be used ({_reason(error)}); set PORT or HOST"
            raise StartError(message) from None

    def _icecast(self, streams: Streams) -> Icecast:
        return Icecast(
            Server(revealed(self.settings.icecast_url) or ""),
            streams,
            rooms=self.store.rooms,
            places=self.store.places,
            audience=self.players,
            owns=self.store.ownership.owns,
            quotas=self.store.usage,
        )

    def _ports(self) -> Ports:
        """What both chats are given."""
        return Ports(
            jukebox=self.jukebox,
            reports=self.reports,
            live=self.live,
            joining=self.joining,
            places=self.store.places,
            resolver=self.resolver,
            library=self.library,
            bus=self.bus,
            clock=self.clock,
            playback=self.players,
            push_states=self.players,
            page_url=reachable(self.settings.public_url),
        )

    def _connect_discord(self, stack: AsyncExitStack) -> None:
        if self.settings.discord_token is None:
            return
        self.discord = Discord(
            self.settings.discord_token,
            api_url=self.settings.discord_api_url,
            make=self._client,
            attach=self._attach,
            detach=self.players.detach_discord,
        )
        self.discord.start()
        stack.push_async_callback(self.discord.stop)

    def _client(self, attach: Callable[[discord.Client], Awaitable[None]]) -> ChorusClient:
        return ChorusClient(
            self._ports(),
            rooms=self.store.rooms,
            live_messages=self.store.live_messages,
            skus=self.payments.skus,
            shop=self.payments.shop,
            tips=self.payments.tips,
            attach=attach,
        )

    def _connect_telegram(self, stack: AsyncExitStack) -> None:
        if self.telegram is not None:
            self.telegram.start()
            stack.push_async_callback(self.telegram.stop)

    async def _open_surfaces(self, stack: AsyncExitStack) -> None:
        """What installed packages offer."""
        self.surfaces = Surfaces(await asyncio.to_thread(installed), self._host)
        if slots := self.surfaces.slots:
            await self.store.ownership.want(slots)
        self.surfaces.start()
        stack.push_async_callback(self.surfaces.stop)

    def _host(self, name: str) -> Host:
        page_url = reachable(self.settings.public_url)
        return Host(
            self.jukebox,
            self.reports,
            self.store.places,
            self.library,
            self.bus,
            self.clock,
            refusal=lambda error, language: plainly(error, language, self.clock.now()),
            page=lambda room: f"{page_url}/r/{room}" if page_url else None,
            holds=lambda: self.store.ownership.holds_slot(slot(name)),
            playback=self.players,
        )

    def _telegram_client(self, holds: Callable[[], bool]) -> TelegramClient:
        return TelegramClient(
            revealed(self.settings.telegram_token) or "",
            self._ports(),
            api_url=self.settings.telegram_api_url,
            chats=self.store.chats,
            holds=holds,
            copies=Copies(self.library, shared=self.settings.share_library),
            app=self.settings.telegram_app,
            terms=self.settings.terms,
            pay_support=self.settings.pay_support,
            stars=self.payments.stars,
            counter=self.counter,
            webhook=webhook_of(self.settings, self.keys),
        )

    async def _attach(self, client: discord.Client) -> None:
        """At every READY: the shards are ours, and voice follows."""
        shards, account = client.shard_count or 1, client.user.id if client.user else 0
        await self.store.ownership.want_shards(account, shards)
        await self.players.attach_discord(client)
        gc.freeze()  # the guilds, which would take a second to look through

    async def _manages(self, actor: Actor) -> bool | None:
        """Whether somebody of the page manages their guild at this moment."""
        client = self.discord.client if self.discord else None
        return await client.manages(actor) if client else None

    async def _node_trouble(self) -> str | None:
        states = self.nodes.status()
        return None if "up" in states.values() else ", ".join(f"{k}: {v}" for k, v in states.items()) or "none"

    async def _discord_trouble(self) -> str | None:
        return self.discord.trouble if self.discord else None

    async def _telegram_trouble(self) -> str | None:
        return self.telegram.trouble if self.telegram else None

    async def screen(self) -> str:
        """What is on, what is off and why, and the address to open."""
        end = time.monotonic() + NODE_PATIENCE
        while (await self._node_trouble() or self.surfaces.starting) and time.monotonic() < end:  # noqa: ASYNC110 - nodes tell the players alone
            await asyncio.sleep(0.02)
        return screen.draw(
            self.settings,
            nodes=self.nodes.status(),
            streams=any(node.chorus for node in self.nodes),
            discord=self.discord.state if self.discord else "off",
            telegram=self.telegram.state if self.telegram else "off",
            surfaces=self.surfaces.states(),
            tracks=await self.library.count(),
            plans=self.payments.state,
        )
