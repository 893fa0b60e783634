"""Which persons are one human, as far as this process has heard."""

from collections.abc import Callable, Collection, Iterable

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.room import Room
from core.types import PersonId
from db.models import persons
from db.statements import among


class Groups:
    """`same` is the living `Room.same` of every loaded room: an identity's person → the oldest one of its group.

    It knows the groups of everybody whom a loaded room names, and of everybody whom `Places.person` named.
    """

    def __init__(self) -> None:
        self.same: dict[PersonId, PersonId] = {}
        self._watchers: list[Callable[[], None]] = []

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever somebody turns out to be somebody else than was known."""
        self._watchers.append(changed)

    async def look_up(self, connection: AsyncConnection, room: Room, dialect: str) -> None:
        """Know everybody whom a room names, and whoever is linked to them."""
        named = _named(room)
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


def _named(room: Room) -> set[PersonId]:
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
