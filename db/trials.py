"""The ledger of trials: one for a subject, one for a person, whatever becomes of either."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.records.grants import Subject
from core.types import PersonId
from db.entitlements import PERSON, same
from db.models import attempts, trials
from db.statements import among

_LOST = ("expired", "failed")


async def may_try(connection: AsyncConnection, subject: Subject, person: PersonId, dialect: str, now: int) -> bool:
    """Whether neither had a trial, nor is about to; what was kept for an attempt that came to nothing is free again."""
    wanted = await _theirs(connection, subject, person, dialect)
    nowhere = (attempts.c.state == "open") & attempts.c.ref.is_(None) & (attempts.c.expires_at <= now)
    lost = select(attempts.c.id).where(attempts.c.state.in_(_LOST) | nowhere)
    had = select(trials.c.subject).where(among(trials.c.subject, wanted, dialect), trials.c.ref.not_in(lost))
    return (await connection.execute(had.limit(1))).first() is None


async def keep_trial(connection: AsyncConnection, subject: Subject, person: PersonId, at: int, ref: str) -> None:
    """They have it now; `may_try` has just said yes."""
    names = [subject, f"{PERSON}{person}"]
    await connection.execute(delete(trials).where(trials.c.subject.in_(names)))
    await connection.execute(insert(trials), [{"subject": name, "at": at, "ref": ref} for name in names])


async def free_trial(connection: AsyncConnection, ref: str) -> None:
    """Nothing came of it."""
    await connection.execute(delete(trials).where(trials.c.ref == ref))


async def _theirs(connection: AsyncConnection, subject: Subject, person: PersonId, dialect: str) -> Collection[Subject]:
    return {subject, *await same(connection, [Subject(f"{PERSON}{person}")], dialect)}
