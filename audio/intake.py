"""What a node reports of a room's player, told to the room."""

import time
from dataclasses import dataclass
from typing import Any

import structlog

from audio.failures import CORRUPT, STUCK, TIMEOUT, failure
from audio.link import Link
from audio.node import NODE_ERRORS, Node
from audio.voice import Voice
from core.enums import EndReason
from core.reports import Reports
from core.types import EntryId, RoomId

CLOSE = 0.1
"""Seconds after a crossfade's middle at which its clock is set right."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NodeReport:
    """An event of the node by Wavelink's name, or its player as found (`adopt`). `entry` as its userData says."""

    node: Node
    kind: str
    entry: EntryId | None
    data: Any


class Intake:
    """Takes reports in order. Those of a node that the room has left do nothing."""

    def __init__(self, room: RoomId, player_id: int, link: Link, reports: Reports, voice: Voice | None) -> None:
        self._room = room
        self._id = player_id
        self._link = link
        self._reports = reports
        self._voice = voice

    async def take(self, report: NodeReport) -> None:
        """Do what follows from a report."""
        if report.kind == "adopt" and self._link.node in {None, report.node}:
            await self._link.adopt(report.node, report.data)
        elif report.node is not self._link.node or self._link.seen is None:
            return
        elif report.kind == "websocket_closed":
            await self._voice_closed(report.node, report.data.code.value)
        elif report.entry is not None:
            await self._about_track(report, report.entry)

    async def _about_track(self, report: NodeReport, entry: EntryId) -> None:
        match report.kind:
            case "track_start":
                await self._started(report.node, entry)
            case "track_end":
                await self._ended(entry, report.data.reason)
            case "track_exception":
                await self._failed(entry, failure(report.data.exception.get("message") or ""))
            case "track_stuck":
                await self._failed(entry, STUCK)
            case _:
                pass

    async def _started(self, node: Node, entry: EntryId) -> None:
        seen = self._link.seen
        assert seen is not None
        now = time.monotonic()
        if entry == seen.following:
            position = seen.join(now)
        else:
            position = seen.position_at(now) if entry == seen.entry else 0
            seen.hold(position, now)
        if position and entry != seen.entry:  # by a crossfade, which may have been shorter than we asked for
            self._link.fix.due_in(CLOSE)
        seen.entry, seen.started = entry, True
        self._link.bookmark.release()
        self._link.watchdog.expect_motion()
        await self._reports.track_started(self._room, entry, node=node.name, position=position)

    async def _ended(self, entry: EntryId, reason: str) -> None:
        seen, watchdog = self._link.seen, self._link.watchdog
        assert seen is not None
        if reason == "cleanup" and entry == seen.entry:
            self._link.vanish()
            return
        following = seen.following if entry == seen.entry else None
        if entry == seen.entry:
            seen.entry, seen.started = None, False
            watchdog.rest()
        if reason == "finished" and following is not None:
            watchdog.expect_join(entry)
        elif reason == "finished":
            await self._reports.track_ended(self._room, entry, EndReason.FINISHED)
        elif reason == "loadFailed":
            await self._fail(entry, CORRUPT)

    async def _failed(self, entry: EntryId, reason: str) -> None:
        seen = self._link.seen
        assert seen is not None
        if entry == seen.following:
            seen.following, self._link.bad_next = None, entry
        else:
            await self._fail(entry, reason)

    async def _fail(self, entry: EntryId, reason: str) -> None:
        """The current entry is over; one that was sent before its time has to wait for it."""
        if not await self._reports.track_failed(self._room, entry, reason):
            self._link.bad_next = entry

    async def _voice_closed(self, node: Node, code: int) -> None:
        """The voice server hung up on the node: unless that was a former connection, the channel is entered anew."""
        voice, seen = self._voice, self._link.seen
        if voice is None or seen is None or voice.data is None or not voice.data.same(seen.voice):
            return  # newer data are on their way to the node
        try:
            player = await node.player(self._id)
        except NODE_ERRORS:
            player = None
        if player is None or not player["state"]["connected"]:
            seen.voice = None
            voice.closed(code)

    async def watch(self) -> float:
        """Report what should have happened by now and did not; seconds until the next such look."""
        return min(await self._watch_join(), await self._watch_start())

    async def _watch_join(self) -> float:
        left, ending = self._link.watchdog.late_join(), self._link.watchdog.ending
        if left is None or ending is None:
            return 3600.0
        if left > 0:
            return left
        self._link.watchdog.reset()
        self._link.seen = None  # it may have begun after all: ask
        await self._reports.track_ended(self._room, ending, EndReason.FINISHED)
        return 0.0

    async def _watch_start(self) -> float:
        left, seen = self._link.watchdog.late_start(), self._link.seen
        if left is None or seen is None or not seen.entry or seen.paused or not self._link.runs:
            return 3600.0
        if left > 0:
            return left
        self._link.watchdog.rest()
        log.warning("track does not start", room=self._room, entry=seen.entry)
        await self._reports.track_failed(self._room, seen.entry, TIMEOUT)
        return 0.0
