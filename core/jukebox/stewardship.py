"""What admins decide."""

from typing import Any

from core import policy, settings
from core.jukebox.base import Base
from core.policy import Action
from core.room import Room
from core.types import (
    Actor,
    CommandId,
    RoomId,
    Settings,
)


class Stewardship(Base):
    """Settings."""

    async def configure(
        self, room: RoomId, actor: Actor, changes: dict[str, Any], *, command_id: CommandId | None = None
    ) -> Settings:
        """Change the place's settings; admins only, written to the audit."""

        def command(state: Room, now: int) -> Settings:
            policy.require(state, actor, Action.CONFIGURE, now)
            return settings.configure(state, actor, settings.checked(changes, state.limits), now)

        return await self._apply(room, command, command_id)
