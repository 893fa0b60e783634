"""Grants: given, revoked, listed; and the places that they count for."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import GrantSource, Surface
from core.ports.clock import Clock
from core.records.grants import Grant, Subject
from core.records.rows import Audit
from core.types import PersonId, PlaceId
from db.engine import Database
from db.entitlements import GROUPS, PERSON, covered, grant_of, hold_grants, rebuild, same
from db.models import audit, covers, grants
from db.personal import EVERYWHERE, OPERATOR
from db.statements import among, insert_or_ignore


class NoSuchGrantError(Exception):
    """There is no grant of that number, or it was revoked before."""


class GrantedBeforeError(Exception):
    """Its source gave that before."""


class SqlGrants:
    """Every change is audited, and reaches the places in the same transaction. All raises StoreUnavailableError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def give(
        self,
        source: GrantSource,
        subject: Subject,
        plan: str,
        *,
        until: int | None,
        ref: str | None = None,
        reason: str = "",
    ) -> Grant:
        """A subject has a plan from now on, until before `until` (UTC ms).

        Raises GrantedBeforeError when the source gave it under that `ref`, or the subject had its trial.
        """
        now = self._clock.now()
        row = {
            "source": source.value, "ref": ref, "subject": subject, "plan": plan,
            "created_at": now, "starts_at": now, "valid_until": until, "reason": reason,
        }  # fmt: skip
        async with self._database.write() as connection:
            await hold_grants(connection, self._database.dialect)
            await self._check(connection, source, subject, ref)
            added = (await connection.execute(insert(grants).returning(grants), row)).mappings().one()
            grant = grant_of(dict(added))
            await self._settle(connection, subject, "plan.granted", {}, _shown(grant))
        return grant

    async def _check(self, connection: AsyncConnection, source: GrantSource, subject: Subject, ref: str | None) -> None:
        of_it = select(grants.c.id).where(grants.c.source == source.value)
        if ref is not None and await connection.scalar(of_it.where(grants.c.ref == ref)) is not None:
            raise GrantedBeforeError(ref)
        if source is GrantSource.TRIAL:
            one = among(
                grants.c.subject, await same(connection, [subject], self._database.dialect), self._database.dialect
            )
            if await connection.scalar(of_it.where(one)) is not None:
                raise GrantedBeforeError(subject)

    async def revoke(self, number: int) -> Grant:
        """It counts no longer. Raises NoSuchGrantError."""
        now = self._clock.now()
        ending = update(grants).where(grants.c.id == number, grants.c.revoked_at.is_(None)).values(revoked_at=now)
        async with self._database.write() as connection:
            await hold_grants(connection, self._database.dialect)
            row = (await connection.execute(ending.returning(grants))).mappings().first()
            if row is None:
                raise NoSuchGrantError(number)
            grant = grant_of(dict(row))
            await self._settle(connection, grant.subject, "plan.revoked", _shown(grant), {})
        return grant

    async def all(self) -> Sequence[Grant]:
        """Every grant, the oldest first."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(grants).order_by(grants.c.id))).mappings()
            return [grant_of(dict(row)) for row in rows]

    async def covers(self) -> Sequence[tuple[PlaceId, Subject]]:
        """The places for which the plans of others count, and whose."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(covers).order_by(covers.c.place, covers.c.subject))
            return [(PlaceId(row.place), Subject(row.subject)) for row in rows]

    async def cover(self, place: PlaceId, subject: Subject) -> bool:
        """The plan of a person or an organisation counts for a place too; whether that is news."""
        row = {"place": place, "subject": subject}
        async with self._database.write() as connection:
            await hold_grants(connection, self._database.dialect)
            news = (await connection.execute(insert_or_ignore(covers, self._database.dialect), row)).rowcount == 1
            if news:
                await self._settle(connection, Subject(place), "plan.covered", {}, _who(subject))
        return news

    async def uncover(self, place: PlaceId, subject: Subject) -> bool:
        """It does not any more; whether that is news."""
        ended = delete(covers).where(covers.c.place == place, covers.c.subject == subject)
        async with self._database.write() as connection:
            await hold_grants(connection, self._database.dialect)
            news = (await connection.execute(ended)).rowcount == 1
            if news:
                await self._settle(connection, Subject(place), "plan.uncovered", _who(subject), {})
        return news

    async def _settle(
        self, connection: AsyncConnection, subject: Subject, action: str, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        """The effect on places, and the line in the audit."""
        await _settled(connection, self._database.dialect, subject, action, before, after, now=self._clock.now())


async def put_grant(
    connection: AsyncConnection,
    dialect: str,
    source: GrantSource,
    ref: str,
    subject: Subject,
    plan: str,
    *,
    starts_at: int,
    valid_until: int,
    revoked_at: int | None = None,
    now: int,
) -> bool:
    """The state of a grant that its source calls `ref`, as part of a transaction that holds grants; whether it is news.

    It may move to another subject. Nothing is written, nor audited, when it is as it was.
    """
    wanted = {
        "subject": subject, "plan": plan, "starts_at": starts_at, "valid_until": valid_until, "revoked_at": revoked_at,
    }  # fmt: skip
    before = await _known(connection, source, ref)
    if before is not None and all(getattr(before, name) == value for name, value in wanted.items()):
        return False
    if before is None:
        row = {"source": source.value, "ref": ref, "created_at": now, **wanted}
        await connection.execute(insert(grants), row)
    else:
        await connection.execute(update(grants).where(grants.c.id == before.id).values(wanted))
    await _put(connection, dialect, before, await _known(connection, source, ref), now)
    return True


async def revoke_grant(
    connection: AsyncConnection, dialect: str, source: GrantSource, ref: str, *, at: int, now: int
) -> bool:
    """A grant that its source calls `ref` counts only until `at`, as part of a transaction that holds grants.

    Whether that is news: it may be that there is none, or that it ended before.
    """
    before = await _known(connection, source, ref)
    if before is None or (before.revoked_at is not None and before.revoked_at <= at):
        return False
    if before.valid_until is not None and before.valid_until <= at:
        return False
    await connection.execute(update(grants).where(grants.c.id == before.id).values(revoked_at=at))
    await _put(connection, dialect, before, await _known(connection, source, ref), now)
    return True


async def _known(connection: AsyncConnection, source: GrantSource, ref: str) -> Grant | None:
    chosen = select(grants).where(grants.c.source == source.value, grants.c.ref == ref)
    row = (await connection.execute(chosen)).mappings().first()
    return grant_of(dict(row)) if row is not None else None


async def _put(connection: AsyncConnection, dialect: str, before: Grant | None, after: Grant | None, now: int) -> None:
    """The effect on places, also those of a subject that had it before."""
    assert after
    if before is not None and before.subject != after.subject:
        await rebuild(connection, await covered(connection, [before.subject], dialect), dialect)
    ended = after.revoked_at is not None and after.revoked_at <= now
    action = "plan.granted" if before is None else "plan.revoked" if ended else "plan.changed"
    shown = _shown(before) if before else {}
    actor = PersonId(after.source.value)  # nobody here did it, but whoever sells there told us
    await _settled(connection, dialect, after.subject, action, shown, _shown(after), actor=actor, now=now)


async def _settled(
    connection: AsyncConnection,
    dialect: str,
    subject: Subject,
    action: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    actor: PersonId = OPERATOR,
    now: int,
) -> None:
    await rebuild(connection, await covered(connection, [subject], dialect), dialect)
    place = EVERYWHERE if subject.startswith(GROUPS) else PlaceId(subject)
    row = Audit(now, actor, Surface.SYSTEM.value, place, action, before, after)
    await connection.execute(insert(audit), asdict(row))


def _shown(grant: Grant) -> dict[str, Any]:
    kept = ("id", "source", "ref", "plan", "valid_until", "reason")
    return {**{key: value for key, value in asdict(grant).items() if key in kept}, **_who(grant.subject)}


def _who(subject: Subject) -> dict[str, str]:
    """People stand in the audit by their bare id, so that they can be taken out of it."""
    return {"person": subject.removeprefix(PERSON)} if subject.startswith(PERSON) else {"subject": subject}
