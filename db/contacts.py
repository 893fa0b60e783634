"""How people are reached, and what they want to hear of."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.notices import is_muted
from core.records.notices import Channel, Contact, Letter, NoticeKind, Topic
from core.types import PersonId, PlaceId
from db.models import contacts, identities, mutes, persons, places
from db.statements import insert_or_ignore

_BY_IDENTITY = (Channel.DISCORD, Channel.TELEGRAM)


async def know_contact(connection: AsyncConnection, told: Contact, dialect: str) -> None:
    """Keep an address or a language; somebody unknown stays so."""
    if await connection.scalar(select(persons.c.id).where(persons.c.id == told.person)) is None:
        return
    await connection.execute(insert_or_ignore(contacts, dialect), {"person": told.person})
    news = {name: it for name, it in (("email", told.email), ("language", told.language)) if it is not None}
    if news:
        await connection.execute(update(contacts).where(contacts.c.person == told.person).values(**news))


def same_human(person: PersonId) -> Select[str]:
    """The persons who are the same human as this one."""
    head = select(func.coalesce(persons.c.leader, persons.c.id)).where(persons.c.id == person).scalar_subquery()
    return select(persons.c.id).where(func.coalesce(persons.c.leader, persons.c.id) == head)


async def channels_of(connection: AsyncConnection, person: PersonId) -> Sequence[Channel]:
    """By which channels somebody is told; by none when they are not known any more."""
    if await connection.scalar(select(persons.c.id).where(persons.c.id == person)) is None:
        return []
    addresses = await _addresses(connection, person)
    return [*addresses, Channel.WEB]


async def muted_by(connection: AsyncConnection, person: PersonId) -> Collection[Topic]:
    """What somebody does not want to be told."""
    chosen = await connection.scalars(select(mutes.c.topic).where(mutes.c.person.in_(same_human(person))))
    return {Topic(it) for it in chosen}


async def letter_of(connection: AsyncConnection, row: Mapping[str, Any]) -> Letter:
    """A row of the outbox, and what it takes to send it now."""
    person, place, channel = row["person"], row["place"], Channel(row["channel"])
    addresses = await _addresses(connection, person) if person else {}
    muted = await muted_by(connection, person) if person else ()
    named = select(places.c.name).where(places.c.id == place)
    return Letter(
        id=row["id"],
        token=row["lease_token"] or "",
        key=row["key"],
        channel=channel,
        kind=row["kind"],
        data=row["data"],
        person=person,
        place=PlaceId(place) if place else None,
        attempts=row["attempts"],
        place_name=(await connection.scalar(named) or "") if place else "",
        address=addresses.get(channel),
        language=await _language(connection, person) if person else None,
        muted=row["kind"] in set(NoticeKind) and is_muted(NoticeKind(row["kind"]), channel, addresses, muted),
    )


async def _addresses(connection: AsyncConnection, person: PersonId) -> dict[Channel, str]:
    """Where somebody is reached: by their oldest account on each surface."""
    kinds = [it.value for it in _BY_IDENTITY]
    theirs = (
        select(identities.c.kind, identities.c.external)
        .join(persons, persons.c.id == identities.c.person)
        .where(identities.c.person.in_(same_human(person)), identities.c.kind.in_(kinds))
        .order_by(persons.c.created_at.desc(), persons.c.id.desc())
    )
    found = {Channel(row.kind): row.external for row in await connection.execute(theirs)}
    mail = select(contacts.c.email).where(contacts.c.person.in_(same_human(person)), contacts.c.email.is_not(None))
    if email := await connection.scalar(mail.order_by((contacts.c.person == person).desc()).limit(1)):
        found[Channel.EMAIL] = email
    return found


async def _language(connection: AsyncConnection, person: PersonId) -> str | None:
    own = (contacts.c.person == person).desc()
    known = select(contacts.c.language).where(contacts.c.person.in_(same_human(person)))
    return await connection.scalar(known.where(contacts.c.language.is_not(None)).order_by(own).limit(1))
