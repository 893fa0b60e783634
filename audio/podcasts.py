"""Podcasts that people looked at: their episodes stay known for a while, each under a short name."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
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
AGAIN = 15.0
"""The same for one that could not be fetched."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found at an address, its episodes by name, and when (monotonic seconds); no feed if None."""

    feed: Feed | None
    names: Mapping[str, feeds.Episode]
    at: float
    failed: bool

    @property
    def fresh(self) -> bool:
        """Whether it need not be fetched again."""
        return time.monotonic() - self.at < (AGAIN if self.failed else FRESH)


class Podcasts:
    """Fetches feeds, and knows their episodes by name (`episode:<hash>`)."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._known: OrderedDict[str, _Known] = OrderedDict()
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
        for known in self._known.values():
            if known.feed is not None and query in known.names:
                return known.feed.title, known.names[query]
        raise NothingFoundError(query)

    async def _feed(self, address: str) -> Feed | None:
        known = self._known.get(address)
        if known is not None and known.fresh:
            self._known.move_to_end(address)
            return known.feed
        if address not in self._fetching:
            task = self._fetching[address] = asyncio.create_task(self._fetch(address))
            task.add_done_callback(lambda _: self._fetching.pop(address))
        return await asyncio.shield(self._fetching[address])  # whoever waits may lose patience

    async def _fetch(self, address: str) -> Feed | None:
        """What is there now; what was there before while that cannot be told."""
        try:
            found = await self._prober.feed(address)
            if found is not None:
                return await self.read(address, found)
        except UnplayableError as error:
            log.info("feed.refused", reason=error.reason)
            former = self._known.get(address)
            return self._keep(address, former.feed if former else None, failed=True)
        return self._keep(address, None)

    def _keep(self, address: str, feed: Feed | None, *, failed: bool = False) -> Feed | None:
        names = {_name(it): it for it in feed.episodes} if feed else {}
        self._known[address] = _Known(feed, names, time.monotonic(), failed)
        self._known.move_to_end(address)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return feed


def _name(episode: feeds.Episode) -> str:
    return PREFIX + hashlib.sha256(episode.address.encode(errors="replace")).hexdigest()[:24]
