"""Where rooms are pushed to: servers elsewhere, by RTMP."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.records.rows import Audit
from core.types import RoomId


@dataclass(frozen=True, slots=True)
class Push:
    """A push of a room. `server` is the address without its key, for people; `address` is all of it, for nodes."""

    id: str
    room: RoomId
    server: str
    address: str = field(repr=False)
    picture: bool = False
    """Whether the cover is shown as a still picture."""
    on: bool = True


class Pushes(Protocol):
    """The key of an address is encrypted where it is kept. Everything raises StoreUnavailableError."""

    async def of(self, room: RoomId) -> Sequence[Push]:
        """A room's, oldest first. One whose address cannot be read any more has none (`""`) and is off."""
        ...

    async def on(self) -> Sequence[Push]:
        """Those of all rooms that are on."""
        ...

    async def put(self, push: Push, by: Audit, *, most: int) -> str:
        """Keep a push, and write that down; its id, the same whenever the room gets the same address again.

        `push.id` is not looked at. Raises NotInPlanError if the room has `most` others.
        """
        ...

    async def switch(self, room: RoomId, push: str, by: Audit, *, on: bool) -> bool:
        """Turn it on or off; whether that is news. Raises NoSuchPushError."""
        ...

    async def remove(self, room: RoomId, push: str, by: Audit) -> None:
        """Forget it. Raises NoSuchPushError."""
        ...


class PushStates(Protocol):
    """How pushes are doing."""

    def pushes(self, room: RoomId) -> dict[str, str]:
        """Push id → `live`, `connecting`, `waiting` (for music), `elsewhere` (another process acts for it), `used_up`
        (as much as the plan has), `over_plan` (more servers than the plan has), or why it failed: `refused`,
        `unreachable`, `timeout`, `certificate`, `rejected`, `closed`, `private_address`, ….
        """
        ...
