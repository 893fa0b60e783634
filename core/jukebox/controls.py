"""What moves the player."""

from core import acts, output, people, playing, policy, queue, rewinding, settings, transport, voting
from core.enums import EndReason, Loop, PauseReason
from core.errors import (
    NoSuchEntryError,
    NotListeningError,
    NotSeekableError,
    OutOfRangeError,
)
from core.jukebox.base import Base, current_of
from core.policy import Action
from core.records.results import Asked, Changed, Skipped
from core.room import Room
from core.types import Actor, CommandId, EntryId, RoomId


class Controls(Base):
    """Skip, pause, seek, volume, and where the room is heard.

    `entry` is what the person saw playing; NoSuchEntryError is raised when something else is on air.
    """

    async def skip(
        self, room: RoomId, actor: Actor, *, entry: EntryId | None = None, command_id: CommandId | None = None
    ) -> Skipped:
        """Skip at once where the policy says so, else vote for it."""

        def command(state: Room, now: int) -> Skipped:
            current = current_of(state).entry
            _require_on_air(state, entry)
            asked = voting.decide(state, actor, Action.SKIP, now)
            if asked is not None:
                return Skipped(asked.done, current.track.title, asked.votes, asked.needed)
            playing.advance(state, EndReason.SKIPPED, now)
            return Skipped(done=True, title=current.track.title)

        return await self._apply(room, command, command_id)

    async def jump(self, room: RoomId, actor: Actor, entry: EntryId, *, command_id: CommandId | None = None) -> Skipped:
        """Play a waiting entry now, whatever is on air; `title` is its own."""

        def command(state: Room, now: int) -> Skipped:
            waiting = queue.find_waiting(state, entry)
            policy.require(state, actor, Action.JUMP, now, state.current.entry if state.current else None)
            people.acted(state, actor, now)
            queue.jump(state, waiting, now)
            return Skipped(done=True, title=waiting.track.title)

        return await self._apply(room, command, command_id)

    async def previous(
        self, room: RoomId, actor: Actor, *, entry: EntryId | None = None, command_id: CommandId | None = None
    ) -> Changed | Asked:
        """Play what was on before again; what is on air waits in front. Raises NoHistoryError."""

        def command(state: Room, now: int) -> Changed | Asked:
            _require_on_air(state, entry)
            return voting.decide(state, actor, Action.PREVIOUS, now) or rewinding.previous(state, now)

        return await self._apply(room, command, command_id)

    async def loop(self, room: RoomId, actor: Actor, loop: Loop, *, command_id: CommandId | None = None) -> Changed:
        """Choose what becomes of a track that ended by itself."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.LOOP, now)
            people.acted(state, actor, now)
            return Changed(queue.set_loop(state, loop, now))

        return await self._apply(room, command, command_id)

    async def pause(
        self, room: RoomId, actor: Actor, *, entry: EntryId | None = None, command_id: CommandId | None = None
    ) -> Changed:
        """Stand still."""

        def command(state: Room, now: int) -> Changed:
            _require_on_air(state, entry)
            policy.require(state, actor, Action.PAUSE, now, current_of(state).entry)
            people.acted(state, actor, now)
            return Changed(transport.pause(state, PauseReason.PERSON, now))

        return await self._apply(room, command, command_id)

    async def resume(
        self, room: RoomId, actor: Actor, *, entry: EntryId | None = None, command_id: CommandId | None = None
    ) -> Changed:
        """Go on."""

        def command(state: Room, now: int) -> Changed:
            _require_on_air(state, entry)
            policy.require(state, actor, Action.RESUME, now, current_of(state).entry)
            people.acted(state, actor, now)
            return Changed(transport.resume(state, now))

        return await self._apply(room, command, command_id)

    async def seek(
        self,
        room: RoomId,
        actor: Actor,
        position: int,
        *,
        entry: EntryId | None = None,
        command_id: CommandId | None = None,
    ) -> Changed:
        """Go to a position in ms."""

        def command(state: Room, now: int) -> Changed:
            _require_on_air(state, entry)
            track = current_of(state).entry.track
            policy.require(state, actor, Action.SEEK, now, current_of(state).entry)
            if track.length is None:
                raise NotSeekableError
            if not 0 <= position < track.length:
                raise OutOfRangeError("position", position, 0, track.length)
            people.acted(state, actor, now)
            transport.move_to(state, position, now)
            return Changed(changed=True, value=position)

        return await self._apply(room, command, command_id)

    async def volume(
        self, room: RoomId, actor: Actor, volume: int, *, command_id: CommandId | None = None
    ) -> Changed | Asked:
        """Set the volume in percent."""

        def command(state: Room, now: int) -> Changed | Asked:
            wanted = str(acts.check_volume(volume))
            asked = voting.decide(state, actor, Action.VOLUME, now, argument=wanted)
            return asked or Changed(transport.set_volume(state, volume), volume)

        return await self._apply(room, command, command_id)

    async def set_mode(
        self, room: RoomId, actor: Actor, mode: str, *, command_id: CommandId | None = None
    ) -> Changed | Asked:
        """Choose what orders the queue (a `Mode`)."""

        def command(state: Room, now: int) -> Changed | Asked:
            wanted = settings.checked_mode(mode)
            asked = voting.decide(state, actor, Action.MODE, now, argument=wanted)
            return asked or settings.set_mode(state, actor, wanted, now)

        return await self._apply(room, command, command_id)

    async def stop(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed | Asked:
        """Empty the queue, end what is on air, leave the voice channel."""

        def command(state: Room, now: int) -> Changed | Asked:
            return voting.decide(state, actor, Action.STOP, now) or acts.stop(state, actor, now)

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


def _require_on_air(state: Room, entry: EntryId | None) -> None:
    if entry is not None and (state.current is None or state.current.entry.id != entry):
        raise NoSuchEntryError(entry)
