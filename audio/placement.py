"""Which node a room's player belongs on, and what becomes of the room while there is none."""

import time
from collections.abc import Callable

from audio.failures import UNREACHABLE
from audio.link import RETRY, Link
from audio.node import Health, Node
from audio.node_refs import manager_of
from audio.parts import Parts
from core.room import Room
from core.types import EntryId, RoomId

RETURNING = 3.0
"""Seconds after our start in which the node that played a room may still turn up with its player."""
AGAIN = 1.0
"""Seconds until nodes that were full are looked at again."""
DEAD = 300_000
"""ms of silence after which a room does not go on by itself."""


class Placement:
    """Chooses for one room, and keeps what is chosen while it will do."""

    def __init__(self, link: Link, parts: Parts, look_in: Callable[[float], None]) -> None:
        self.waiting = False
        """Whether the room could be heard if there were a node."""
        self._link = link
        self._parts = parts
        self._look_in = look_in
        self._dark_since: float | None = None

    async def settle(self, room: Room, *, tapped: bool) -> bool:
        """Be on the right node; whether the player may be changed there now."""
        link = self._link
        if link.node is not None and link.node.health is Health.LOST:
            return False  # it comes back, or goes down; either wakes the player
        node = self._choose(room, tapped=tapped)
        self.waiting = node is None
        if node is None:
            await self._wait(room)
            return False
        self._dark_since = None
        if not link.placed and self._was_dead(room):
            await self._interrupt(room)
            return False
        if node is not link.node:
            link.take_up(node)
        return link.seen is not None or await link.ask()

    def _choose(self, room: Room, *, tapped: bool) -> Node | None:
        """The present node while it will do, else the best one.

        A room without voice needs the extension, and some tracks need a source that not every node offers. With
        listeners of its stream a node with the extension is better, as it does all by one player, and one close to the
        voice server is; but a room that plays does not move for either.
        """
        link, needs_chorus, manager = self._link, room.voice_channel is None, _manager(room)
        region = link.region(room.voice_channel)
        mine = link.node if link.node is not None and _usable(link.node) and link.node.offers(manager) else None
        stays = mine is not None and not mine.draining and (mine.chorus or not needs_chorus)
        if mine is not None and stays and (link.busy or not mine.address.distance(region)):
            return mine
        if link.node is None and self._returning(room):
            self._look_in(RETRY)
            return None
        best = self._parts.nodes.best(chorus=needs_chorus or tapped, manager=manager, region=region)
        if best is None or (needs_chorus and not best.chorus):
            return self._held_back(mine)
        if best.crowded and not self._parts.nodes.line.lets(room.limits.rank):
            return self._held_back(mine)
        if mine is not None and stays and mine.address.distance(region) <= best.address.distance(region):
            return mine
        return best

    def _held_back(self, mine: Node | None) -> Node | None:
        """The present node, if any, until another one has a place: none says so."""
        if any(node.crowded for node in self._parts.nodes):
            self._look_in(AGAIN)
        return mine

    def _returning(self, room: Room) -> bool:
        """Whether the node that played the room before our start is still expected."""
        if self._link.placed or time.monotonic() - self._parts.born > RETURNING or room.current is None:
            return False
        node = self._parts.nodes.get(room.current.node or "")
        return node is not None and not _usable(node)

    def _was_dead(self, room: Room) -> bool:
        """Whether the room was heard last so long ago that going on by itself would startle."""
        dead_for = self._parts.clock.now() - room.checkpoint.at if room.checkpoint else 0
        return room.current is not None and room.clock.running_since is not None and dead_for > DEAD

    async def _wait(self, room: Room) -> None:
        if any(node.crowded for node in self._parts.nodes):
            self._parts.nodes.line.wait(room.id, room.limits.rank)
        self._link.bookmark.start(room, self._link.seen)
        if room.current is None or room.paused is not None:
            return
        self._dark_since = self._dark_since or time.monotonic()
        dark = time.monotonic() - self._dark_since
        manager = _manager(room)
        if manager is not None and self._parts.nodes.best() is not None:
            await self._miss(room.id, room.current.entry.id, manager, dark)
        elif dark * 1000 > DEAD:
            await self._interrupt(room)

    async def _miss(self, room: RoomId, entry: EntryId, manager: str, dark: float) -> None:
        """No node that is up can play this track: it is given up, unless one that might is expected back."""
        away = (node for node in self._parts.nodes if not _usable(node))
        if dark < RETURNING and any(not node.managers or node.offers(manager) for node in away):
            self._look_in(RETRY)
        else:
            await self._parts.reports.track_failed(room, entry, UNREACHABLE)

    async def _interrupt(self, room: Room) -> None:
        if room.current is not None:
            position = self._link.bookmark.start(room, self._link.seen)
            await self._parts.reports.position(room.id, room.current.entry.id, position)
        await self._parts.reports.interrupted(room.id)


def _manager(room: Room) -> str | None:
    """The source manager that the room needs now."""
    return manager_of(room.current.entry.track.ref) if room.current is not None and room.paused is None else None


def _usable(node: Node) -> bool:
    return node.health is Health.UP
