"""Those who pay with Telegram Stars, and what follows from it: rows of the attempts and grants that everybody has."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import GrantSource
from core.ports.clock import Clock
from core.records.grants import Grant, Subject
from core.records.stars import StarAttempt, StarOutcome, StarState
from core.types import PersonId
from db.engine import Database
from db.entitlements import grant_of, hold_grants
from db.grants import put_grant, revoke_grant
from db.models import attempts, grants

SOURCE = GrantSource.STARS
_STARS = attempts.c.source == SOURCE.value
SHOWN = 10


class SqlStarBook:
    """`core.ports.stars.StarBook` on a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, attempt: StarAttempt) -> StarAttempt:
        """Keep it, or the one that is the same (see the port)."""
        same = (
            (attempts.c.subject == attempt.subject)
            & (attempts.c.person == attempt.person)
            & (attempts.c.plan == attempt.plan)
            & (attempts.c.price == str(attempt.stars))
            & (attempts.c.state == StarState.INVOICED.value)
            & (attempts.c.expires_at > attempt.created_at)
        )
        async with self._database.write() as connection:
            if (known := await _one(connection, same)) is not None:
                return known
            await connection.execute(insert(attempts), _row(attempt))
        return attempt

    async def attempt(self, number: str) -> StarAttempt | None:
        """One of them."""
        async with self._database.read() as connection:
            return await _one(connection, attempts.c.id == number)

    async def of(self, person: PersonId) -> Sequence[StarAttempt]:
        """Those of a person that were paid."""
        return await self._latest(attempts.c.person == person, attempts.c.ref.is_not(None))

    async def renewed(self, subject: Subject) -> Sequence[StarAttempt]:
        """Those that go on."""
        return await self._latest(attempts.c.subject == subject, attempts.c.state == StarState.PAID.value)

    async def grants(self, subject: Subject) -> Sequence[Grant]:
        """Everything that a chat itself was ever given."""
        async with self._database.read() as connection:
            return await _grants(connection, grants.c.subject == subject)

    async def pay(self, number: str, charge: str, *, starts_at: int, until: int) -> tuple[StarOutcome, StarState]:
        """A payment of an attempt, with its grant (see the port)."""
        now, dialect = self._clock.now(), self._database.dialect
        async with self._database.read() as connection:  # the whole of Telegram's list comes by at each start
            seen, counts = await _look(connection, number, charge)
        if seen is None:
            return StarOutcome.ORPHAN, StarState.INVOICED
        if counts:
            return StarOutcome.KNOWN, seen.state
        async with self._database.write() as connection:
            await hold_grants(connection, dialect)
            attempt, counts = await _look(connection, number, charge)
            if attempt is None or counts:
                return StarOutcome.KNOWN, seen.state
            if attempt.state is StarState.INVOICED and await _taken(connection, attempt.subject, starts_at):
                return StarOutcome.DOUBLE, attempt.state
            await put_grant(
                connection, dialect, SOURCE, charge, attempt.subject, attempt.plan,
                starts_at=starts_at, valid_until=until, now=now,
            )  # fmt: skip
            if await _is_latest(connection, attempt, starts_at):
                paid = {"state": StarState.PAID.value, "ref": charge}
                await connection.execute(update(attempts).where(attempts.c.id == number).values(paid))
            return StarOutcome.NEW, attempt.state

    async def revoke(self, charge: str) -> bool:
        """The grant of a payment ends now (see the port)."""
        now, dialect = self._clock.now(), self._database.dialect
        async with self._database.write() as connection:
            await hold_grants(connection, dialect)
            return await revoke_grant(connection, dialect, SOURCE, charge, at=now, now=now)

    async def renewing(self, number: str, state: StarState, *, longer: int) -> int | None:
        """How a paid attempt goes on (see the port)."""
        now, dialect = self._clock.now(), self._database.dialect
        async with self._database.write() as connection:
            await hold_grants(connection, dialect)
            attempt = await _one(connection, attempts.c.id == number)
            if attempt is None or attempt.charge is None or attempt.state is state:
                return None
            (grant,) = await _grants(connection, grants.c.source == SOURCE.value, grants.c.ref == attempt.charge)
            await connection.execute(update(attempts).where(attempts.c.id == number).values(state=state.value))
            end = (grant.valid_until or now) + longer
            await put_grant(
                connection, dialect, SOURCE, attempt.charge, grant.subject, grant.plan, starts_at=grant.starts_at,
                valid_until=end, revoked_at=grant.revoked_at, now=now,
            )  # fmt: skip
            return end

    async def _latest(self, *wanted: ColumnElement[bool]) -> Sequence[StarAttempt]:
        latest = select(attempts).where(_STARS, *wanted).order_by(attempts.c.created_at.desc()).limit(SHOWN)
        async with self._database.read() as connection:
            return [_attempt(dict(row)) for row in (await connection.execute(latest)).mappings()]


async def _look(connection: AsyncConnection, number: str, charge: str) -> tuple[StarAttempt | None, bool]:
    """An attempt, and whether a payment counts already."""
    counts = await _grants(connection, grants.c.source == SOURCE.value, grants.c.ref == charge)
    return await _one(connection, attempts.c.id == number), bool(counts)


async def _is_latest(connection: AsyncConnection, attempt: StarAttempt, at: int) -> bool:
    """Whether nothing was paid later: of what is learnt late, how it goes on does not follow."""
    later = grants.c.starts_at > at
    return not await _grants(connection, grants.c.source == SOURCE.value, grants.c.ref == attempt.charge, later)


async def _taken(connection: AsyncConnection, subject: Subject, at: int) -> bool:
    """Whether somebody's Stars pay for the chat at that time already."""
    theirs = (grants.c.subject == subject) & (grants.c.valid_until > at) & grants.c.revoked_at.is_(None)
    return bool(await _grants(connection, grants.c.source == SOURCE.value, theirs))


async def _one(connection: AsyncConnection, wanted: ColumnElement[bool]) -> StarAttempt | None:
    row = (await connection.execute(select(attempts).where(_STARS, wanted))).mappings().first()
    return None if row is None else _attempt(dict(row))


async def _grants(connection: AsyncConnection, *wanted: ColumnElement[bool]) -> Sequence[Grant]:
    rows = (await connection.execute(select(grants).where(*wanted).order_by(grants.c.id))).mappings()
    return [grant_of(dict(row)) for row in rows]


def _row(attempt: StarAttempt) -> dict[str, Any]:
    return {
        "id": attempt.id, "source": SOURCE.value, "subject": attempt.subject, "person": attempt.person,
        "plan": attempt.plan, "price": str(attempt.stars), "trial_days": 0, "state": attempt.state.value,
        "created_at": attempt.created_at, "expires_at": attempt.expires_at,
    }  # fmt: skip


def _attempt(row: dict[str, Any]) -> StarAttempt:
    return StarAttempt(
        row["id"], Subject(row["subject"]), PersonId(row["person"]), row["plan"], int(row["price"]),
        row["created_at"], row["expires_at"], StarState(row["state"]), row["ref"],
    )  # fmt: skip
