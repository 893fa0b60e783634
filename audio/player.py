"""One room's player: makes a node's player match its room."""

import asyncio
import time
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import structlog

from audio.ahead import Ahead
from audio.broadcast import Broadcast
from audio.channel import Channel
from audio.failures import STUCK
from audio.gains import STEP, Gains
from audio.handover import Handover
from audio.intake import Intake, NodeReport
from audio.link import Link
from audio.listeners import Listeners
from audio.node import Health, Node
from audio.node_refs import manager_of
from audio.parts import Parts
from audio.placement import Placement
from audio.player_ids import lead_id
from audio.pushes import RoomPushes
from audio.seen import Patcher, Seen, Target, entry_sent
from audio.voice import Voice
from core import playing, timers
from core.errors import NoSuchRoomError, StoreUnavailableError
from core.events import PlayerChanged
from core.ports.places import RoomRef
from core.room import Room
from core.tracing import span

LOOK_AGAIN = 30.0
AFTER_FAULT = 1.0
ELSEWHERE = 3.0
"""Seconds until another look at a room that is not ours: a lease lost with the store comes back with it."""

log = structlog.get_logger()


class RoomPlayer:
    """Works in one task: takes in what the node reports, then looks at the room and sends what is missing."""

    def __init__(self, ref: RoomRef, parts: Parts) -> None:
        self.ref = ref
        self.id = lead_id(ref)
        self.status = "idle"
        self.idle = False
        """Whether there is nothing to look after."""
        self.voice = Voice(ref.guild, self.wake) if ref.guild is not None else None
        self._parts = parts
        self._channel = Channel(ref.room, self.voice, parts.reports)
        self._link = Link(ref.room, self.id, parts, self.voice, look_in=self._look_in, left=self._left)
        self.broadcast = Broadcast(ref.room, self._link, parts, self.wake)
        self._placement = Placement(self._link, parts, self._look_in)
        self._intake = Intake(ref.room, self.id, self._link, parts.reports, self.voice)
        self._gains = Gains(parts.levels)
        self._patcher = Patcher(ref.room, parts.media)
        self._handover = Handover(self._link, self._look_in)
        self._ahead = Ahead(self._link, parts.reports, self._look_in)
        self._listeners = Listeners(ref.room, parts.reports, parts.clock)
        self.pushes = RoomPushes(parts.push_guard, self.wake, parts.quotas)
        self.passed_on = 0
        """How many hear it by way of somebody else's server."""
        self._inbox: deque[NodeReport] = deque()
        self._wake = asyncio.Event()
        self._parent = ""
        self._told = 0
        self._next_look = 0.0
        self._last = (self.status, dict[str, str]())

    # What others tell it; none of these waits

    @property
    def node(self) -> Node | None:
        """The node that it is on."""
        return self._link.node

    def wake(self, parent: str = "", version: int = 0) -> None:
        """Look at the room again, as an effect of the span `parent`, by which it came to `version`."""
        self._parent = parent or self._parent
        self._told = max(self._told, version)
        self._wake.set()

    def take(self, report: NodeReport) -> None:
        """A node reports."""
        self._inbox.append(report)
        self._wake.set()

    def update(self, node: Node, position: int, *, connected: bool) -> None:
        """The node says where the track is."""
        if node is self._link.node and self._link.update(position, connected=connected):
            self.wake()

    def lost(self, node: Node) -> None:
        """The node is gone, and with it the player."""
        if node is self._link.node:
            self._link.leave()
            self.wake()
        self.broadcast.follower.lost(node)

    def _left(self) -> None:
        self.broadcast.cut()
        self.pushes.lost()

    def serves(self, node: Node, player: int) -> bool:
        """Whether the player of this id there is its lead or follows that, as far as is known."""
        follower = self.broadcast.follower
        return (player == self.id and self.node in {None, node}) or (player == follower.id and follower.node is node)

    def push_states(self) -> dict[str, str]:
        """Push id → how it is doing."""
        return {} if self.status == "elsewhere" else self.pushes.states(self.broadcast.pushes)

    @property
    def bitrate(self) -> int | None:
        """Of its encoder, in bit/s, as far as it is ours to say."""
        return self._link.seen.bitrate if self._link.node is not None and self._link.seen is not None else None

    def checkpoint(self) -> int | None:
        """Where the room is heard just now, in ms; None unless it is."""
        node = self._link.node
        return self._link.position() if node is not None and node.health is Health.UP else None

    # The task

    async def run(self) -> None:
        """Look after the room until cancelled."""
        try:
            await self._run()
        finally:
            self.broadcast.follower.stop()
            self.pushes.stop()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._next_look = time.monotonic() + LOOK_AGAIN
            try:
                with self._effect():
                    await self._look()
            except (NoSuchRoomError, StoreUnavailableError) as error:
                log.warning("room not readable", room=self.ref.room, error=type(error).__name__)
                await self._pause()
            except Exception:
                log.exception("player failed", room=self.ref.room)
                await self._pause()
            self._link.settled.set()
            self._tell()
            await self._sleep()

    def _tell(self) -> None:
        """Surfaces show the status and how pushes do: say when either is another one."""
        shown = (self.status, self.push_states())
        if self.status != "elsewhere" and shown != self._last:
            self._last = shown
            self._parts.publish(PlayerChanged(room=self.ref.room, status=self.status))

    async def _pause(self) -> None:
        """Rest after a fault, whoever wakes us: a store that fails says so on the bus, and that would wake us again."""
        await asyncio.sleep(AFTER_FAULT)
        self._look_in(0)

    def _effect(self) -> AbstractContextManager[object]:
        parent, self._parent = self._parent, ""
        return span("effect", parent=parent, room=self.ref.room) if parent else nullcontext()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._next_look - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _look_in(self, seconds: float) -> None:
        self._next_look = min(self._next_look, time.monotonic() + seconds)

    async def _look(self) -> None:
        if not self._parts.owns(self.ref):  # another process acts for this room now
            await self._give_up()
            return
        await self._take_in()
        await self._link.fix.take(self._link)
        self._look_in(await self._intake.watch())
        await self._channel.mind()
        known, self._told = self._told if self._link.seen else 0, 0
        room = await self._parts.rooms.read(self.ref.room, known=known)
        await self._mind_time(room)
        self.idle = self._is_idle(room)
        if self.idle:
            self._gains.rest(room)
            await self._let_go()
        elif await self._placement.settle(room, tapped=bool(self.broadcast.taps) or self.pushes.on):
            await self._match(room)
        elif self._placement.waiting:
            self.status = "waiting"
        self.broadcast.keep_up(room, self.pushes.taps(room, self.broadcast.pushes))

    async def _give_up(self) -> None:
        """Its player here counts no more: whoever acts now ends it. Those who listen here hear one that follows."""
        if self.status != "elsewhere":
            self.status = "elsewhere"
            self._inbox.clear()
            self._link.leave()
            self.broadcast.follower.stop()
        self._look_in(ELSEWHERE)
        if self.broadcast.taps or self.broadcast.follower.node is not None:
            self.broadcast.keep_up(await self._parts.rooms.read(self.ref.room), remote=True)

    async def _take_in(self) -> None:
        while self._inbox:
            report = self._inbox.popleft()
            try:
                await self._intake.take(report)
            except StoreUnavailableError:
                self._inbox.appendleft(report)  # it is told again when the store is back
                raise

    def _is_idle(self, room: Room) -> bool:
        silent = room.current is None and room.voice_channel is None
        return silent and not self.broadcast.taps and not self.pushes.on

    async def _let_go(self) -> None:
        self.status = "idle"
        await self._channel.leave()
        await self._link.end()

    async def _mind_time(self, room: Room) -> None:
        """What time alone brings about."""
        now = self._parts.clock.now()
        self._look_in(await self._listeners.mind(room, pushed=self.pushes.heard or self.passed_on > 0))
        if room.polls:
            self._look_in(1.0)
        if (start := playing.next_start(room, now)) is not None:
            self._look_in((start - now) / 1000)
        sleeping = room.paused is None and playing.sleeping(room, now)
        if timers.due(room, now) or sleeping:
            await self._parts.reports.tick(self.ref.room)

    # The match

    async def _match(self, room: Room) -> None:
        """Send the one PATCH that makes the player like the room, if they differ."""
        node, seen = self._link.node, self._link.seen
        if node is None or seen is None or self._link.watchdog.ending is not None:
            return
        if not await self._channel.follow(room, node):
            self.status = self._channel.out
            return
        if self._channel.connecting and seen.entry is None:
            self.status = "connecting"  # nothing starts while the voice data of the channel are on their way
            return
        position, seek = self._link.bookmark.aim(room, seen)
        self._gains.want(room, self._parts.clock.now())
        pushes = self.pushes.taps(room, self.broadcast.pushes) if node.chorus else ()
        target = replace(await self._target(room, node, seen), pushes=pushes)
        if target.entry is not None and room.current is not None and target.entry.id != room.current.entry.id:
            position, seek = 0, False  # what follows is sent before its time
        body = self._patcher.difference(seen, target, position=position, seek=seek)
        if await self._hopeless(room, body):
            return
        if not body or await self._link.send(node, room, body):
            self._note_status(room)
            await self._ahead.look(room)

    async def _target(self, room: Room, node: Node, seen: Seen) -> Target:
        voice = self._channel.data if self._link.voice_allowed() else None
        target = Target.of(
            room, taps=self.broadcast.taps, voice=voice, chorus=node.chorus, bitrate=self._channel.bitrate(room)
        )
        target = self._handover.alter(room, target, seen)
        filters = await self._gains.filters(room, target.entry, seen, limiter=node.chorus)
        if self._gains.approaching:
            self._look_in(STEP)
        following = target.following
        if following and (following.id == self._link.bad_next or not node.offers(manager_of(following.track.ref))):
            following = None
        later = await self._gains.filters(room, following, seen, limiter=node.chorus) if following else {}
        return replace(target, following=following, filters=filters, following_filters=later)

    async def _hopeless(self, room: Room, body: dict[str, Any]) -> bool:
        """A track that a node keeps dropping for no reason is given up."""
        entry = room.current.entry.id if room.current is not None else None
        if entry is None or entry_sent(body) != entry:
            return False
        if not self._link.watchdog.gives_up(entry):
            return False
        await self._parts.reports.track_failed(room.id, entry, STUCK)
        return True

    def _note_status(self, room: Room) -> None:
        on_air = room.current is not None and room.paused is None
        self.status = self._channel.trouble(room) or ("playing" if on_air else "idle")
