"""A room's streams: taps of its lead player, or of one that follows it where the lead cannot serve them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from audio.follower import Follower
from audio.link import Link
from audio.node import Node
from audio.parts import Parts
from audio.taps import PushTap
from core.room import Room
from core.types import RoomId

TAP_TIMEOUT = 10.0
"""Seconds in which a tap has to be there."""
AGAIN = 0.5
"""Seconds between two looks whether it is."""


@dataclass(frozen=True, slots=True)
class _Feed:
    node: Node
    stream: aiohttp.ClientResponse


class Broadcast:
    """The taps of one room. `wake` has its player looked at."""

    def __init__(self, room: RoomId, lead: Link, parts: Parts, wake: Callable[[], None]) -> None:
        self.follower = Follower(room, lead, parts, left=self.cut, settled=self._set)
        self._lead = lead
        self._wake = wake
        self._settled = asyncio.Event()
        self._feeds: dict[str, _Feed | None] = {}

    @property
    def taps(self) -> frozenset[str]:
        """The ids of those that are read, or about to be."""
        return frozenset(self._feeds)

    @property
    def pushes(self) -> dict[str, str]:
        """What a node shows of the room's pushes: tap → state."""
        leads = self._lead.node is None or self._lead.node.chorus
        seen = self._lead.seen if leads else self.follower.seen
        return seen.pushes if seen is not None else {}

    async def open(self, tap: str, *, recent: int = 0) -> aiohttp.ClientResponse:
        """Have the player feed a tap; its stream, from `recent` ms ago on. It ends when the room leaves the node.

        Raises TimeoutError when there is no node in time, else what nodes' requests raise.
        """
        self._feeds.setdefault(tap, None)
        self._wake()
        async with asyncio.timeout(TAP_TIMEOUT):
            node, player = await self._fed(tap)
            stream = await node.tap(player, tap, recent=recent)
        if self._serves(node):
            self._feeds[tap] = _Feed(node, stream)
        else:
            stream.close()
        return stream

    async def _fed(self, tap: str) -> tuple[Node, int]:
        while (source := self._source(tap)) is None:
            self._settled.clear()
            try:
                async with asyncio.timeout(AGAIN):
                    await self._settled.wait()
            except TimeoutError:
                self._wake()
        return source

    def _set(self) -> None:
        self._settled.set()

    def _source(self, tap: str) -> tuple[Node, int] | None:
        """The node and its player that feed a tap now."""
        for player in (self._lead, self.follower):
            if player.node is not None and player.seen is not None and tap in player.seen.taps:
                return player.node, player.id
        return None

    def _serves(self, node: Node) -> bool:
        return node is self._lead.node or node is self.follower.node

    def close(self, tap: str) -> None:
        """The tap is no longer read."""
        self._feeds.pop(tap, None)
        self._wake()

    def cut(self) -> None:
        """End the streams of nodes that were left: one that hangs would leave them open for ever."""
        for tap, feed in self._feeds.items():
            if feed is not None and not self._serves(feed.node):
                feed.stream.close()
                self._feeds[tap] = None

    def keep_up(self, room: Room, pushes: tuple[PushTap, ...] = (), *, remote: bool = False) -> None:
        """The lead is as it should be, or goes, or is another process's: a follower does as it does."""
        self._settled.set()
        self.follower.follow(room, self.taps, pushes, remote=remote)
