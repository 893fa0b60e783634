"""A room's player on a node: what is known of it, and the PATCHes that change it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import structlog

from audio.bookmark import Bookmark
from audio.failures import TIMEOUT, failure
from audio.fix import SETTLED, Fix
from audio.node import FULL, NODE_ERRORS, Health, Node
from audio.parts import Parts
from audio.seen import Seen, entry_sent
from audio.voice import Voice
from audio.watchdog import Watchdog
from audio.wavelink_guard import NodeRequestError
from core.limits import DRIFT
from core.room import Room
from core.types import EntryId, RoomId

RETRY = 0.5
LATER = 5.0
LEARNED = 3
"""Tracks over which the time is averaged that a node takes to open one."""

log = structlog.get_logger()


class Link:
    """One room's player.

    `look_in(seconds)` has the room looked at again by then; `left` is called whenever the player counts no more.
    """

    def __init__(
        self,
        room: RoomId,
        player_id: int,
        parts: Parts,
        voice: Voice | None,
        *,
        look_in: Callable[[float], None],
        left: Callable[[], None],
    ) -> None:
        self.node: Node | None = None
        self.seen: Seen | None = Seen()
        """The player as known; None: it has to be asked."""
        self.placed = False
        """Whether the room has been on any node since our start."""
        self.bad_next: EntryId | None = None
        """A locked entry that the node could not open."""
        self.id = player_id
        self.bookmark = Bookmark(parts.clock)
        self.watchdog = Watchdog()
        self.settled = asyncio.Event()
        """Set whenever the player was made like the room."""
        self._room = room
        self._parts = parts
        self._voice = voice
        self._voice_again = 0.0
        self._unanswered: EntryId | None = None
        self.fix = Fix(room, parts.reports, look_in)
        self.opening = 0.0
        """Seconds that the node takes to open a track, as learned."""
        self._look_in = look_in
        self._left = left
        self._drops: set[asyncio.Task[None]] = set()
        self._former: tuple[Node, asyncio.Task[None]] | None = None
        """Where the room was before it came here, and what ends its player there."""
        self._full: Node | None = None
        """What turned the room away: a player of it may be there."""

    # Which node

    def take_up(self, node: Node) -> None:
        """Be on this node; the PATCH that follows tells it everything, then the former player goes."""
        former = self.node or self._full
        self.leave()
        self.node, self.placed = node, True
        if former is not None and former is not node:
            log.info("room moves", room=self._room, former=former.name, node=node.name)
            drop = asyncio.create_task(self._drop_later(former))
            self._drops.add(drop)
            drop.add_done_callback(self._drops.discard)
            self._former = former, drop

    async def _drop_later(self, former: Node) -> None:
        await self.settled.wait()
        await former.drop(self.id)

    def leave(self) -> None:
        """The present player counts no more; where it is is remembered."""
        self.bookmark.hold(self.seen)
        self.node, self.seen, self._former, self._full = None, Seen(), None, None
        self.watchdog.reset()
        self.settled.clear()
        self._left()

    def vanish(self) -> None:
        """The node has lost the player: it is told everything again, from where the track was."""
        self.bookmark.hold(self.seen)
        self.seen = Seen()
        self.watchdog.rest()
        self._left()
        self._look_in(0)

    async def end(self) -> None:
        """The player goes, and nothing of it is remembered."""
        nodes = [node for node in (self.node, self._full) if node is not None]
        self.node, self._full = None, None
        self.seen = Seen()
        self.watchdog.reset()
        for node in nodes:
            await node.drop(self.id)

    # What it is like

    async def ask(self) -> bool:
        """Find out how the player is, after an answer that never came; whether that worked."""
        if self.node is None:
            return False
        try:
            await self.adopt(self.node, await self.node.player(self.id))
        except NODE_ERRORS:
            self._look_in(RETRY)
            return False
        return True

    async def adopt(self, node: Node, player: dict[str, Any] | None) -> None:
        """The node's player is the truth about what plays; the room's clock follows it."""
        self.node, self.placed = node, True
        seen = Seen.read(self._room, player) if player else Seen()
        seen.started = seen.entry is not None
        self.seen = seen
        self.watchdog.reset()
        if seen.voice is not None and self._voice is not None and seen.connected:
            self._voice.adopt(seen.voice)
        if seen.entry:
            await self._follow(node, seen, seen.entry)

    async def _follow(self, node: Node, seen: Seen, entry: EntryId) -> None:
        room = await self._parts.rooms.read(self._room)
        if room.current is None or room.current.entry.id != entry:
            return
        position = seen.position_at(time.monotonic())
        if room.current.started_at is None or room.current.node != node.name:
            await self._parts.reports.track_started(self._room, entry, node=node.name, position=position)
        await self._parts.reports.position(self._room, entry, position)
        self.bookmark.look(await self._parts.rooms.read(self._room))

    def update(self, position: int, *, connected: bool) -> bool:
        """The node says where the track is; whether that is a surprise."""
        seen, now = self.seen, time.monotonic()
        if seen is None:
            return False
        surprise = seen.started and abs(position - seen.position_at(now)) > DRIFT
        if seen.started and position > seen.position:
            self.watchdog.rest()
        seen.connected = connected
        seen.hold(position, now)
        return surprise

    def position(self) -> int | None:
        """Where the track is heard just now, in ms; None unless one is."""
        seen = self.seen
        if seen is None or self.node is None or not seen.entry or not seen.started or seen.paused:
            return None
        return seen.position_at(time.monotonic())

    @property
    def busy(self) -> bool:
        """Whether anything of the room is on the node, as far as is known."""
        return self.seen is None or self.seen.entry is not None or self.seen.voice is not None

    def region(self, channel: int | None) -> str:
        """Where the channel's voice server is, as far as is known."""
        return self._voice.region(channel) if self._voice is not None and channel is not None else ""

    @property
    def runs(self) -> bool:
        """Whether a track's clock runs on this node: without voice only the extension lets it."""
        return self.seen is not None and (self.seen.connected or (self.node is not None and self.node.chorus))

    def voice_allowed(self) -> bool:
        """Whether voice data may be sent: not right after they were refused; then it is looked again in time."""
        left = self._voice_again - time.monotonic()
        if left > 0:
            self._look_in(left)
        return left <= 0

    # Changing it

    async def send(self, node: Node, room: Room, body: dict[str, Any]) -> bool:
        """Send a PATCH; whether it was done. What was refused is reported, what was not answered is asked about."""
        try:
            answer = await self._patch(node, room, body)
        except NodeRequestError as error:
            await self._refused(room, body, error)
            return False
        except NODE_ERRORS as error:
            log.warning("node did not answer", room=self._room, node=node.name, error=type(error).__name__)
            if self.node is node:  # else it went down meanwhile: the room goes elsewhere
                self._ask_later()
                await self._count_unanswered(room, body)
            return False
        self._note(Seen.read(self._room, answer), body)
        return True

    async def _patch(self, node: Node, room: Room, body: dict[str, Any]) -> dict[str, Any]:
        if "track" not in body:
            return await node.patch(self.id, body)
        moves = room.current is not None and room.current.started_at is not None
        async with self._parts.moves if moves else nullcontext():
            began = time.monotonic()
            answer = await node.patch(self.id, body)
        self.opening += ((time.monotonic() - began) - self.opening) / LEARNED
        return answer

    async def _count_unanswered(self, room: Room, body: dict[str, Any]) -> None:
        """A track on which a node hangs twice is at fault itself: one that hangs on everything goes down before."""
        entry = entry_sent(body)
        if entry is None or room.current is None or room.current.entry.id != entry:
            return
        if self._unanswered == entry:
            await self._parts.reports.track_failed(self._room, entry, TIMEOUT)
        self._unanswered = entry

    def _note(self, seen: Seen, body: dict[str, Any]) -> None:
        before = self.seen or Seen()
        fresh = "track" in body
        seen.started = before.started and not fresh
        seen.remember(before, body)
        moved = "position" in body or body.get("paused") is False or seen.rate != before.rate
        if moved and not fresh:
            self.fix.due_in(SETTLED)
        if seen.entry is None or body.get("paused"):
            self.watchdog.rest()
        elif fresh or "paused" in body:
            seen.position = body.get("position", 0) if fresh else seen.position
            self.watchdog.expect_start()
        self.seen = seen

    async def _refused(self, room: Room, body: dict[str, Any], error: NodeRequestError) -> None:
        log.info("node refused", room=self._room, status=error.status, keys=sorted(body))
        if error.status in {404, 409}:  # a session that is not resumed yet; a join that has begun
            self._ask_later()
        elif error.status == FULL:
            self._turned_away()
        elif "voice" in body and "voice" in error.message.lower() and self._voice is not None:
            self._voice_again = time.monotonic() + RETRY
            self._voice.closed(1006)
            self._look_in(RETRY)
        elif "track" in body and room.current is not None and entry_sent(body) in {None, room.current.entry.id}:
            await self._parts.reports.track_failed(self._room, room.current.entry.id, failure(error.message))
        elif "track" in body:
            self.bad_next = entry_sent(body)
            self._look_in(0)
        elif "next" in body.get("chorus", {}):
            self.bad_next = room.locked
            self._look_in(0)
        else:
            self._look_in(LATER)

    def _ask_later(self) -> None:
        self.seen = None
        self._look_in(RETRY)

    def _turned_away(self) -> None:
        """The node takes on no more: a room that plays there asks again, a new one goes elsewhere or waits.

        One that came from another node goes back to it, if its player still is there.
        """
        if self.node is None or self.seen is None or self.seen.entry is not None:
            self._ask_later()
            return
        full, former = self.node, self._former
        full.fill()
        self.leave()
        self._full = full
        if former is not None and former[0].health is Health.UP and not former[1].done():
            former[1].cancel()
            self.node, self.seen = former[0], None
        self._look_in(0)
