"""What is remembered about chats."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from core.ports.chats import Chat
from core.types import PersonId, PlaceId
from db.chat_merge import merge
from db.engine import Database
from db.entitlements import hold_grants, move_grants
from db.models import audit, chats, entries, links, outbox, places, plays, presences, rooms, visits
from db.purchases import move_purchases
from db.statements import insert_or_update
from db.usage import move_usage


class SqlChats:
    """`core.ports.chats.Chats` on a database. Everything raises StoreUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Chat]:
        """Every chat that anything is remembered of."""
        columns = select(chats.c.place, chats.c.message, chats.c.topic, chats.c.language)
        async with self._database.read() as connection:
            rows = await connection.execute(columns.order_by(chats.c.place))
            return [Chat(PlaceId(row.place), row.message, row.topic, row.language) for row in rows]

    async def put(self, chat: Chat) -> None:
        """Remember all of it."""
        row = {"place": chat.place, "message": chat.message, "topic": chat.topic, "language": chat.language}
        async with self._database.write() as connection:
            await connection.execute(insert_or_update(chats, self._database.dialect), row)

    async def move(self, old: PlaceId, new: PlaceId) -> None:
        """A chat has another id (see the port). One that is known by both has one room afterwards."""
        async with self._database.write() as connection:
            await hold_grants(connection, self._database.dialect)
            await move_grants(connection, old, new, self._database.dialect)
            await move_purchases(connection, old, new)
            await connection.execute(update(outbox).where(outbox.c.place == old).values(place=new))
            await move_usage(connection, old, new, self._database.dialect)
            query = select(places).where(places.c.id.in_([old, new]))
            known = {row["id"]: dict(row) for row in (await connection.execute(query)).mappings()}
            if new in known:
                await merge(connection, old, new, self._database.dialect)
                return
            if old not in known:
                return
            await connection.execute(insert(places), {**known[old], "id": new})
            for table in (rooms, entries, presences, plays, links, visits, audit):
                await connection.execute(update(table).where(table.c.place == old).values(place=new))
            await connection.execute(update(rooms).where(rooms.c.place == new).values(version=rooms.c.version + 1))
            await connection.execute(update(chats).where(chats.c.place == old).values(place=new, message=None))
            await connection.execute(delete(places).where(places.c.id == old))

    async def visited(self, person: PersonId) -> PlaceId | None:
        """The chat where somebody acted last."""
        async with self._database.read() as connection:
            place = await connection.scalar(select(visits.c.place).where(visits.c.person == person))
        return PlaceId(place) if place else None

    async def visit(self, person: PersonId, place: PlaceId) -> None:
        """Somebody acted in a chat."""
        async with self._database.write() as connection:
            row = {"person": person, "place": place}
            await connection.execute(insert_or_update(visits, self._database.dialect), row)
