"""Those about to pay: at most one for a subject, whatever many presses and processes do at once."""

from dataclasses import asdict, replace

from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import GrantSource
from core.ports.clock import Clock
from core.records.grants import Subject
from core.records.purchases import Attempt
from core.types import PersonId
from db.engine import Database
from db.models import attempts
from db.statements import hold, insert_or_ignore
from db.trials import free_trial, keep_trial, may_try

TRYING = 0x747269616C
"""Whoever holds this is the only one who gives trials away."""

_attempt: TypeAdapter[Attempt] = TypeAdapter(Attempt)
_STRIPES = attempts.c.source == GrantSource.STRIPE.value


class SqlAttempts:
    """`core.ports.purchases.Attempts` on a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(self, subject: Subject) -> Attempt | None:
        """The open one (see the port)."""
        async with self._database.read() as connection:
            return await _found(connection, _STRIPES, attempts.c.subject == subject, attempts.c.state == "open")

    async def begin(self, attempt: Attempt) -> Attempt | None:
        """Keep it as the open one (see the port)."""
        async with self._database.write() as connection:
            await hold(connection, TRYING, self._database.dialect)
            tried = attempt.trial_days and await may_try(
                connection, attempt.subject, attempt.person, self._database.dialect, self._clock.now()
            )
            kept = attempt if tried else replace(attempt, trial_days=0)
            row = asdict(kept) | {"source": GrantSource.STRIPE.value}
            done = await connection.execute(insert_or_ignore(attempts, self._database.dialect), row)
            if done.rowcount != 1:
                return None
            if kept.trial_days:
                await keep_trial(connection, kept.subject, kept.person, kept.created_at, kept.id)
            return kept

    async def name(self, attempt: str, ref: str) -> None:
        """Its Checkout session."""
        async with self._database.write() as connection:
            await connection.execute(update(attempts).where(attempts.c.id == attempt).values(ref=ref))

    async def close(self, attempt: str, state: str) -> None:
        """It is over (see the port)."""
        async with self._database.write() as connection:
            ended = update(attempts).where(attempts.c.id == attempt, attempts.c.state == "open")
            done = await connection.execute(ended.values(state=state))
            if done.rowcount and state != "done":
                await free_trial(connection, attempt)

    async def by_ref(self, ref: str) -> Attempt | None:
        """The attempt of a Checkout session, or of that id."""
        async with self._database.read() as connection:
            return await _found(connection, _STRIPES, (attempts.c.ref == ref) | (attempts.c.id == ref))

    async def may_try(self, subject: Subject, person: PersonId) -> bool:
        """Whether neither of them had a trial."""
        async with self._database.read() as connection:
            return await may_try(connection, subject, person, self._database.dialect, self._clock.now())


async def _found(connection: AsyncConnection, *wanted: object) -> Attempt | None:
    row = (await connection.execute(select(attempts).where(*wanted))).mappings().first()  # pyright: ignore[reportArgumentType] - column expressions
    return None if row is None else _attempt.validate_python({**row})
