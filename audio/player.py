"""One room's player: makes a node's player match its room, and tells the room what the node reports."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import structlog

from audio.listeners import Listeners
from audio.node import NODE_ERRORS, Health, Node
from audio.nodes import Nodes
from audio.seen import Patcher, Seen, Target
from audio.voice import Voice, VoiceRefusedError
from audio.wavelink_guard import NodeRequestError
from core import people, playing, voting
from core.errors import NoSuchRoomError, StoreUnavailableError
from core.ports.clock import Clock
from core.ports.places import RoomRef
from core.ports.rooms import Rooms
from core.ports.tracks import MediaAddress
from core.reports import Reports
from core.room import Room
from core.types import EndReason, EntryId, PositionClock

LOOK_AGAIN = 30.0
RETRY = 0.5
LOCK_LEAD = 15_000
"""ms before the end of the current entry at which the next one is settled."""
JOIN_WAIT = 2.0
"""Seconds that a gapless start may follow the end of the track before."""
START_LIMIT = 10.0
"""Seconds in which a track has to start, and then to move."""
RETURNING = 3.0
"""Seconds after our start in which the node that played a room may still turn up with its player."""
SEEK = 700
"""ms by which the room's clock must have been moved to be a seek and not the way of a command."""
DRIFT = 500
DEAD = 300_000
RESTARTS = 3
"""How often a track that a node dropped for no reason is started again."""

log = structlog.get_logger()


def player_id(ref: RoomRef) -> int:
    """The guild's id; for a room without one a number of 48 bits, which no snowflake has been since 2015."""
    if ref.guild is not None:
        return ref.guild
    return 1 + int.from_bytes(blake2b(ref.room.encode(), digest_size=6).digest())


@dataclass(frozen=True, slots=True)
class Parts:
    """What all room players share."""

    rooms: Rooms
    reports: Reports
    clock: Clock
    nodes: Nodes
    media: MediaAddress
    moves: asyncio.Semaphore
    """How many rooms may move to another node at a time."""
    born: float
    """Monotonic time of our start."""


@dataclass(frozen=True, slots=True)
class Report:
    """An event of the node, or its player as found (`kind` adopt)."""

    node: Node
    kind: str
    entry: EntryId | None
    data: Any


