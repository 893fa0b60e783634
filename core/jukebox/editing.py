"""What leaves the queue or changes its order."""

from collections.abc import Iterable, Sequence

from core import editing, leavers, people, policy, queue, undoing, voting
from core.errors import NoSuchEntryError
from core.events import SettingsChanged
from core.jukebox.base import Base
from core.policy import Action
from core.records.results import Asked, Changed, Moved, Removed, Undone
from core.room import Room
from core.types import Actor, CommandId, Entry, EntryId, PersonId, RoomId


class Editing(Base):
    """Changing what waits. What removes or moves entries can be undone for 30 s."""

    async def remove(
        self, room: RoomId, actor: Actor, entry: EntryId, *, command_id: CommandId | None = None
    ) -> Removed:
        """Take a waiting entry back: one's own, or anybody's as a DJ."""

        def command(state: Room, now: int) -> Removed:
            return _remove(state, actor, [queue.find_waiting(state, entry)], now)

        return await self._apply(room, command, command_id)

    async def remove_many(
        self,
        room: RoomId,
        actor: Actor,
        entries: Sequence[EntryId] = (),
        *,
        person: PersonId | None = None,
        command_id: CommandId | None = None,
    ) -> Removed:
        """Take those of `entries` back that still wait, or all of a person. Raises NoSuchEntryError if none waits."""

        def command(state: Room, now: int) -> Removed:
            if person is None:
                return _remove(state, actor, _still_waiting(state, entries), now)
            theirs = [it for it in state.entries.values() if people.is_same(state, it.person, person)]
            return _remove(state, actor, theirs, now)

        return await self._apply(room, command, command_id)

    async def move(
        self, room: RoomId, actor: Actor, entry: EntryId, rank: int, *, command_id: CommandId | None = None
    ) -> Moved:
        """Put a waiting entry at `rank` (1: next), as a DJ; others only change places among their own.

        Where votes or turns decide, a DJ's move pins it and all before it, 50 at most; the rank of an own entry is
        where that put it. Raises OutOfRangeError.
        """

        def command(state: Room, now: int) -> Moved:
            waiting = queue.find_waiting(state, entry)
            free = _may_move(state, actor, [waiting], now)
            moved = (editing.move if free else editing.move_own)(state, actor, waiting, rank, now)
            people.acted(state, actor, now)
            return moved

        return await self._apply(room, command, command_id)

    async def swap(
        self, room: RoomId, actor: Actor, first: EntryId, second: EntryId, *, command_id: CommandId | None = None
    ) -> Moved:
        """Let two waiting entries exchange their places; the rules are those of `move`. Tells of the first one."""

        def command(state: Room, now: int) -> Moved:
            one, other = queue.find_waiting(state, first), queue.find_waiting(state, second)
            free = _may_move(state, actor, [one, other], now)
            moved = (editing.swap if free else editing.swap_own)(state, actor, one, other, now)
            people.acted(state, actor, now)
            return moved

        return await self._apply(room, command, command_id)

    async def shuffle(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Changed | Asked:
        """Let what waits sit at random; turns stay fair."""

        def command(state: Room, now: int) -> Changed | Asked:
            return voting.decide(state, actor, Action.SHUFFLE, now) or editing.shuffle(state, actor, now)

        return await self._apply(room, command, command_id)

    async def clear(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Removed | Asked:
        """Empty the queue; what is on air goes on."""

        def command(state: Room, now: int) -> Removed | Asked:
            return voting.decide(state, actor, Action.CLEAR, now) or editing.clear(state, actor, now)

        return await self._apply(room, command, command_id)

    async def undo(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Undone:
        """Take back what was removed, cleared, moved or shuffled within 30 s: one's own doing, or anybody's as a DJ."""

        def command(state: Room, now: int) -> Undone:
            policy.require_place(state, actor)
            if not people.is_same(state, undoing.last(state, now).person, actor.person):
                policy.require(state, actor, Action.UNDO, now)
            people.acted(state, actor, now)
            undone = undoing.undo(state, now)
            leavers.settle(state, now)
            return undone

        return await self._apply(room, command, command_id)

    async def close(
        self,
        room: RoomId,
        actor: Actor,
        closed: bool,  # noqa: FBT001 -- what the command is about
        *,
        command_id: CommandId | None = None,
    ) -> Changed:
        """Close the queue to all but DJs, or open it."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.CLOSE, now)
            people.acted(state, actor, now)
            changed = state.closed is not closed
            if changed:
                state.closed = closed
                state.changes.header = True
                state.changes.events.append(SettingsChanged(room=state.id))
            return Changed(changed)

        return await self._apply(room, command, command_id)


def _still_waiting(room: Room, entries: Sequence[EntryId]) -> list[Entry]:
    waiting = [room.entries[it] for it in dict.fromkeys(entries) if it in room.entries]
    if not waiting:
        raise NoSuchEntryError(entries[0] if entries else EntryId(0))
    return waiting


def _remove(room: Room, actor: Actor, entries: Sequence[Entry], now: int) -> Removed:
    if not entries:
        return Removed(0)
    for entry in _one_of_each(entries):
        policy.require(room, actor, Action.REMOVE, now, entry)
    people.acted(room, actor, now)
    return editing.remove(room, actor, entries, now)


def _one_of_each(entries: Iterable[Entry]) -> Iterable[Entry]:
    """One entry of each requester: the policy asks for no more."""
    return {entry.person: entry for entry in entries}.values()


def _may_move(room: Room, actor: Actor, entries: Sequence[Entry], now: int) -> bool:
    """Whether `actor` orders freely, or else only among their own. Raises what the policy raises."""
    if policy.allows(room, actor, Action.MOVE, now):
        return True
    for entry in entries:
        policy.require(room, actor, Action.MOVE, now, entry)
    return False
