"""Places that share a room: two rooms become one, or one becomes two, in a single transaction."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core import linking
from core.errors import AlreadyLinkedError, NoSuchRoomError, NotLinkedError
from core.events import Event
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.records.rows import Audit
from core.types import Actor, PlaceId, RoomId
from db.engine import Database
from db.groups import Groups
from db.mapping import Stored, load
from db.models import audit, links, rooms
from db.people import LINKING
from db.statements import hold
from db.writer import Writer


class SqlLinks:
    """`core.ports.links.Links` on a database. Everything raises StoreUnavailableError.

    Commands on either room wait for its row or find a version that they do not know, and look again.
    """

    def __init__(self, database: Database, bus: Bus, clock: Clock, groups: Groups) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._groups = groups

    async def link(self, actor: Actor, place: PlaceId, room: RoomId) -> None:
        """Two rooms become one."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await hold(connection, LINKING, self._database.dialect)
            if await _shared(connection, place) is not None:
                raise AlreadyLinkedError(place)
            own = await _own(connection, place)
            if own is None:
                raise NoSuchRoomError
            guest, host = await self._load(connection, own, room)
            linking.check(place, host.room.place)
            linking.join(guest.room, host.room, now)
            await connection.execute(insert(links), {"place": place, "room": room, "at": now})
            events = await self._write(connection, guest, host)
            await connection.execute(insert(audit), _row(actor, place, "place.linked", {"room": room}, now))
        self._tell(events)

    async def unlink(self, actor: Actor, place: PlaceId) -> RoomId:
        """One room becomes two."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await hold(connection, LINKING, self._database.dialect)
            shared, room = await _shared(connection, place), await _own(connection, place)
            if shared is None or room is None:
                raise NotLinkedError
            host, own = await self._load(connection, shared, room)
            linking.part(host.room, own.room, place, now)
            await connection.execute(delete(links).where(links.c.place == place))
            events = await self._write(connection, host, own)
            await connection.execute(insert(audit), _row(actor, place, "place.unlinked", {"room": shared}, now))
        self._tell(events)
        return room

    async def _load(self, connection: AsyncConnection, first: RoomId, second: RoomId) -> tuple[Stored, Stored]:
        """Both rooms, locked in the order in which everybody locks them. Raises NoSuchRoomError."""
        both = select(rooms.c.id).where(rooms.c.id.in_([first, second])).order_by(rooms.c.id)
        await connection.execute(both.with_for_update())
        loaded = await load(connection, first), await load(connection, second)
        if loaded[0] is None or loaded[1] is None:
            raise NoSuchRoomError
        for stored in (loaded[0], loaded[1]):
            await self._groups.look_up(connection, stored.room, self._database.dialect)
            stored.room.same = self._groups.same
        return loaded[0], loaded[1]

    async def _write(self, connection: AsyncConnection, *changed: Stored) -> Sequence[Event]:
        """Write what changed in some rooms, under new versions; what happened."""
        writer, events = Writer(self._database.dialect), list[Event]()
        for stored in changed:
            room = stored.room
            changes = room.take_changes()
            room.version += 1
            writer.note(stored, changes)
            events += [replace(event, version=room.version) for event in (*changes.events, Event(room=room.id))]
        await writer.write(connection)
        return events

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self._bus.publish(event)


def _row(actor: Actor, place: PlaceId, action: str, what: dict[str, str], now: int) -> dict[str, object]:
    return asdict(Audit(now, actor.person, actor.surface, place, action, {}, what))


async def _shared(connection: AsyncConnection, place: PlaceId) -> RoomId | None:
    """The room of another place that this one shares."""
    room = await connection.scalar(select(links.c.room).where(links.c.place == place))
    return RoomId(room) if room else None


async def _own(connection: AsyncConnection, place: PlaceId) -> RoomId | None:
    room = await connection.scalar(select(rooms.c.id).where(rooms.c.place == place))
    return RoomId(room) if room else None
