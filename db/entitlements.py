"""What grants come to for each place: kept ready, so that no command has to work it out."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.entitlements import EVERYBODY, entitlement, plans_at, remembering, succeeding
from core.records.grants import Entitlement, Grant, Span, Subject
from core.types import PlaceId
from db.connection import touch
from db.engine import Database
from db.models import attempts, covers, entitlements, grants, persons
from db.statements import among, database_now, hold, insert_or_update

GRANTING = 0x6772616E74
"""Whoever holds this is the only one who changes entitlements: versions are committed in their order."""
PERSON = "person:"
ORGANISATION = "organisation:"
GROUPS = (PERSON, ORGANISATION)
"""How subjects begin that are no place themselves."""

_spans: TypeAdapter[tuple[Span, ...]] = TypeAdapter(tuple[Span, ...])


class SqlEntitlements:
    """`core.ports.grants.Entitlements` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def news(self, since: int) -> Sequence[Entitlement]:
        """What changed after a version (see the port)."""
        later = select(entitlements).where(entitlements.c.version > since).order_by(entitlements.c.version)
        async with self._database.read() as connection:
            rows = (await connection.execute(later)).all()
        return [Entitlement(PlaceId(row.place), row.version, _spans.validate_python(row.spans)) for row in rows]


async def hold_grants(connection: AsyncConnection, dialect: str) -> None:
    """Be the only one who changes grants, covers, or who is who among those who have some, until the end.

    Whoever locks rooms too does this first.
    """
    await hold(connection, GRANTING, dialect)


async def rebuild(
    connection: AsyncConnection, places: Iterable[PlaceId], dialect: str, *, had: Sequence[Span] = ()
) -> None:
    """Work out again what these places have, who had that and what they had before; grants have to be held."""
    for place in sorted(set(places)):
        kept = await _kept(connection, place)
        spans = remembering(entitlement(await grants_for(connection, place, dialect)), (*kept, *had))
        if kept != spans:
            await _put(connection, place, spans, dialect)


async def note_default(database: Database, plan: str, now: int) -> None:
    """Everybody has this plan, from now on if it is another than before. Raises StoreUnavailableError."""
    async with database.write() as connection:
        await hold_grants(connection, database.dialect)
        kept = await _kept(connection, EVERYBODY)
        if plan not in plans_at([it for it in kept if it.until is None], now):
            await _put(connection, EVERYBODY, succeeding(kept, plan, now), database.dialect)


async def _put(connection: AsyncConnection, place: PlaceId, spans: tuple[Span, ...], dialect: str) -> None:
    version = await _next_version(connection)
    row = {"place": place, "spans": _spans.dump_python(spans, mode="json"), "version": version}
    await connection.execute(insert_or_update(entitlements, dialect), row)
    touch(connection, entitlements)


async def _next_version(connection: AsyncConnection) -> int:
    """Above all that there are, and that there were: a standby that took over may have lost the latest."""
    newest = await connection.scalar(select(func.max(entitlements.c.version))) or 0
    return max(newest + 1, await connection.scalar(select(database_now())) or 0)


async def _kept(connection: AsyncConnection, place: PlaceId) -> tuple[Span, ...]:
    """What is stored for a place."""
    stored = await connection.scalar(select(entitlements.c.spans).where(entitlements.c.place == place))
    return _spans.validate_python(stored or ())


async def move_grants(connection: AsyncConnection, old: PlaceId, new: PlaceId, dialect: str) -> None:
    """A place has another id: what was paid for it stays its own; grants have to be held."""
    had = await _kept(connection, old)
    for table in (grants, attempts):
        await connection.execute(update(table).where(table.c.subject == old).values(subject=new))
    twice = select(covers.c.subject).where(covers.c.place == new)
    await connection.execute(delete(covers).where(covers.c.place == old, covers.c.subject.in_(twice)))
    await connection.execute(update(covers).where(covers.c.place == old).values(place=new))
    await rebuild(connection, [old], dialect)
    await rebuild(connection, [new], dialect, had=had)


async def covered(connection: AsyncConnection, subjects: Collection[Subject], dialect: str) -> Collection[PlaceId]:
    """The places for which the grants of these subjects count, those that are such subjects themselves included."""
    wanted = await same(connection, subjects, dialect)
    found = await connection.scalars(select(covers.c.place).where(among(covers.c.subject, wanted, dialect)))
    own = (it for it in subjects if not it.startswith(GROUPS))
    return {*map(PlaceId, found), *map(PlaceId, own)}


def grant_of(row: Mapping[str, object]) -> Grant:
    """A row of `grants`."""
    return _grant.validate_python(dict(row))


_grant: TypeAdapter[Grant] = TypeAdapter(Grant)


async def grants_for(connection: AsyncConnection, place: PlaceId, dialect: str) -> Sequence[Grant]:
    """Every grant that counts for a place, or did."""
    covering = await connection.scalars(select(covers.c.subject).where(covers.c.place == place))
    subjects = await same(connection, [Subject(place), *map(Subject, covering)], dialect)
    found = await connection.execute(select(grants).where(among(grants.c.subject, subjects, dialect)))
    return [grant_of(dict(row)) for row in found.mappings()]


async def same(connection: AsyncConnection, subjects: Collection[Subject], dialect: str) -> Collection[Subject]:
    """The subjects, and whoever is one human with a person among them."""
    people = [it.removeprefix(PERSON) for it in subjects if it.startswith(PERSON)]
    if not people:
        return {*subjects}
    heads = select(func.coalesce(persons.c.leader, persons.c.id)).where(among(persons.c.id, people, dialect))
    group = select(persons.c.id).where(func.coalesce(persons.c.leader, persons.c.id).in_(heads))
    return {*subjects, *(Subject(f"{PERSON}{person}") for person in await connection.scalars(group))}
