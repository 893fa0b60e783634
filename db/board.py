"""What the page shows to people until they have read it."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.notices import is_muted
from core.ports.clock import Clock
from core.records.notices import Channel, Letter, LetterState, NoticeKind, Topic
from core.types import PersonId, PlaceId
from db.contacts import letter_of, muted_by, same_human
from db.engine import Database
from db.models import mutes, outbox, persons
from db.statements import among, insert_or_ignore

SHOWN = 50
"""Notices on a page."""


class SqlBoard:
    """`core.ports.notices.Board` on a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def unread(self, person: PersonId | None, places: Collection[PlaceId] = ()) -> Sequence[Letter]:
        """What was not read, the oldest first (see the port)."""
        async with self._database.read() as connection:
            wanted = await self._wanted(connection, person, places)
            chosen = select(outbox).where(wanted).order_by(outbox.c.due_at, outbox.c.id).limit(SHOWN)
            rows = (await connection.execute(chosen)).mappings().all()
            letters = [await letter_of(connection, dict(row)) for row in rows]
        own = {it.key for it in letters if it.channel is Channel.WEB}
        return [it for it in letters if it.channel is Channel.WEB or it.key not in own]

    async def count(self, person: PersonId | None, places: Collection[PlaceId] = ()) -> int:
        """How many that are, without reading them (see the port)."""
        async with self._database.read() as connection:
            wanted = await self._wanted(connection, person, places)
            return await connection.scalar(select(func.count(outbox.c.key.distinct())).where(wanted)) or 0

    async def read(self, number: int, person: PersonId | None, places: Collection[PlaceId] = ()) -> bool:
        """It was read, by whatever way it was shown (see the port)."""
        theirs = self._theirs(person, places)
        effect = select(outbox.c.key).where(outbox.c.id == number, theirs).scalar_subquery()
        values: dict[str, Any] = {"state": LetterState.READ.value, "settled_at": self._clock.now(), "data": {}}
        async with self._database.write() as connection:
            done = await connection.execute(update(outbox).where(outbox.c.key == effect, theirs).values(**values))
        return done.rowcount > 0

    async def muted(self, person: PersonId) -> Collection[Topic]:
        """What they do not want to be told."""
        async with self._database.read() as connection:
            return await muted_by(connection, person)

    async def mute(self, person: PersonId, topic: Topic, *, on: bool) -> None:
        """They do not want to be told, or do again (see the port)."""
        async with self._database.write() as connection:
            if not on:
                theirs = mutes.c.person.in_(same_human(person))
                await connection.execute(delete(mutes).where(theirs, mutes.c.topic == topic.value))
            elif await connection.scalar(select(persons.c.id).where(persons.c.id == person)) is not None:
                row = {"person": person, "topic": topic.value}
                await connection.execute(insert_or_ignore(mutes, self._database.dialect), row)

    async def _wanted(
        self, connection: AsyncConnection, person: PersonId | None, places: Collection[PlaceId]
    ) -> ColumnElement[bool]:
        """Theirs, but for what they muted: that waits for ever, and would fill the page if it were left out later."""
        muted = await muted_by(connection, person) if person is not None else ()
        hidden = [it.value for it in NoticeKind if is_muted(it, Channel.WEB, (), muted)]
        return self._theirs(person, places) & outbox.c.kind.not_in(hidden)

    def _theirs(self, person: PersonId | None, places: Collection[PlaceId]) -> ColumnElement[bool]:
        """Their rows that were not read, and are due."""
        due = (outbox.c.state == LetterState.WAITING.value) & (outbox.c.due_at <= self._clock.now())
        own = outbox.c.person.in_(same_human(person)) if person is not None else false()
        of_places = among(outbox.c.place, places, self._database.dialect) if places else false()
        return due & or_(
            (outbox.c.channel == Channel.WEB.value) & own, (outbox.c.channel == Channel.PLACE.value) & of_places
        )
