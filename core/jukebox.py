"""What people do. Every surface calls these methods, so a rule exists once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from core import output, people, playing, policy, queue, settings, transport, voting
from core import view as views
from core.errors import (
    NoSuchEntryError,
    NothingPlayingError,
    NotListeningError,
    NotSeekableError,
    OutOfRangeError,
)
from core.limits import VOLUME, caps
from core.policy import Action
from core.ports.clock import Clock
from core.ports.rooms import Rooms
from core.ports.tracks import Attachment, Resolver
from core.records.results import Changed, Queued, Removed, Skipped, Voted
from core.records.views import RoomView, Why
from core.room import Room
from core.types import (
    Actor,
    CommandId,
    EndReason,
    EntryId,
    PauseReason,
    PersonId,
    Playing,
    RoomId,
    Settings,
    Surface,
    Track,
)

T = TypeVar("T")


class Jukebox:
    """Commands of people. Each raises a ChorusError when it is refused, and then changes nothing."""

    def __init__(self, rooms: Rooms, clock: Clock, resolver: Resolver) -> None:
        self._rooms = rooms
        self._clock = clock
        self._resolver = resolver

    async def play(
        self, room: RoomId, actor: Actor, query: str | Attachment, *, command_id: CommandId | None = None
    ) -> Queued:
        """Find what somebody typed or sent and queue it; the room comes to their voice channel if it is in none."""
        state = await self._rooms.read(room)
        _check_play(state, actor, self._clock.now())
        found = await self._resolver.resolve(query, limit=caps(state).person)
        return await self.add(room, actor, found.tracks, command_id=command_id)

    async def add(
        self, room: RoomId, actor: Actor, tracks: Sequence[Track], *, command_id: CommandId | None = None
    ) -> Queued:
        """Queue tracks that are known already."""

        def command(state: Room, now: int) -> Queued:
            _check_play(state, actor, now)
            wanted = queue.wish(state, actor.person, tracks, now)
            if _follows(state, actor):
                output.enter(state, actor.voice_channel or 0, now)
            people.acted(state, actor, now)
            return queue.add(state, actor, wanted, now)

        return await self._apply(room, command, command_id)

    async def remove(
        self, room: RoomId, actor: Actor, entry: EntryId, *, command_id: CommandId | None = None
    ) -> Removed:
        """Take a waiting entry back: one's own, or anybody's as a DJ."""

        def command(state: Room, now: int) -> Removed:
            waiting = queue.find_waiting(state, entry)
            policy.require(state, actor, Action.REMOVE, now, waiting)
            people.acted(state, actor, now)
            return queue.remove(state, waiting, now)

        return await self._apply(room, command, command_id)

    async def clear(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Removed:
        """Empty the queue; what is on air goes on."""

        def command(state: Room, now: int) -> Removed:
            policy.require(state, actor, Action.CLEAR, now)
            people.acted(state, actor, now)
            return queue.clear(state, now)

        return await self._apply(room, command, command_id)

    async def vote(
        self, room: RoomId, actor: Actor, entry: EntryId, value: int, *, command_id: CommandId | None = None
    ) -> Voted:
        """Vote +1 or −1 for an entry that waits or is on air, or withdraw with 0."""

        def command(state: Room, now: int) -> Voted:
            subject = queue.find(state, entry)
            policy.require(state, actor, Action.VOTE, now)
            queue.check_vote(subject, actor, value)
            people.acted(state, actor, now)
            return queue.vote(state, subject, actor.person, value, now)

        return await self._apply(room, command, command_id)

    async def skip(
        self, room: RoomId, actor: Actor, *, entry: EntryId | None = None, command_id: CommandId | None = None
    ) -> Skipped:
        """Skip at once where the policy says so, else vote for it; `entry` is what the person saw playing."""

        def command(state: Room, now: int) -> Skipped:
            current = _current(state).entry
            if entry not in {None, current.id}:
                raise NoSuchEntryError(entry or current.id)
            policy.require(state, actor, Action.SKIP, now, current)
            people.acted(state, actor, now)
            if policy.allows(state, actor, Action.SKIP_NOW, now, current):
                playing.advance(state, EndReason.SKIPPED, now)
                return Skipped(done=True, title=current.track.title)
            poll = voting.ask_skip(state, actor.person, now)
            votes, needed = voting.votes_now(state, poll, now), voting.needed_now(state, now)
            return Skipped(voting.passes(state, now), current.track.title, votes, needed)

        return await self._apply(room, command, command_id)

    async def pause(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed:
        """Stand still."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.PAUSE, now, _current(state).entry)
            people.acted(state, actor, now)
            return Changed(transport.pause(state, PauseReason.PERSON, now))

        return await self._apply(room, command, command_id)

    async def resume(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed:
        """Go on."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.RESUME, now, _current(state).entry)
            people.acted(state, actor, now)
            return Changed(transport.resume(state, now))

        return await self._apply(room, command, command_id)

    async def seek(self, room: RoomId, actor: Actor, position: int, *, command_id: CommandId | None = None) -> Changed:
        """Go to a position in ms."""

        def command(state: Room, now: int) -> Changed:
            track = _current(state).entry.track
            policy.require(state, actor, Action.SEEK, now, _current(state).entry)
            if track.length is None:
                raise NotSeekableError
            if not 0 <= position < track.length:
                raise OutOfRangeError("position", position, 0, track.length)
            people.acted(state, actor, now)
            transport.move_to(state, position, now)
            return Changed(changed=True, value=position)

        return await self._apply(room, command, command_id)

    async def volume(self, room: RoomId, actor: Actor, volume: int, *, command_id: CommandId | None = None) -> Changed:
        """Set the volume in percent."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.VOLUME, now, state.current.entry if state.current else None)
            if not VOLUME[0] <= volume <= VOLUME[1]:
                raise OutOfRangeError("volume", volume, *VOLUME)
            people.acted(state, actor, now)
            return Changed(transport.set_volume(state, volume), volume)

        return await self._apply(room, command, command_id)

    async def stop(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed:
        """Empty the queue, end what is on air, leave the voice channel."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.STOP, now)
            busy = state.current is not None or state.voice_channel is not None or bool(state.entries)
            queue.clear(state, now)
            playing.stop(state, now)
            output.leave(state, now)
            return Changed(busy)

        return await self._apply(room, command, command_id)

    async def join(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed:
        """Come to the person's voice channel."""

        def command(state: Room, now: int) -> Changed:
            if actor.voice_channel is None:
                raise NotListeningError
            policy.require(state, actor, Action.JOIN, now)
            changed = output.enter(state, actor.voice_channel, now)
            people.acted(state, actor, now)
            playing.wake(state, now)
            return Changed(changed, actor.voice_channel)

        return await self._apply(room, command, command_id)

    async def leave(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed:
        """Leave the voice channel; the queue is kept, and the music goes on for streams."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.LEAVE, now)
            return Changed(output.leave(state, now))

        return await self._apply(room, command, command_id)

    async def configure(
        self, room: RoomId, actor: Actor, changes: dict[str, Any], *, command_id: CommandId | None = None
    ) -> Settings:
        """Change the place's settings; admins only, written to the audit."""

        def command(state: Room, now: int) -> Settings:
            policy.require(state, actor, Action.CONFIGURE, now)
            return settings.configure(state, actor, settings.checked(changes, state.limits), now)

        return await self._apply(room, command, command_id)

    async def view(self, room: RoomId, person: PersonId | None, *, page: int = 0, size: int = 10) -> RoomView:
        """The room as a person sees it."""
        return views.view(await self._rooms.read(room), person, self._clock.now(), page=page, size=size)

    async def why(self, room: RoomId, entry: EntryId) -> Why:
        """Why a waiting entry stands where it stands."""
        return views.why(await self._rooms.read(room), entry, self._clock.now())

    async def _apply(self, room: RoomId, command: Callable[[Room, int], T], command_id: CommandId | None) -> T:
        def settled(state: Room) -> T:
            now = self._clock.now()
            result = command(state, now)
            voting.settle(state, now)
            return result

        return await self._rooms.apply(room, settled, command_id=command_id)


def _current(room: Room) -> Playing:
    if room.current is None:
        raise NothingPlayingError
    return room.current


def _check_play(room: Room, actor: Actor, now: int) -> None:
    policy.require(room, actor, Action.PLAY, now)
    if actor.surface is Surface.DISCORD and room.voice_channel is None and actor.voice_channel is None:
        raise NotListeningError


def _follows(room: Room, actor: Actor) -> bool:
    """Whether the room comes to the actor's channel: it is in none, or nobody hears it where it is."""
    if actor.voice_channel is None or room.voice_channel == actor.voice_channel:
        return False
    return room.voice_channel is None or not people.in_voice(room)
