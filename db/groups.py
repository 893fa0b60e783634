"""Which persons are one human, as far as this process has heard."""

from collections.abc import Callable, Collection, Iterable

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.room import Room
from core.types import PersonId, PlaceId
from db.models import audit, persons
from db.statements import among

NOWHERE = PlaceId("")
"""The place of audit rows that speak of people alone: of who is linked to whom."""


class Groups:
    """`same` is the living `Room.same` of every loaded room: an identity's person → the oldest one of its group.

    It knows the groups of everybody whom a loaded room names, and of everybody whom `Places.person` named.
    """

    def __init__(self) -> None:
        self.same: dict[PersonId, PersonId] = {}
        self._watchers: list[Callable[[], None]] = []
        self._noticed: int | None = None

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever somebody turns out to be somebody else than was known."""
        self._watchers.append(changed)

    async def look_up(self, connection: AsyncConnection, room: Room, dialect: str) -> None:
        """Know everybody whom a room names, and whoever is linked to them."""
        await self._ask(connection, _named(room), dialect)

    async def notice(self, connection: AsyncConnection, dialect: str) -> None:
        """Know whom other processes linked or parted since the last time, though no room in memory may name them."""
        since = self._noticed
        if since is None:
            self._noticed = await connection.scalar(select(func.coalesce(func.max(audit.c.id), 0)))
            return
        news = select(audit.c.id, audit.c.before, audit.c.after).where(audit.c.place == NOWHERE, audit.c.id > since)
        rows = (await connection.execute(news.order_by(audit.c.id))).all()
        if rows:
            self._noticed = rows[-1].id
            told = (people for row in rows for people in (row.before.get("people", ()), row.after.get("people", ())))
            await self._ask(connection, {PersonId(person) for people in told for person in people}, dialect)

    async def _ask(self, connection: AsyncConnection, named: Collection[PersonId], dialect: str) -> None:
        found = await connection.execute(_group(named, dialect))
        leaders = {PersonId(row.id): PersonId(row.leader) for row in found}
        heads = {leaders.get(it, it) for it in named}
        parted = (person for person, leader in self.same.items() if leader in heads)
        self.learn({*named, *parted}, leaders)

    def learn(self, known: Iterable[PersonId], leaders: dict[PersonId, PersonId]) -> None:
        """`leaders` are all links of the `known` persons, and of others."""
        before = {it: self.same.get(it) for it in {*known, *leaders}}
        after = {it: leaders.get(it) for it in before}
        if before == after:
            return
        for person, leader in after.items():
            if leader is None:
                self.same.pop(person, None)
            else:
                self.same[person] = leader
        for changed in self._watchers:
            changed()


def _named(room: Room) -> Collection[PersonId]:
    entries = [*room.entries.values(), *room.bin.values(), *([room.current.entry] if room.current else [])]
    return {
        *(it.person for it in entries),
        *(voter for it in entries for voter in it.votes),
        *(it.person for it in room.people.values()),
        *(it.person for it in room.turns.values()),
        *(voter for it in room.polls.values() for voter in it.votes),
    }


def _group(people: Collection[PersonId], dialect: str) -> Select[str, str | None]:
    """The linked ones of these persons and all who follow the same leaders."""
    leaders = select(persons.c.leader).where(persons.c.leader.is_not(None), among(persons.c.id, people, dialect))
    members = or_(
        among(persons.c.id, people, dialect), among(persons.c.leader, people, dialect), persons.c.leader.in_(leaders)
    )
    return select(persons.c.id, persons.c.leader).where(persons.c.leader.is_not(None), members)
