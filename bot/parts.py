"""What a process is made of behind the ways to people: the store, the library, nodes, players, background work."""

from collections import Counter
from contextlib import AsyncExitStack
from functools import partial

from audio import drains
from audio.guard import Guard
from audio.inheritance import Inheritance
from audio.library import Library
from audio.loudness import Levels
from audio.managed import ManagedNode
from audio.measuring import Measuring
from audio.media_probe import Prober
from audio.media_urls import MediaUrls
from audio.node_search import NodeSearch
from audio.nodes import Nodes, parse_nodes
from audio.players import Players
from audio.push_guard import PushGuard
from audio.resolver import Resolver
from audio.session_book import SessionBook
from audio.sources import open_sources
from audio.uploads import Uploads
from billing.usage import Metering
from bot.clock import SystemClock
from bot.config import Settings, revealed
from bot.discord import account_of
from bot.house import House
from bot.keys import load_keys
from bot.plans import open_plans
from bot.store import Store, open_store
from bot.tasks import Tasks
from bot.upkeep import hourly, prune_plays, sweep_uploads
from core.bus import LocalBus
from core.enums import Meter
from core.joining import Joining
from core.jukebox import Jukebox
from core.live import Live
from core.rates import OwnCounter
from core.reports import Reports
from core.types import RoomId
from db.rates import RedisCounter
from db.redis_bus import RedisBus
from web.turnstile import Turnstile


class Parts:
    """What keeps, finds and plays, joined by constructors; how people reach it is nobody's business here."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        url = revealed(settings.redis_url)
        self.redis_bus = RedisBus(url) if url else None
        self.bus = self.redis_bus or LocalBus()
        self.keys = load_keys(revealed(settings.secret_key), settings.data_dir)
        self.plans = open_plans(settings)
        self.library = Library(settings.data_dir, settings.library_paths, self.clock)
        self.house = House(self.library, demo=not settings.library_paths)
        self.guard = Guard(settings.media_allow)
        self.uploads = Uploads(settings.data_dir, self.guard)
        self.sources = open_sources(settings.sources, self.guard)
        self.urls = MediaUrls(settings.media_url, self.keys.derive("media")[0], self.clock)
        self.addresses = parse_nodes(settings.lavalink_nodes.get_secret_value())
        self.turnstile = Turnstile(url)
        self.redis_counter = RedisCounter(url, OwnCounter(self.clock)) if url else None
        self.counter = self.redis_counter or OwnCounter(self.clock)
        self.tasks = Tasks()
        self.store: Store
        self.nodes: Nodes
        self.players: Players

    async def open(self, stack: AsyncExitStack) -> None:
        """Make every part; `stack` closes them again."""
        if self.redis_counter is not None:
            stack.push_async_callback(self.redis_counter.close)
        self.store = await open_store(self.settings, self.bus, self.clock, self.house, self.keys, self.plans, stack)
        await self._find_tracks(stack)
        self._make_parts()

    async def _find_tracks(self, stack: AsyncExitStack) -> None:
        """The library, and who finds what people ask for."""
        self.book = SessionBook(self.store.node_sessions)
        self.nodes = self._nodes(self.book)
        await self.library.open()
        stack.push_async_callback(self.library.close)
        stack.push_async_callback(self.guard.close)
        await self.house.open()
        prober = Prober(self.guard)
        stack.push_async_callback(prober.close)
        load = NodeSearch(self.nodes).load
        stack.push_async_callback(self.sources.close)
        self.resolver = Resolver(
            self.library, self.uploads, self.guard, prober, self._managers, load=load, sources=self.sources
        )

    def _nodes(self, book: SessionBook) -> Nodes:
        builtin, addresses = self.addresses
        managed = ManagedNode(self.settings.data_dir, media_origins=[self.settings.media_url]) if builtin else None
        return Nodes(addresses, managed=managed, sessions=book, user_id=account_of(self.settings.discord_token))

    def _make_parts(self) -> None:
        """What acts on rooms, and what plays them."""
        self.reports = Reports(self.store.rooms, self.clock)
        self.jukebox = Jukebox(self.store.rooms, self.clock, self.resolver, self.store.shelf, self.store.usage)
        measures = self.store.measures
        self.levels = Levels(measures)
        self.measuring = Measuring(self.levels, measures, self.library, self.uploads, self.urls)
        self.players = Players(
            self.nodes,
            rooms=self.store.rooms,
            reports=self.reports,
            places=self.store.places,
            bus=self.bus,
            clock=self.clock,
            media=self.urls,
            levels=self.levels,
            owns=self.store.ownership.owns,
            pushes=self.store.pushes,
            push_guard=PushGuard(self.settings.media_allow),
            quotas=self.store.usage,
        )
        self.live = Live(self.store.rooms, self.store.pushes, self.bus, self.clock, self.store.usage)
        links, people, codes = self.store.links, self.store.people, self.store.codes
        self.joining = Joining(self.store.rooms, links, people, codes, self.clock, self.counter)
        ownership = self.store.ownership
        ownership.heir = Inheritance(self.nodes, self.players, self.book, holds=ownership.holds)

    def _managers(self) -> frozenset[str]:
        """The sources that the nodes of this installation can search."""
        return frozenset(manager for node in self.nodes for manager in node.managers)

    async def play(self, stack: AsyncExitStack, *, leave_node: bool) -> None:
        """Connect to the nodes; they play on if they are left so."""
        await self.players.start()
        await self.nodes.start()

        async def stop() -> None:
            await self.players.stop()
            await self.nodes.stop(leave=leave_node)

        stack.push_async_callback(stop)

    def start_tasks(self, stack: AsyncExitStack) -> None:
        """What goes on in the background."""
        stack.push_async_callback(self.tasks.stop)
        self.tasks.start("library", self._fill())
        self.tasks.start("loudness", self.measuring.run())
        self.tasks.start("drains", drains.follow(self.nodes, self.store.drains, self.players.wake))
        self.tasks.start("leases", self.store.ownership.keep())
        uploads = partial(sweep_uploads, self.store.rooms, self.uploads)
        self.tasks.start("uploads", hourly("uploads", uploads))
        plays = partial(prune_plays, self.store.plays, self.store.entitlements, self.clock)
        self.tasks.start("history", hourly("plays", plays))
        self.tasks.start("usage", self._metering().run())
        self.tasks.start("plans", self.store.entitlements.follow(self.store.rooms.replan))
        self.tasks.start("plans of others", self.store.entitlements.attend())
        self.tasks.start("other writers", self.store.rooms.attend())
        if self.redis_bus is not None:
            self.tasks.start("bus", self.redis_bus.follow(self.store.rooms.notice))

    def _metering(self) -> Metering:
        gauges = {Meter.LISTENING: self._listeners, Meter.PUSHING: self.players.sent}
        return Metering(self.store.usage, self.store.uses, self.store.rooms, self.clock, gauges)

    def _listeners(self) -> Counter[RoomId]:
        """How many hear each room by the page's streams, and by an Icecast server."""
        return Counter(self.turnstile.listeners()) + Counter(self.players.elsewhere())

    async def _fill(self) -> None:
        """Index the music folders, then have measured what is new in them."""
        await self.house.fill(self.reports)
        await self.measuring.survey()
