"""A chat that is known by both of its ids: two places, of which one stays."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core import linking
from core.types import PlaceId, RoomId
from db.mapping import Stored, load
from db.models import audit, chats, entries, links, places, plays, presences, pushes, rooms, visits
from db.people import LINKING
from db.statements import database_now, hold
from db.writer import Writer


async def merge(connection: AsyncConnection, old: PlaceId, new: PlaceId, dialect: str) -> None:
    """`new` has the room, settings and links of `old`; what waits in its own room joins that queue, as by linking.

    That room stays behind as the old place's, which shares the other one: its page leads there. Again, it does nothing.
    """
    await hold(connection, LINKING, dialect)
    kept, left = await _own(connection, old), await _own(connection, new)
    found = await connection.execute(select(links).where(links.c.place.in_([old, new])))
    shared = {PlaceId(row.place): RoomId(row.room) for row in found}
    if kept is None or left is None or shared.get(old) == shared.get(new, left):
        return
    target = shared.get(new) or shared.get(old) or kept
    await _join(connection, left, target, dialect)
    await _exchange(connection, old, new, kept=kept, left=left)
    if old in shared and new not in shared:
        await connection.execute(update(links).where(links.c.place == old).values(place=new))
    await connection.execute(delete(links).where(links.c.place == old))
    at = await connection.scalar(select(database_now()))
    await connection.execute(insert(links), {"place": old, "room": target, "at": at})
    await _follow(connection, old, new)


async def _own(connection: AsyncConnection, place: PlaceId) -> RoomId | None:
    room = await connection.scalar(select(rooms.c.id).where(rooms.c.place == place))
    return RoomId(room) if room else None


async def _join(connection: AsyncConnection, guest: RoomId, host: RoomId, dialect: str) -> None:
    """What waits in one room joins the other."""
    both = select(rooms.c.id).where(rooms.c.id.in_([guest, host])).order_by(rooms.c.id)
    await connection.execute(both.with_for_update())
    loaded = [stored for room in (guest, host) if (stored := await load(connection, room)) is not None]
    linking.join(loaded[0].room, loaded[1].room, await connection.scalar(select(database_now())) or 0)
    await _write(connection, loaded, dialect)
    await connection.execute(update(plays).where(plays.c.room == guest).values(room=host))
    await connection.execute(update(pushes).where(pushes.c.room == guest).values(room=host))


async def _write(connection: AsyncConnection, changed: Sequence[Stored], dialect: str) -> None:
    writer = Writer(dialect)
    for stored in changed:
        changes = stored.room.take_changes()
        stored.room.version += 1
        writer.note(stored, changes)
    await writer.write(connection)


async def _exchange(connection: AsyncConnection, old: PlaceId, new: PlaceId, *, kept: RoomId, left: RoomId) -> None:
    """The rooms change places; the settings come along."""
    for room, place in ((kept, new), (left, old)):
        values = {"place": place, "version": rooms.c.version + 1}
        await connection.execute(update(rooms).where(rooms.c.id == room).values(values))
    row = (await connection.execute(select(places.c.name, places.c.settings).where(places.c.id == old))).one()
    values = {"name": row.name, "settings": row.settings, "version": places.c.version + 1}
    await connection.execute(update(places).where(places.c.id == new).values(values))


async def _follow(connection: AsyncConnection, old: PlaceId, new: PlaceId) -> None:
    """Everything that names the old place names the new one."""
    there = presences.alias()
    twice = select(there.c.person).where(
        there.c.place == new, there.c.room == presences.c.room, there.c.person == presences.c.person
    )
    await connection.execute(delete(presences).where(presences.c.place == old, twice.exists()))
    for table in (entries, presences, plays, visits, audit):
        await connection.execute(update(table).where(table.c.place == old).values(place=new))
    language = await connection.scalar(select(chats.c.language).where(chats.c.place == old))
    unchosen = (chats.c.place == new) & chats.c.language.is_(None)
    await connection.execute(update(chats).where(unchosen).values(language=language))
    await connection.execute(delete(chats).where(chats.c.place == old))