class RoomPlayer:
    """Works in one task: takes in what nodes report, then looks at the room and sends what is missing."""

    def __init__(self, ref: RoomRef, parts: Parts) -> None:
        self.ref = ref
        self.id = player_id(ref)
        self.node: Node | None = None
        self.status = "idle"
        self.idle = False
        """Whether there is nothing to look after."""
        self.voice = Voice(ref.guild, self.wake) if ref.guild is not None else None
        self._parts = parts
        self._patcher = Patcher(ref.room, parts.media)
        self._listeners = Listeners(ref.room, parts.reports, parts.clock)
        self._seen: Seen | None = Seen()  # None: not known
        self._taps: set[str] = set()
        self._clock: PositionClock | None = None  # the room's, as last looked at
        self._held: tuple[EntryId, int] | None = None  # where a player was when its node went away
        self._inbox: deque[Report] = deque()
        self._wake = asyncio.Event()
        self._next_look = 0.0
        self._join_until: float | None = None
        self._start_by: float | None = None
        self._ending: EntryId | None = None  # it has finished, and what follows has not begun yet
        self._bad_next: EntryId | None = None
        self._restarts: tuple[EntryId | None, int] = (None, 0)
        self._dark_since: float | None = None
        self._voice_muted_until = 0.0
        self._placed = False
        self._settled = asyncio.Event()
        self._drops: set[asyncio.Task[None]] = set()

    # What others tell it; none of these waits

    def wake(self) -> None:
        """Look at the room again."""
        self._wake.set()

    def take(self, report: Report) -> None:
        """A node reports."""
        self._inbox.append(report)
        self._wake.set()

    def update(self, node: Node, position: int, *, connected: bool) -> None:
        """The node says where the track is."""
        if node is self.node and self._seen is not None:
            if self._seen.started and position > self._seen.position:
                self._start_by = None
            self._seen.connected = connected
            self._seen.hold(position, time.monotonic())

    def lost(self, node: Node) -> None:
        """The node is gone, and with it the player."""
        if node is self.node:
            self._leave()
            self.node = None
            self.wake()

    async def add_tap(self, tap: str) -> Node:
        """Have the player feed a tap; the node on which it does. Raises TimeoutError when there is none in time."""
        self._taps.add(tap)
        self._settled.clear()
        self.wake()
        async with asyncio.timeout(START_LIMIT):
            while self.node is None or self._seen is None or tap not in self._seen.taps:
                await self._settled.wait()
                await asyncio.sleep(0.02)
        return self.node

    def remove_tap(self, tap: str) -> None:
        """The tap is no longer read."""
        self._taps.discard(tap)
        self.wake()

    def checkpoint(self) -> int | None:
        """Where the room is heard just now, in ms; None unless it is."""
        seen = self._seen
        if seen is None or seen.entry is None or not seen.started or seen.paused or self.node is None:
            return None
        return seen.position_at(time.monotonic()) if self.node.health is Health.UP else None

    # The task

    async def run(self) -> None:
        """Look after the room until cancelled."""
        while True:
            self._wake.clear()
            self._next_look = time.monotonic() + LOOK_AGAIN
            try:
                await self._look()
            except (NoSuchRoomError, StoreUnavailableError) as error:
                log.warning("room not readable", room=self.ref.room, error=type(error).__name__)
                self._look_in(5.0)
            except Exception:
                log.exception("player failed", room=self.ref.room)
                self._look_in(5.0)
            self._settled.set()
            await self._sleep()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._next_look - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _look_in(self, seconds: float) -> None:
        self._next_look = min(self._next_look, time.monotonic() + seconds)

    async def _look(self) -> None:
        while self._inbox:
            await self._receive(self._inbox.popleft())
        await self._watch()
        await self._mind_voice()
        room = await self._parts.rooms.read(self.ref.room)
        await self._mind_time(room)
        self.idle = self._is_idle(room)
        if self.idle:
            self.status = "idle"
            await self._let_go()
        elif await self._has_node(room):
            await self._match(room)

    def _is_idle(self, room: Room) -> bool:
        return room.current is None and room.voice_channel is None and not self._taps and self._join_until is None

    async def _let_go(self) -> None:
        if self.voice is not None:
            await self.voice.leave()
        node, self.node = self.node, None
        if node is not None:
            self._seen = Seen()
            await node.drop(self.id)

    async def _mind_time(self, room: Room) -> None:
        """What time alone brings about."""
        now = self._parts.clock.now()
        self._look_in(await self._listeners.mind(room))
        if room.polls:
            self._look_in(1.0)
        if voting.due(room, now) or people.lapsing(room, now) or (room.paused is None and playing.sleeping(room)):
            await self._parts.reports.tick(self.ref.room)

    # The node

    async def _has_node(self, room: Room) -> bool:
        """Whether there is a node on which the player may be changed now."""
        if self.node is not None and self.node.health is Health.LOST:
            return False  # it comes back, or goes down; either wakes us
        wanted = self._choose(room)
        if wanted is None:
            await self._wait_for_node(room)
            return False
        self._dark_since = None
        if not self._placed and self._was_dead(room):
            self._note_position(room)
            await self._interrupt(room)
            return False
        if wanted is not self.node:
            self._move_to(wanted)
        return self._seen is not None or await self._ask(wanted)

    def _was_dead(self, room: Room) -> bool:
        """Whether the room was heard last so long ago that going on by itself would startle."""
        dead_for = self._parts.clock.now() - room.checkpoint.at if room.checkpoint else 0
        return room.current is not None and room.clock.running_since is not None and dead_for > DEAD

    def _choose(self, room: Room) -> Node | None:
        chorus = room.voice_channel is None or bool(self._taps)
        mine = self.node
        if mine is not None and mine.health is Health.UP and not mine.draining and (mine.chorus or not chorus):
            return mine
        if mine is None and self._returning(room):
            self._look_in(RETRY)
            return None
        best = self._parts.nodes.best(chorus=chorus)
        if best is None or (room.voice_channel is None and not best.chorus):
            return mine if mine is not None and mine.health is Health.UP else None
        return best

    def _returning(self, room: Room) -> bool:
        """Whether the node that played the room before our start is still expected."""
        if self._placed or time.monotonic() - self._parts.born > RETURNING or room.current is None:
            return False
        node = self._parts.nodes.get(room.current.node or "")
        return node is not None and node.health is not Health.UP

    async def _wait_for_node(self, room: Room) -> None:
        self.status = "waiting"
        self._note_position(room)
        if room.current is None or room.paused is not None:
            return
        self._dark_since = self._dark_since or time.monotonic()
        if (time.monotonic() - self._dark_since) * 1000 > DEAD:
            await self._interrupt(room)

    async def _interrupt(self, room: Room) -> None:
        if room.current is not None and self._held is not None:
            await self._parts.reports.position(room.id, room.current.entry.id, self._held[1])
        await self._parts.reports.interrupted(room.id)

    def _move_to(self, node: Node) -> None:
        """Take up another node; what was on the former one is told to the new one by the PATCH that follows."""
        former = self.node
        self._leave()
        self.node, self._placed = node, True
        if former is not None:
            log.info("room moves", room=self.ref.room, former=former.name, node=node.name)
            drop = asyncio.create_task(self._drop_later(former))
            self._drops.add(drop)
            drop.add_done_callback(self._drops.discard)

    def _leave(self) -> None:
        """The present player counts no more; remember where it is."""
        if self._seen is not None and self._seen.entry:
            self._held = (self._seen.entry, self._seen.position_at(time.monotonic()))
        self._seen = Seen()
        self._start_by = self._join_until = None
        self._restarts = (None, 0)
        self._settled.clear()

    async def _drop_later(self, former: Node) -> None:
        """The former player goes once the new one has begun."""
        await self._settled.wait()
        await former.drop(self.id)

    async def _ask(self, node: Node) -> bool:
        """Find out how the player is, after an answer that never came."""
        try:
            player = await node.player(self.id)
        except NODE_ERRORS:
            self._look_in(RETRY)
            return False
        await self._adopt(player)
        return True

    async def _adopt(self, player: dict[str, Any] | None) -> None:
        """The node's player is the truth about what plays; the room's clock follows it."""
        seen = Seen.read(self.ref.room, player) if player else Seen()
        seen.started = seen.entry is not None
        self._seen = seen
        self._join_until = None
        if seen.voice is not None and self.voice is not None and seen.connected:
            self.voice.adopt(seen.voice)
        if seen.entry and self.node is not None:
            await self._correct(await self._parts.rooms.read(self.ref.room), seen.entry, self.node)

    async def _correct(self, room: Room, entry: EntryId, node: Node) -> None:
        if room.current is None or room.current.entry.id != entry or self._seen is None:
            return
        position = self._seen.position_at(time.monotonic())
        if room.current.started_at is None or room.current.node != node.name:
            await self._parts.reports.track_started(room.id, entry, node=node.name, position=position)
        await self._parts.reports.position(room.id, entry, position)
        self._clock = replace((await self._parts.rooms.read(room.id)).clock)

    # The match

    async def _match(self, room: Room) -> None:
        node, seen = self.node, self._seen
        if node is None or seen is None or self._join_until is not None:
            return
        if not await self._follow_voice(room, node):
            return
        target = self._target(room, node)
        position, seek = self._position(room, seen)
        body = self._patcher.difference(seen, target, position=position, seek=seek)
        if "track" in body and body["track"].get("identifier") and await self._hopeless(room, target):
            return
        if not body or await self._send(node, room, body):
            self._note_status(room)
            await self._look_ahead(room)

    async def _follow_voice(self, room: Room, node: Node) -> bool:
        """Whether the PATCH may go out: nothing starts while the voice data of the channel are on their way."""
        if self.voice is None:
            return True
        try:
            await self.voice.follow(room.voice_channel, node)
        except VoiceRefusedError as error:
            await self._parts.reports.voice_lost(room.id, error.reason)
            return False
        if self.voice.connecting and self._seen is not None and self._seen.entry is None:
            self.status = "connecting"
            return False
        return True

    def _target(self, room: Room, node: Node) -> Target:
        voice = self.voice.data if self.voice is not None else None
        if time.monotonic() < self._voice_muted_until:
            voice = None
        target = Target.of(room, taps=frozenset(self._taps), voice=voice, chorus=node.chorus)
        if target.following is not None and target.following.id == self._bad_next:
            target = replace(target, following=None)
        return target

    def _position(self, room: Room, seen: Seen) -> tuple[int, bool]:
        """Where the track is to be, and whether it has to be sent there: somebody moved the room's clock."""
        current = room.current
        if current is None:
            self._clock = replace(room.clock)
            return 0, False
        here = self._note_position(room)
        if seen.entry != current.entry.id:
            return here, False
        moved = room.clock != self._clock
        self._clock = replace(room.clock)
        wanted = room.clock.at(self._parts.clock.now())
        seek = moved and abs(wanted - seen.position_at(time.monotonic())) > SEEK
        return (wanted if seek else here), seek

    def _note_position(self, room: Room) -> int:
        """Where the current entry has to start if it has to: where it was heard last, or where somebody moved it."""
        current = room.current
        if current is None:
            return 0
        entry = current.entry.id
        if self._held is not None and self._held[0] == entry and room.clock == self._clock:
            return self._held[1]
        position = room.clock.offset if self._clock is None else room.clock.at(self._parts.clock.now())
        if self._clock is None and room.checkpoint is not None and room.clock.running_since is not None:
            fresh = room.checkpoint.at >= room.clock.running_since
            position = room.checkpoint.position if fresh else position
        if self._seen is None or self._seen.entry != entry:
            self._held = (entry, position)
            self._clock = replace(room.clock)
        return position

    async def _hopeless(self, room: Room, target: Target) -> bool:
        """A track that a node keeps dropping for no reason is given up."""
        entry = target.entry.id if target.entry else None
        count = self._restarts[1] + 1 if self._restarts[0] == entry else 0
        self._restarts = (entry, count)
        if entry is None or count <= RESTARTS:
            return False
        await self._parts.reports.track_failed(room.id, entry, "stuck")
        return True

    async def _send(self, node: Node, room: Room, body: dict[str, Any]) -> bool:
        moves = "track" in body and room.current is not None and room.current.started_at is not None
        try:
            if moves:
                async with self._parts.moves:
                    answer = await node.patch(self.id, body)
            else:
                answer = await node.patch(self.id, body)
        except NodeRequestError as error:
            await self._refused(room, body, error)
            return False
        except NODE_ERRORS as error:
            log.warning("node did not answer", room=self.ref.room, node=node.name, error=type(error).__name__)
            self._seen = None
            self._look_in(RETRY)
            return False
        self._note_answer(Seen.read(self.ref.room, answer), body)
        return True

    def _note_answer(self, seen: Seen, body: dict[str, Any]) -> None:
        before = self._seen or Seen()
        fresh = "track" in body
        seen.started = before.started and not fresh
        if fresh and seen.entry is not None:
            seen.position = body.get("position", 0)
            self._start_by = time.monotonic() + START_LIMIT
            self._look_in(START_LIMIT)
        elif fresh or body.get("paused"):
            self._start_by = None
        elif "paused" in body:
            self._start_by = time.monotonic() + START_LIMIT
        self._seen = seen

    async def _refused(self, room: Room, body: dict[str, Any], error: NodeRequestError) -> None:
        log.info("node refused", room=self.ref.room, status=error.status, keys=sorted(body))
        current = room.current
        if error.status in {404, 409}:  # a session not resumed yet; a join that has begun
            self._seen = None
            self._look_in(RETRY)
        elif "voice" in body and "voice" in error.message.lower() and self.voice is not None:
            self._voice_muted_until = time.monotonic() + RETRY
            self.voice.closed(1006)
            self._look_in(RETRY)
        elif "track" in body and current is not None:
            await self._parts.reports.track_failed(room.id, current.entry.id, failure(error.message))
        elif "next" in body.get("chorus", {}):
            self._bad_next = room.locked
            self.wake()
        else:
            self._look_in(5.0)

    def _note_status(self, room: Room) -> None:
        voice = self.voice
        if voice is not None and room.voice_channel is not None and (voice.trouble or voice.muted):
            self.status = voice.trouble or "muted"
        else:
            self.status = "playing" if room.current is not None and room.paused is None else "idle"

    # What follows

    async def _look_ahead(self, room: Room) -> None:
        """Settle the next entry when the current one is about to end; wake in time for it."""
        seen, current = self._seen, room.current
        if seen is None or current is None or not seen.started or seen.paused or seen.entry != current.entry.id:
            return
        position = seen.position_at(time.monotonic())
        if room.clock == self._clock and abs(room.clock.at(self._parts.clock.now()) - position) > DRIFT:
            await self._parts.reports.position(room.id, current.entry.id, position)
        if current.entry.track.length is None or room.locked is not None:
            return
        left = current.entry.track.length - position - LOCK_LEAD
        if left > 0:
            self._look_in(left / 1000)
        else:
            await self._parts.reports.lock_next(room.id)

    # Voice

    async def _mind_voice(self) -> None:
        """Tell the room what Discord did with us."""
        voice = self.voice
        if voice is None:
            return
        if voice.lost:
            reason, voice.lost = voice.lost, ""
            await self._parts.reports.voice_lost(self.ref.room, reason)
        if voice.moved is not None:
            channel, voice.moved = voice.moved, None
            await self._parts.reports.voice_moved(self.ref.room, channel)

    # What nodes report

    async def _receive(self, report: Report) -> None:
        if report.kind == "adopt" and (self.node is None or self.node is report.node):
            self.node, self._placed = report.node, True
            await self._adopt(report.data)
        if report.node is not self.node:
            return  # a former node's
        match report.kind:
            case "track_start":
                await self._started(report.node, report.entry)
            case "track_end":
                await self._ended(report.entry, report.data.reason)
            case "track_exception":
                await self._failed(report.entry, failure(report.data.exception.get("message") or ""))
            case "track_stuck":
                await self._failed(report.entry, "stuck")
            case "websocket_closed":
                await self._voice_closed(report.node, report.data.code.value)
            case _:
                pass

    async def _started(self, node: Node, entry: EntryId | None) -> None:
        seen = self._seen
        if seen is None or entry is None:
            return
        now = time.monotonic()
        if entry == seen.entry:
            position = seen.position_at(now)
        else:
            position = 0
            seen.entry = entry
        if entry == seen.following:
            seen.following = None
        seen.hold(position, now)
        seen.started = True
        self._join_until = self._bad_next = self._held = None
        self._start_by = now + START_LIMIT + JOIN_WAIT
        await self._parts.reports.track_started(self.ref.room, entry, node=node.name, position=position)

    async def _ended(self, entry: EntryId | None, reason: str) -> None:
        seen = self._seen
        if seen is None or entry is None:
            return
        following = seen.following if entry == seen.entry else None
        if entry == seen.entry:
            seen.entry, seen.started = None, False
            self._start_by = None
        if reason == "finished" and following is not None:
            self._join_until, self._ending = time.monotonic() + JOIN_WAIT, entry
            self._look_in(JOIN_WAIT)
        elif reason == "finished":
            await self._parts.reports.track_ended(self.ref.room, entry, EndReason.FINISHED)
        elif reason == "loadFailed":
            await self._parts.reports.track_failed(self.ref.room, entry, "corrupt")

    async def _failed(self, entry: EntryId | None, reason: str) -> None:
        seen = self._seen
        if seen is None or entry is None:
            return
        if entry == seen.following:
            seen.following, self._bad_next = None, entry
        else:
            await self._parts.reports.track_failed(self.ref.room, entry, reason)

    async def _voice_closed(self, node: Node, code: int) -> None:
        """The voice server hung up on the node: unless that was a former connection, the channel is entered anew."""
        voice, seen = self.voice, self._seen
        if voice is None or seen is None or voice.data != seen.voice:
            return  # newer data are on their way to the node
        try:
            player = await node.player(self.id)
        except NODE_ERRORS:
            player = None
        if player is None or not player["state"]["connected"]:
            seen.voice = None
            voice.closed(code)

    # Watchdogs

    async def _watch(self) -> None:
        now = time.monotonic()
        if self._join_until is not None:
            await self._watch_join(now)
        seen = self._seen
        if self._start_by is None or seen is None or seen.paused or seen.entry is None or not self._can_run(seen):
            return
        if now < self._start_by:
            self._look_in(self._start_by - now)
        else:
            self._start_by = None
            log.warning("track does not start", room=self.ref.room, entry=seen.entry)
            await self._parts.reports.track_failed(self.ref.room, seen.entry, "timeout")

    def _can_run(self, seen: Seen) -> bool:
        """Whether a track's clock runs on this node: without voice only the extension lets it."""
        return seen.connected or (self.node is not None and self.node.chorus)

    async def _watch_join(self, now: float) -> None:
        if self._join_until is None or self._ending is None:
            return
        if now < self._join_until:
            self._look_in(self._join_until - now)
            return
        self._join_until = None
        self._seen = None  # it may have begun after all: ask
        await self._parts.reports.track_ended(self.ref.room, self._ending, EndReason.FINISHED)


FAILURES = {
    "no matches": "not_found",
    "404": "not_found",
    "too long": "timeout",
    "does not answer": "unreachable",
    "status": "unreachable",
    "no sound": "not_audio",
    "not a sound": "not_audio",
    "empty": "corrupt",
}


def failure(message: str) -> str:
    """A code for what a node says of a track that it cannot play (see UnplayableError)."""
    lower = message.lower()
    return next((code for words, code in FAILURES.items() if words in lower), "corrupt")
