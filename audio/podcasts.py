"""Podcasts that people looked at: their episodes stay known for a while, each under a short name."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from audio import feeds
from audio.feeds import Feed
from audio.media_probe import FeedText, Prober
from core.errors import NothingFoundError, UnplayableError
from core.ports.tracks import Episode, Show

PREFIX = "episode:"
KEPT = 32
"""Feeds, and addresses that are none, that are remembered."""
FRESH = 300.0
"""Seconds after which a feed is fetched again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found at an address, and when (monotonic seconds); no feed if None."""

    feed: Feed | None
    at: float


class Podcasts:
    """Fetches feeds, and knows their episodes by name (`episode:<hash>`)."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._names: dict[str, tuple[str, feeds.Episode]] = {}
        self._fetching: dict[str, asyncio.Task[Feed | None]] = {}

    async def show(self, address: str) -> Show | None:
        """The podcast at an address; None if there is none that can be read."""
        feed = await self._feed(address)
        if feed is None:
            return None
        episodes = [Episode(_name(it), it.title, it.length, it.published) for it in feed.episodes]
        return Show(feed.title, tuple(episodes))

    async def read(self, address: str, found: FeedText) -> Feed:
        """The podcast of which the text was fetched just now. Raises UnplayableError."""
        feed = await asyncio.to_thread(feeds.parse, found.body, found.base)
        self._keep(address, feed)
        return feed

    def named(self, query: str) -> tuple[str, feeds.Episode]:
        """The podcast's title and the episode of that name. Raises NothingFoundError."""
        try:
            return self._names[query]
        except KeyError:
            raise NothingFoundError(query) from None

    async def _feed(self, address: str) -> Feed | None:
        known = self._known.get(address)
        if known is not None and time.monotonic() - known.at < FRESH:
            self._known.move_to_end(address)
            return known.feed
        if address not in self._fetching:
            task = self._fetching[address] = asyncio.create_task(self._fetch(address))
            task.add_done_callback(lambda _: self._fetching.pop(address))
        return await asyncio.shield(self._fetching[address])  # whoever waits may lose patience

    async def _fetch(self, address: str) -> Feed | None:
        try:
            found = await self._prober.feed(address)
            if found is not None:
                return await self.read(address, found)
        except UnplayableError as error:
            log.info("feed.refused", reason=error.reason)
        self._keep(address, None)
        return None

    def _keep(self, address: str, feed: Feed | None) -> None:
        self._known[address] = _Known(feed, time.monotonic())
        self._known.move_to_end(address)
        self._names |= {_name(it): (feed.title, it) for it in feed.episodes} if feed else {}
        while len(self._known) > KEPT:
            _, gone = self._known.popitem(last=False)
            for episode in gone.feed.episodes if gone.feed else ():
                self._names.pop(_name(episode), None)


def _name(episode: feeds.Episode) -> str:
    return PREFIX + hashlib.sha256(episode.address.encode(errors="replace")).hexdigest()[:24]
