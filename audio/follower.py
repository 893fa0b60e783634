"""A player without a voice that plays what the room's lead plays, for the room's streams alone.

Only where the lead cannot serve them: it is on a Java node, or another process's. Its reports are its own and never
move the room.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from audio.gains import Gains
from audio.link import Link
from audio.node import FULL, NODE_ERRORS, Health, Node
from audio.node_refs import manager_of
from audio.parts import Parts
from audio.player_ids import follower_id
from audio.seen import Patcher, Seen, Target
from audio.taps import PushTap
from audio.wavelink_guard import NodeRequestError
from core import sound
from core.room import Room
from core.types import EntryId, RoomId

TOLERANCE = 150
"""ms by which it may be off the lead."""
REST = 2.0
"""Seconds between two corrections."""
LEARNING = 5.0
"""Seconds after a start or a seek in which being late tells how long that takes."""
LAG_LIMIT = 3000
LAST = 2000
"""ms of a track's end that are not worth a start."""
RETRY = 1.0
LOOK_AGAIN = 10.0

log = structlog.get_logger()


class Follower:
    """Works in a task of its own, so that a sick node of streams never holds up the lead.

    `left` is called whenever its player counts no more, `settled` when it was made as it should be.
    """

    def __init__(
        self, room: RoomId, lead: Link, parts: Parts, *, left: Callable[[], None], settled: Callable[[], None]
    ) -> None:
        self.id = follower_id(room)
        self.node: Node | None = None
        self.seen: Seen | None = Seen()
        """Its player as known; None: it has to be asked."""
        self._key = RoomId(f"follower:{room}")  # its tracks are not the lead's
        self._lead = lead
        self._nodes = parts.nodes
        self._now = parts.clock.now
        self._remote = False  # whether the lead is another process's
        self._patcher = Patcher(self._key, parts.media)
        self._gains = Gains(parts.levels)
        self._left = left
        self._settled = settled
        self._room: Room | None = None
        self._taps: frozenset[str] = frozenset()
        self._pushes: tuple[PushTap, ...] = ()
        self._failed: EntryId | None = None
        self._off = 0  # ms that it was behind when last heard of
        self._acted = 0.0
        self._fresh = True  # whether the last act was a start
        self._lags = {True: 0, False: 0}  # ms that a start takes, and a seek
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What others tell it

    def follow(self, room: Room, taps: frozenset[str], pushes: tuple[PushTap, ...] = (), *, remote: bool) -> None:
        """Play what the lead plays, for these taps; for none it goes. A remote lead is known by the room's clock."""
        self._room, self._taps, self._pushes, self._remote = room, taps, pushes, remote
        if self._task is None and self._wanted:
            self._task = asyncio.create_task(self._run(), name=f"follower-{room.id}")
        self._wake.set()

    def stop(self) -> None:
        """Do nothing any more; the player stays as it is."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def update(self, node: Node, position: int) -> None:
        """The node says where the track is."""
        seen, lead, now = self.seen, self._leading, time.monotonic()
        if node is not self.node or seen is None:
            return
        seen.hold(position, now)
        if lead is not None and lead.entry == seen.entry and seen.started and lead.started and not seen.paused:
            self._off = lead.position_at(now) - position
            if abs(self._off) > TOLERANCE:
                self._wake.set()

    def take(self, node: Node, kind: str, payload: Any) -> None:
        """The node reports something of the track."""
        seen = self.seen
        if node is not self.node or seen is None or not seen.entry:
            return
        entry = payload.track.raw_data.get("userData", {}).get("entry")
        if entry != seen.entry:
            return
        if kind == "track_start":
            seen.started = True
        elif kind == "track_end":
            seen.entry, seen.started = None, False
        if kind in {"track_exception", "track_stuck"} or (kind == "track_end" and payload.reason == "loadFailed"):
            self._failed = entry
        self._wake.set()

    def lost(self, node: Node) -> None:
        """The node is gone, and with it the player."""
        if node is self.node:
            self._leave()
            self._wake.set()

    # The task

    @property
    def _wanted(self) -> bool:
        lead = self._lead.node
        return bool(self._taps or self._pushes) and (self._remote or (lead is not None and not lead.chorus))

    @property
    def _leading(self) -> Seen | None:
        """How the lead is; None while that is not known."""
        if not self._remote:
            return self._lead.seen
        current = self._room.current if self._room is not None else None
        if self._room is None or current is None or current.started_at is None:
            return Seen()
        clock, paused, filters = self._room.clock, self._room.paused is not None, sound.heard_filters(self._room)
        return Seen(current.entry.id, started=True, paused=paused, filters=filters, position=clock.at(self._now()))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause = LOOK_AGAIN
            try:
                await self._look()
            except NODE_ERRORS as error:
                log.info("follower not changed", room=self._key, error=type(error).__name__)
                self.seen, pause = None, RETRY
                if isinstance(error, NodeRequestError) and error.status == FULL:
                    await self._turn_away()
            except Exception:
                log.exception("follower failed", room=self._key)
                self.seen, pause = None, RETRY
            if self.node is None and not self._wanted:
                self._task = None
                return
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        if self.node is not None and self.node.health is Health.LOST:
            return  # it comes back, or goes down; either is told
        await self._be_on(self._choose())
        lead = self._leading
        if self.node is None or self._room is None or lead is None:
            return
        if self.seen is None:
            player = await self.node.player(self.id)
            self.seen = Seen.read(self._key, player) if player else Seen()
            self.seen.started = self.seen.entry is not None
        await self._match(self.node, self.seen, lead, self._room)

    def _choose(self) -> Node | None:
        if self._lead.node is None and self._taps and not self._remote:
            return self.node  # the lead is on its way to another one
        if not self._wanted:
            return None
        mine = self.node if self.node is not None and self.node.health is Health.UP and self.node.chorus else None
        if mine is not None and not mine.draining:
            return mine
        best = self._nodes.best(chorus=True)
        return best if best is not None and best.chorus else mine

    async def _be_on(self, node: Node | None) -> None:
        former = self.node
        if former is node:
            return
        self._leave()
        self.node = node
        if former is not None:
            await former.drop(self.id)

    async def _turn_away(self) -> None:
        """The node takes on no more: another one may."""
        node = self.node
        self._leave()
        if node is not None:
            node.fill()
            await node.drop(self.id)

    def _leave(self) -> None:
        self.node, self.seen = None, Seen()
        self._left()

    async def _match(self, node: Node, seen: Seen, lead: Seen, room: Room) -> None:
        now = time.monotonic()
        target = await self._target(node, seen, lead, room)
        fresh = target.entry is not None and target.entry.id != seen.entry
        seek = not fresh and self._adrift(room, now)
        if seek and now - self._acted < LEARNING:
            lag = self._lags[self._fresh] + self._off
            self._lags[self._fresh] = min(max(0, lag), LAG_LIMIT)
        position = lead.position_at(now) + self._lags[fresh]
        body = self._patcher.difference(seen, target, position=position, seek=seek)
        if body:
            self._off = 0
            self._note(Seen.read(self._key, await node.patch(self.id, body)), seen, body)
            if "position" in body:
                self._acted, self._fresh = time.monotonic(), fresh
        self._settled()

    def _adrift(self, room: Room, now: float) -> bool:
        live = room.current is not None and room.current.entry.track.length is None
        return not live and abs(self._off) > TOLERANCE and now - self._acted > REST

    def _note(self, after: Seen, before: Seen, body: dict[str, Any]) -> None:
        after.started = before.started or "track" in body
        after.remember(before, body)
        if "track" in body:
            after.position = body.get("position", 0)
        self.seen = after

    async def _target(self, node: Node, seen: Seen, lead: Seen, room: Room) -> Target:
        """The lead's track, once that is heard there, if this node can play it."""
        current = room.current
        entry = current.entry if current is not None and lead.started and lead.entry == current.entry.id else None
        if entry is not None and (entry.id == self._failed or not node.offers(manager_of(entry.track.ref))):
            entry = None
        length = entry.track.length if entry is not None else None
        if entry is not None and length is not None and seen.entry != entry.id:
            entry = entry if length - lead.position_at(time.monotonic()) > LAST else None
        filters = await self._gains.filters(room, entry, seen, limiter=True)
        target = Target(
            entry, None, lead.paused, room.volume, self._taps, None, chorus=True, filters=filters, pushes=self._pushes
        )
        return replace(target, bitrate=sound.bitrate(room, None))
