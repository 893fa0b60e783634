"""What joins the queue, and the votes for it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from core import lists, output, people, policy, queue, rewinding
from core.enums import Meter, Surface
from core.errors import NoHistoryError, NotListeningError
from core.jukebox.base import Base
from core.limits import caps
from core.ordering import order_of
from core.policy import Action
from core.ports.tracks import Attachment, Found
from core.records.results import Exported, Imported, Queued, Voted
from core.room import Room
from core.types import Actor, CommandId, EntryId, RoomId, Track, TrackRef


class Queueing(Base):
    """Adding and voting."""

    async def play(
        self,
        room: RoomId,
        actor: Actor,
        query: str | Attachment,
        *,
        next: bool = False,  # noqa: A002 -- the word for it
        at: int | None = None,
        command_id: CommandId | None = None,
    ) -> Queued:
        """Find what somebody typed or sent and queue it; the room comes to their voice channel if it is in none.

        Raises what `add` raises; UsedUpError for a file, too.
        """
        state, now = await self._rooms.read(room), self._clock.now()
        queue.check_time(at, now)
        _check_play(state, actor, now, following=next)
        self._quotas.require(state, Meter.PLAYS)
        found = await self._find(state, query)
        begins = await self._shelf.left(room, [it.ref for it in found.tracks]) if found.resumes else queue.NOWHERE
        return await self._queue(room, actor, found.tracks, next, at, command_id, begins)

    async def _find(self, state: Room, query: str | Attachment) -> Found:
        if isinstance(query, str):
            return await self._resolver.resolve(query, limit=caps(state).person)
        self._quotas.require(state, Meter.UPLOADS, query.size)
        found = await self._resolver.resolve(query, limit=caps(state).person)
        await self._quotas.spend(state, Meter.UPLOADS, query.size, found.tracks[0].ref)
        return found

    async def add(
        self,
        room: RoomId,
        actor: Actor,
        tracks: Sequence[Track],
        *,
        next: bool = False,  # noqa: A002 -- the word for it
        at: int | None = None,
        command_id: CommandId | None = None,
    ) -> Queued:
        """Queue tracks that are known already: `next` after what is on air, or `at` a time (UTC ms) in 7 days or less.

        Raises what the policy, `queue.check_open`, `queue.check_time` and `queue.wish` raise, and UsedUpError.
        """
        queue.check_time(at, self._clock.now())
        return await self._queue(room, actor, tracks, next, at, command_id)

    async def _queue(
        self,
        room: RoomId,
        actor: Actor,
        tracks: Sequence[Track],
        following: bool,  # noqa: FBT001 -- as `add` was told
        at: int | None,
        command_id: CommandId | None,
        begins: Mapping[TrackRef, int] = queue.NOWHERE,
    ) -> Queued:
        def command(state: Room, now: int) -> Queued:
            _check_play(state, actor, now, following=following)
            self._quotas.require(state, Meter.PLAYS)
            return _add(state, actor, tracks, now, following=following, at=at, begins=begins)

        return await self._apply(room, command, command_id)

    async def again(
        self, room: RoomId, actor: Actor, entry: EntryId | None = None, *, command_id: CommandId | None = None
    ) -> Queued:
        """Queue what was played as `entry`, or what was played last. Raises NoHistoryError."""
        state = await self._rooms.read(room)
        _check_play(state, actor, self._clock.now())
        play = rewinding.latest(state) if entry is None else await self._shelf.play(room, entry)
        if play is None:
            raise NoHistoryError
        return await self.add(room, actor, [rewinding.track_of(play)], command_id=command_id)

    async def import_tracks(
        self, room: RoomId, actor: Actor, filename: str, content: bytes, *, command_id: CommandId | None = None
    ) -> Imported:
        """Queue what a list (m3u8, or JSON as exported) names. No file is read for it; links are guarded as always.

        Raises TooManyLinesError, NotAListError, and what `add` raises.
        """
        state, now = await self._rooms.read(room), self._clock.now()
        policy.require(state, actor, Action.IMPORT, now)
        _check_play(state, actor, now)
        lines = await asyncio.to_thread(lists.parse, filename, content)
        limit = caps(state).person
        found = await self._resolver.look_up(lines[:limit])
        unknown = [line.text for line, track in zip(lines, found, strict=False) if track is None]
        known = [track for track in found if track is not None]

        def command(state: Room, now: int) -> Imported:
            policy.require(state, actor, Action.IMPORT, now)
            _check_play(state, actor, now)
            self._quotas.require(state, Meter.PLAYS)
            queued = len(_add(state, actor, known, now).entries) if known else 0
            return Imported(queued, len(lines) - len(unknown) - queued, len(unknown), tuple(unknown[: lists.SHOWN]))

        return await self._apply(room, command, command_id)

    async def export(self, room: RoomId, actor: Actor, kind: Literal["m3u8", "json"]) -> Exported:
        """The queue as a list, what is on air first; without addresses that are nobody else's business."""
        state, now = await self._rooms.read(room), self._clock.now()
        policy.require(state, actor, Action.EXPORT, now)
        on_air = [state.current.entry] if state.current and not state.current.fallback else []
        waiting = [state.entries[it] for it in order_of(state, now).entries()]
        tracks = [it.track for it in (*on_air, *waiting)]
        return await asyncio.to_thread(lists.export, state.name, tracks, kind)

    async def vote(
        self, room: RoomId, actor: Actor, entry: EntryId, value: int, *, command_id: CommandId | None = None
    ) -> Voted:
        """Vote +1 or −1 for an entry that waits or is on air, or withdraw with 0."""

        def command(state: Room, now: int) -> Voted:
            subject = queue.find(state, entry)
            policy.require(state, actor, Action.VOTE, now)
            queue.check_vote(state, subject, actor, value)
            people.acted(state, actor, now)
            return queue.vote(state, subject, actor.person, value, now)

        return await self._apply(room, command, command_id)


def _check_play(room: Room, actor: Actor, now: int, *, following: bool = False) -> None:
    policy.require(room, actor, Action.PLAY, now)
    if following:
        policy.require(room, actor, Action.PLAY_NEXT, now)
    queue.check_open(room, actor, now)
    if actor.surface is Surface.DISCORD and room.voice_channel is None and actor.voice_channel is None:
        raise NotListeningError


def _add(
    room: Room,
    actor: Actor,
    tracks: Sequence[Track],
    now: int,
    *,
    following: bool = False,
    at: int | None = None,
    begins: Mapping[TrackRef, int] = queue.NOWHERE,
) -> Queued:
    wanted = queue.wish(room, actor.person, tracks, now)
    if _follows(room, actor):
        output.enter(room, actor.voice_channel or 0, now)
    people.acted(room, actor, now)
    return queue.add(room, actor, wanted, now, following=following, at=at, begins=begins)


def _follows(room: Room, actor: Actor) -> bool:
    """Whether the room comes to the actor's channel: it is in none, or nobody hears it where it is."""
    if actor.voice_channel is None or room.voice_channel == actor.voice_channel:
        return False
    return room.voice_channel is None or not people.in_voice(room)
