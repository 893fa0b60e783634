"""What leaves the queue or changes its order."""

from core import people, policy, queue
from core.jukebox.base import Base
from core.policy import Action
from core.records.results import Removed
from core.room import Room
from core.types import (
    Actor,
    CommandId,
    EntryId,
    RoomId,
)


class Editing(Base):
    """Changing what waits."""

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
