"""The room as the database has it: from memory while its version is still the row's, else loaded."""

from collections.abc import Callable, Sequence

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.events import Event
from core.limits import best
from core.ports.bus import Bus
from core.room import Room
from core.types import Checkpoint, Limits, PlaceId, RoomId, Track
from db.groups import Groups
from db.line import Line
from db.mapping import Stored, load
from db.models import links, places, rooms
from db.statements import among

_VERSIONS = select(
    rooms.c.id,
    rooms.c.version,
    places.c.version.label("settings_version"),
    rooms.c.checkpoint,
    rooms.c.checkpoint_at,
).join(places)

Versions = Row[str, int, int, int | None, int | None]


class Current:
    """Compares what is in memory with the database."""

    def __init__(
        self,
        dialect: str,
        bus: Bus,
        groups: Groups,
        fallback: Callable[[RoomId], tuple[Track, ...]],
        limits: Callable[[PlaceId], Limits],
    ) -> None:
        self._dialect = dialect
        self._bus = bus
        self._groups = groups
        self._fallback = fallback
        self._limits = limits

    async def versions(self, connection: AsyncConnection, lines: Sequence[Line]) -> dict[str, Versions]:
        """The versions of rooms that exist, by room."""
        wanted = among(rooms.c.id, [line.room for line in lines], self._dialect)
        return {row.id: row for row in await connection.execute(_VERSIONS.where(wanted))}

    async def lock(self, connection: AsyncConnection, lines: Sequence[Line]) -> dict[str, Versions]:
        """The same, locked until the transaction ends.

        Of several rooms, those that another process has locked are left out: nobody waits while holding a lock, so
        there are no deadlocks and a busy room holds up no other. A single room is waited for.
        """
        wanted = among(rooms.c.id, [line.room for line in lines], self._dialect)
        locking = _VERSIONS.where(wanted).with_for_update(of=rooms, skip_locked=len(lines) > 1)
        return {row.id: row for row in await connection.execute(locking)}

    @staticmethod
    def is_known(line: Line, versions: Versions) -> bool:
        """Whether the room in memory is at these versions."""
        stored = line.stored
        seen = (stored.room.version, stored.settings) if stored else None
        return seen == (versions.version, versions.settings_version)

    async def stored(self, connection: AsyncConnection, line: Line, versions: Versions) -> Stored:
        """The room at these versions, in a transaction that saw them. What others did to it is published as a hint."""
        stored = line.stored
        if stored is None or not self.is_known(line, versions):
            if stored:
                self._bus.publish(Event(room=line.room, version=versions.version))
            stored = await load(connection, line.room)
            assert stored  # nobody deletes a room
            await self._groups.look_up(connection, stored.room, self._dialect)
            stored.room.same = self._groups.same
            stored.room.linked = await linked_places(connection, line.room)
            line.stored = stored
        self.refresh(stored.room, versions)
        return stored

    def refresh(self, room: Room, versions: Versions) -> None:
        """Set what changes without a new version."""
        mark, at = versions.checkpoint, versions.checkpoint_at
        room.checkpoint = Checkpoint(mark, at) if mark is not None and at is not None else None
        room.fallback = self._fallback(room.id)
        self.limit(room)

    def limit(self, room: Room) -> None:
        """Set what the plans of the room's places allow now."""
        room.limits = best([self._limits(place) for place in (room.place, *room.linked)])


async def linked_places(connection: AsyncConnection, room: RoomId) -> tuple[PlaceId, ...]:
    """The places that share a room beside its own."""
    found = await connection.scalars(select(links.c.place).where(links.c.room == room).order_by(links.c.place))
    return tuple(PlaceId(place) for place in found)
