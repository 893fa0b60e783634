"""Who and where: places, their rooms, people, and the messages that show a room."""

import secrets
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Row, Select, delete, func, select, update

from core.enums import Guests
from core.ports.clock import Clock
from core.ports.places import RoomRef
from core.types import LOBBY, Identity, PersonId, PlaceId, RoomId, Settings
from db.engine import Database
from db.groups import Groups
from db.mapping import settings_json
from db.models import identities, links, live_messages, places, rooms
from db.people import know, look_up
from db.statements import insert_or_ignore, insert_or_update

_WEB = PlaceId("web:lobby")


class SqlPlaces:
    """`core.ports.places.Places` on a database. Everything raises StoreUnavailableError."""

    def __init__(self, database: Database, clock: Clock, groups: Groups | None = None) -> None:
        self._database = database
        self._clock = clock
        self._groups = groups or Groups()

    async def lobby(self) -> RoomRef:
        """The web room that every installation has."""
        found = await self.room(LOBBY)
        if found is None:
            await self._create(RoomRef(LOBBY, _WEB, "Lobby"), Settings(guests=Guests.ADD))
            found = await self.room(LOBBY)
        assert found
        return found

    async def guild_room(self, bot_account: int, guild: int, name: str) -> RoomRef:
        """The room of a Discord guild, as played by one bot account."""
        wanted = _refs().where(rooms.c.bot_account == bot_account, rooms.c.guild == guild)
        found = await self._first(wanted)
        if found is None:
            place = PlaceId(f"discord:{guild}")
            await self._create(RoomRef(_new_room(), place, name, bot_account, guild), Settings())
            found = await self._first(wanted)  # ours, or that of whoever was faster
        assert found
        return found if found.name == name else await self._rename(found, name)

    async def place_room(self, place: PlaceId, name: str) -> RoomRef:
        """The room that a chat or a web room uses: its own (see the port), or the one that it shares."""
        shared = _refs().join(links, links.c.room == rooms.c.id).where(links.c.place == place)
        wanted = _refs().where(rooms.c.place == place)
        found = await self._first(shared) or await self._first(wanted)
        if found is None:
            await self._create(RoomRef(_new_room(), place, name), Settings(guests=_guests(place)))
            found = await self._first(wanted)  # ours, or that of whoever was faster
        assert found
        renamed = name and found.place == place and found.name != name
        return await self._rename(found, name) if renamed else found

    async def room(self, room: RoomId) -> RoomRef | None:
        """A room by its id."""
        return await self._first(_refs().where(rooms.c.id == room))

    async def entrance(self, room: RoomId) -> RoomRef | None:
        """Where the page of a room leads: to itself, or to the room that its place shares.

        Who comes to a shared room by another web room's page still comes by that place.
        """
        own = rooms.alias()
        ways = own.outerjoin(links, links.c.place == own.c.place)
        wanted = select(*_REF, own.c.place.label("way")).select_from(
            ways.join(rooms, rooms.c.id == func.coalesce(links.c.room, own.c.id))
        )
        async with self._database.read() as connection:
            row = (await connection.execute(wanted.where(own.c.id == room))).first()
        if row is None:
            return None
        place = row.way if row.way.startswith("web:") else row.place
        return RoomRef(RoomId(row.id), PlaceId(place), row.name, row.bot_account, row.guild)

    async def all_rooms(self) -> Sequence[RoomRef]:
        """Every room."""
        async with self._database.read() as connection:
            return [_ref(row) for row in await connection.execute(_refs().order_by(rooms.c.id))]

    async def person(self, identity: Identity) -> PersonId:
        """The person behind an identity; one is made up for an identity never seen before."""
        async with self._database.read() as connection:
            row = await look_up(connection, identity)
        if row is None or row.name != identity.name:
            async with self._database.write() as connection:
                row = await know(connection, identity, self._clock.now(), self._database.dialect)
        person = PersonId(row.person)
        self._groups.learn([person], {person: PersonId(row.leader)} if row.leader else {})
        return person

    async def names(self, people: Collection[PersonId]) -> Mapping[PersonId, str]:
        """What people are called; those without an identity are left out."""
        query = select(identities.c.person, identities.c.name).where(identities.c.person.in_(people))
        async with self._database.read() as connection:
            return {PersonId(row.person): row.name for row in await connection.execute(query)}

    async def _first(self, query: Select[str, str, str, int | None, int | None]) -> RoomRef | None:
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return _ref(row) if row else None

    async def _create(self, ref: RoomRef, settings: Settings) -> None:
        """A place and a room of it, unless they exist; a place without bot accounts has one room."""
        dialect = self._database.dialect
        place = {
            "id": ref.place,
            "name": ref.name,
            "settings": settings_json.dump_python(settings, mode="json"),
            "version": 1,
            "created_at": self._clock.now(),
        }
        async with self._database.write() as connection:
            added = await connection.execute(insert_or_ignore(places, dialect), place)
            if added.rowcount == 1 or ref.bot_account is not None:
                await connection.execute(insert_or_ignore(rooms, dialect), _blank(ref, settings))

    async def _rename(self, ref: RoomRef, name: str) -> RoomRef:
        async with self._database.write() as connection:
            await connection.execute(update(places).where(places.c.id == ref.place).values(name=name))
            await connection.execute(
                update(rooms).where(rooms.c.id == ref.room).values(name=name, version=rooms.c.version + 1)
            )
        return RoomRef(ref.room, ref.place, name, ref.bot_account, ref.guild)


class SqlLiveMessages:
    """`core.ports.places.LiveMessages` on a database. Everything raises StoreUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, room: RoomId) -> tuple[int, int] | None:
        """Channel id and message id."""
        columns = select(live_messages.c.channel, live_messages.c.message)
        async with self._database.read() as connection:
            row = (await connection.execute(columns.where(live_messages.c.room == room))).first()
        return (row.channel, row.message) if row else None

    async def put(self, room: RoomId, channel: int, message: int) -> None:
        """Remember the message that shows a room."""
        statement = insert_or_update(live_messages, self._database.dialect)
        async with self._database.write() as connection:
            await connection.execute(statement, {"room": room, "channel": channel, "message": message})

    async def forget(self, room: RoomId) -> None:
        """The message is gone."""
        async with self._database.write() as connection:
            await connection.execute(delete(live_messages).where(live_messages.c.room == room))


def _guests(place: PlaceId) -> Guests:
    """Rooms of the page live by their guests."""
    return Guests.ADD if place.startswith("web:") else Guests.LISTEN


def _new_room() -> RoomId:
    return RoomId(secrets.token_urlsafe(16).replace("-", "_"))


def _blank(ref: RoomRef, settings: Settings) -> dict[str, object]:
    return {
        "id": ref.room,
        "place": ref.place,
        "name": ref.name,
        "bot_account": ref.bot_account,
        "guild": ref.guild,
        "version": 1,
        "volume": settings.default_volume,
        "clock_offset": 0,
        "current_fallback": False,
        "chosen_at": 0,
        "listeners": 0,
        "heard": 0,
        "next_entry": 1,
        "emptied_at": 0,
        "fallback_at": 0,
    }


_REF = (rooms.c.id, rooms.c.place, rooms.c.name, rooms.c.bot_account, rooms.c.guild)


def _refs() -> Select[str, str, str, int | None, int | None]:
    return select(*_REF)


def _ref(row: Row[str, str, str, int | None, int | None]) -> RoomRef:
    return RoomRef(RoomId(row.id), PlaceId(row.place), row.name, row.bot_account, row.guild)
