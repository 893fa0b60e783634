"""People and their identities: who is who, and which of them are one human."""

import secrets
from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import CompoundSelect, Row, delete, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import Surface
from core.errors import NotLinkedError
from core.events import Event
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.records.grants import Subject
from core.records.rows import Audit
from core.types import Actor, Identity, PersonId, RoomId
from db.engine import Database
from db.entitlements import PERSON, covered, hold_grants, rebuild
from db.groups import NOWHERE, Groups
from db.models import audit, entries, identities, persons, presences, rooms, turns, votes
from db.personal import NoSuchPersonError
from db.statements import among, hold, insert_or_ignore

LINKING = 0x43686F727573
"""Whoever holds this is the only one who links or parts people or places."""


class SqlPeople:
    """`core.ports.people.People` on a database. Everything raises StoreUnavailableError.

    A group's leader is its oldest person and leads them all directly. Rows keep the id of the identity that acted, so
    that parting a group gives each identity back exactly what it did.
    """

    def __init__(self, database: Database, bus: Bus, clock: Clock, groups: Groups) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._groups = groups

    async def identity(self, wanted: str) -> Identity:
        """An account that came before, by its surface's id (`discord:<user id>`) or its person's.

        Raises NoSuchPersonError.
        """
        kind, _, external = wanted.partition(":")
        named = (identities.c.kind == kind) & (identities.c.external == external)
        async with self._database.read() as connection:
            found = (
                await connection.execute(select(identities).where(named | (identities.c.person == wanted)))
            ).first()
        if found is None:
            raise NoSuchPersonError(f"nobody is known as {wanted}")
        return Identity(Surface(found.kind), found.external, found.name)

    async def link(self, one: Identity, other: Identity, *, by: Actor | None = None) -> bool:
        """From now on both are one human; whether that is news. `by`: who says so if not they themselves."""
        async with self._database.write() as connection:
            await hold(connection, LINKING, self._database.dialect)
            pair = [await self._person(connection, it) for it in (one, other)]
            leaders = {await _leader(connection, it) for it in pair}
            if len(leaders) == 1:
                return False
            members = await self._members(connection, leaders)
            before, after = dict(members), dict.fromkeys(members, next(iter(members)))
            changed = await self._regroup(connection, before, after)
            who = (by.person, by.surface) if by else (pair[0], one.kind)
            await self._write_down(connection, who, "people.linked", {}, {"people": pair})
        self._tell(before, after, changed)
        return True

    async def unlink(self, identity: Identity, *, by: Actor | None = None) -> None:
        """An identity is a human of its own again. Raises NotLinkedError."""
        async with self._database.write() as connection:
            await hold(connection, LINKING, self._database.dialect)
            person = await self._person(connection, identity)
            before = await self._members(connection, [await _leader(connection, person)])
            if len(before) == 1:
                raise NotLinkedError
            rest = [it for it in before if it != person]
            after = dict.fromkeys(rest, rest[0]) | {person: person}
            changed = await self._regroup(connection, before, after)
            who = (by.person, by.surface) if by else (person, identity.kind)
            await self._write_down(connection, who, "people.unlinked", {"people": [*before]}, {})
        self._tell(before, after, changed)

    async def _person(self, connection: AsyncConnection, identity: Identity) -> PersonId:
        return PersonId((await know(connection, identity, self._clock.now(), self._database.dialect)).person)

    async def _members(self, connection: AsyncConnection, leaders: Collection[PersonId]) -> dict[PersonId, PersonId]:
        """Everybody who follows these leaders, themselves included, the oldest first: their leaders."""
        dialect = self._database.dialect
        wanted = among(persons.c.id, leaders, dialect) | among(persons.c.leader, leaders, dialect)
        columns = select(persons.c.id, persons.c.leader).where(wanted).order_by(persons.c.created_at, persons.c.id)
        return {PersonId(row.id): PersonId(row.leader or row.id) for row in await connection.execute(columns)}

    async def _regroup(
        self, connection: AsyncConnection, before: dict[PersonId, PersonId], after: dict[PersonId, PersonId]
    ) -> dict[RoomId, int]:
        """Write who leads whom; the new versions of the rooms where one of them did anything."""
        for person in before:
            leader = None if after[person] == person else after[person]
            await connection.execute(update(persons).where(persons.c.id == person).values(leader=leader))
        await self._entitle(connection, {*before, *after})
        touched = select(rooms.c.id).where(rooms.c.id.in_(self._rooms_of(before))).order_by(rooms.c.id)
        ids = (await connection.scalars(touched.with_for_update())).all()
        chosen = among(rooms.c.id, ids, self._database.dialect)
        await connection.execute(update(rooms).where(chosen).values(version=rooms.c.version + 1))
        versions = await connection.execute(select(rooms.c.id, rooms.c.version).where(chosen))
        return {RoomId(row.id): row.version for row in versions}

    async def _entitle(self, connection: AsyncConnection, people: Collection[PersonId]) -> None:
        """Their plans count for the places of all who are the same human, and of no others."""
        dialect = self._database.dialect
        await hold_grants(connection, dialect)
        places = await covered(connection, [Subject(f"{PERSON}{person}") for person in people], dialect)
        await rebuild(connection, places, dialect)

    def _rooms_of(self, people: Collection[PersonId]) -> CompoundSelect[str]:
        tables = ((it.c.room, it.c.person) for it in (entries, votes, turns, presences))
        return union(*(select(room).where(among(person, people, self._database.dialect)) for room, person in tables))

    async def _write_down(
        self,
        connection: AsyncConnection,
        who: tuple[PersonId, Surface],
        action: str,
        before: dict[str, list[PersonId]],
        after: dict[str, list[PersonId]],
    ) -> None:
        row = Audit(self._clock.now(), *who, NOWHERE, action, before, after)
        await connection.execute(insert(audit), asdict(row))

    def _tell(
        self, before: dict[PersonId, PersonId], after: dict[PersonId, PersonId], changed: dict[RoomId, int]
    ) -> None:
        links = {person: leader for person, leader in after.items() if person != leader}
        self._groups.learn(before, links)
        for room, version in changed.items():
            self._bus.publish(Event(room=room, version=version))


async def know(connection: AsyncConnection, identity: Identity, now: int, dialect: str) -> Row[str, str, str | None]:
    """Store an identity that was never seen before, or its new name; its person, name and leader."""
    key = {"kind": identity.kind.value, "external": identity.external}
    if await look_up(connection, identity) is None:
        person = secrets.token_urlsafe(16).replace("-", "_")  # a "-" may begin an option on a command line
        await connection.execute(insert(persons), {"id": person, "created_at": now})
        values = {**key, "person": person, "name": identity.name}
        added = await connection.execute(insert_or_ignore(identities, dialect), values)
        if added.rowcount != 1:  # somebody else was faster
            await connection.execute(delete(persons).where(persons.c.id == person))
    await connection.execute(update(identities).filter_by(**key).values(name=identity.name))
    row = await look_up(connection, identity)
    assert row
    return row


async def look_up(connection: AsyncConnection, identity: Identity) -> Row[str, str, str | None] | None:
    """The person, name and leader of an identity."""
    columns = select(identities.c.person, identities.c.name, persons.c.leader).join(persons)
    found = await connection.execute(
        columns.where(identities.c.kind == identity.kind.value, identities.c.external == identity.external)
    )
    return found.first()


async def _leader(connection: AsyncConnection, person: PersonId) -> PersonId:
    leader = await connection.scalar(select(persons.c.leader).where(persons.c.id == person))
    return PersonId(leader or person)
