"""Effects that wait to be done: written with the change that they follow from, claimed, settled."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, delete, func, or_, select, union, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ports.clock import Clock
from core.records.notices import Channel, Contact, Effect, Job, Letter, LetterState, Notice, Withdrawal
from db.contacts import channels_of, know_contact, letter_of
from db.engine import Database
from db.models import outbox
from db.statements import database_now

LEASE = 60_000
"""For how long (ms) a claimed letter is left to whoever claimed it."""
KEPT = 90 * 86_400_000
"""For how long (ms) what was told or done is remembered; what was due before that is told no more."""
UNREAD = 365 * 86_400_000
"""How long the page keeps what nobody reads."""
_BATCH = 1_000
_OVER = [it.value for it in LetterState if it not in {LetterState.WAITING, LetterState.SENDING, LetterState.DEAD}]
_WORKED = [it.value for it in Channel if it not in {Channel.WEB, Channel.PLACE}]


async def put_effects(connection: AsyncConnection, effects: Iterable[Effect], now: int, dialect: str) -> None:
    """Keep effects as part of a transaction: they happen if it commits, each once whatever its key is met with.

    An effect that is known already stays as it was; while it waits untried, the earlier of two `due` counts. What was
    due so long ago that it may have been told and forgotten is left out.
    """
    for effect in effects:
        if isinstance(effect, Withdrawal):
            await _withdraw(connection, effect)
        elif isinstance(effect, Contact):
            await know_contact(connection, effect, dialect)
        elif effect.due is None or effect.due > now - KEPT:
            rows = [_row(effect, channel, now) for channel in await _channels(connection, effect)]
            if rows:
                await connection.execute(_insert(dialect), rows)


class SqlOutbox:
    """`core.ports.notices.Outbox` on a database."""

    def __init__(self, database: Database, clock: Clock, *, lease: int = LEASE) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease

    async def put(self, *effects: Effect) -> None:
        """Keep effects (see the port)."""
        async with self._database.write() as connection:
            await put_effects(connection, effects, self._clock.now(), self._database.dialect)

    async def waiting(self) -> Collection[Channel]:
        """The channels that have something to do now."""
        ours = select(outbox.c.channel).where(outbox.c.channel.in_(_WORKED))
        asked = union(*(ours.where(it) for it in self._open()))  # each by its index, whatever the page has to show
        async with self._database.read() as connection:
            return [Channel(it) for it in await connection.scalars(asked)]

    async def claim(self, channel: Channel, *, repeatable: int | None) -> Letter | None:
        """The next one to send (see the port)."""
        due = select(outbox).where(self._ready(), outbox.c.channel == channel.value)
        first = due.order_by(outbox.c.due_at, outbox.c.id).limit(1).with_for_update(skip_locked=True)
        async with self._database.write() as connection:
            now = await connection.scalar(select(database_now())) or 0
            while (row := (await connection.execute(first)).mappings().first()) is not None:
                known = dict(row)
                if not _is_late(known, now, repeatable):
                    return await self._take(connection, known, now)
                await connection.execute(_of(known["id"]).values(**self._end(LetterState.UNSURE)))
        return None

    async def settle(
        self, letter: Letter, state: LetterState, *, due: int | None = None, sure: bool = True, error: str = ""
    ) -> bool:
        """What became of it (see the port)."""
        values = self._end(state) | {"error": error}
        if due is not None:
            values |= {"due_at": due, "settled_at": None} | ({"tried_at": None} if sure else {})
        mine = _of(letter.id).where(outbox.c.lease_token == letter.token)
        async with self._database.write() as connection:
            return (await connection.execute(mine.values(**values))).rowcount == 1

    async def revive(self, channel: Channel = Channel.JOB) -> int:
        """What a channel gave up is tried again, from the first try on; how many that are."""
        dead = (outbox.c.state == LetterState.DEAD.value) & (outbox.c.channel == channel.value)
        values = self._end(LetterState.WAITING) | {
            "settled_at": None,
            "attempts": 0,
            "due_at": self._clock.now(),
            "tried_at": None,
        }
        async with self._database.write() as connection:
            return (await connection.execute(update(outbox).where(dead).values(**values))).rowcount

    async def prune(self) -> int:
        """Remove what was settled long ago, and what nobody read; how many. Jobs that were given up stay."""
        now, table = self._clock.now(), outbox.c
        told = (table.channel != Channel.JOB.value) & (table.state == LetterState.DEAD.value)
        shown = (table.channel.not_in(_WORKED)) & (table.state == LetterState.WAITING.value)
        old = (table.due_at < now - KEPT) & (table.state.in_(_OVER) | told)
        some = select(table.id).where(old | ((table.due_at < now - UNREAD) & shown)).limit(_BATCH)
        gone = 0
        while True:
            async with self._database.write() as connection:
                count = (await connection.execute(delete(outbox).where(table.id.in_(some)))).rowcount
            gone += count
            if count < _BATCH:
                return gone

    async def figures(self) -> Mapping[str, int]:
        """For metrics: how many are `dead` and `unsure`, and since when (ms) the `oldest` that is due waits."""
        lost = [LetterState.DEAD.value, LetterState.UNSURE.value]
        counted = select(outbox.c.state, func.count()).where(outbox.c.state.in_(lost)).group_by(outbox.c.state)
        oldest = select(func.min(outbox.c.due_at)).where(self._ready(), outbox.c.channel.in_(_WORKED))
        async with self._database.read() as connection:
            found = {row[0]: row[1] for row in await connection.execute(counted)}
            first = await connection.scalar(oldest)
        age = 0 if first is None else max(0, self._clock.now() - first)
        return {state: found.get(state, 0) for state in lost} | {"oldest": age}

    async def _take(self, connection: AsyncConnection, row: dict[str, Any], now: int) -> Letter:
        values = {
            "state": LetterState.SENDING.value, "attempts": row["attempts"] + 1, "lease_until": now + self._lease,
            "lease_token": secrets.token_urlsafe(12), "tried_at": now if row["tried_at"] is None else row["tried_at"],
        }  # fmt: skip
        await connection.execute(_of(row["id"]).values(**values))
        return await letter_of(connection, row | values)

    def _ready(self) -> ColumnElement[bool]:
        """It can be claimed."""
        return outbox.c.state.in_([LetterState.WAITING.value, LetterState.SENDING.value]) & or_(*self._open())

    def _open(self) -> Sequence[ColumnElement[bool]]:
        """It is due; or somebody who claimed it was not heard of again."""
        due = (outbox.c.state == LetterState.WAITING.value) & (outbox.c.due_at <= self._clock.now())
        abandoned = (outbox.c.state == LetterState.SENDING.value) & (outbox.c.lease_until < database_now())
        return due, abandoned

    def _end(self, state: LetterState) -> dict[str, Any]:
        """Of what is over the key is kept, not what was said."""
        said: dict[str, Any] = {"data": {}} if state.value in _OVER else {}
        return {"state": state.value, "settled_at": self._clock.now(), "lease_until": None, "lease_token": None, **said}


def _of(number: int):  # noqa: ANN202 -- SQLAlchemy's type of it has no short name
    return update(outbox).where(outbox.c.id == number)


def _is_late(row: dict[str, Any], now: int, repeatable: int | None) -> bool:
    """Whether an earlier try may have arrived, so long ago that a repeat would not be recognised."""
    return repeatable is not None and row["tried_at"] is not None and now - row["tried_at"] > repeatable


async def _channels(connection: AsyncConnection, effect: Notice | Job) -> Collection[Channel]:
    if isinstance(effect, Job):
        return [Channel.JOB]
    admins = [Channel.PLACE] if effect.admins and effect.place is not None else []
    return [*admins, *(await channels_of(connection, effect.person) if effect.person else ())]


def _row(effect: Notice | Job, channel: Channel, now: int) -> dict[str, Any]:
    notice = effect if isinstance(effect, Notice) else None
    mine = notice is not None and channel is not Channel.PLACE
    return {
        "key": effect.key,
        "channel": channel.value,
        "kind": effect.name if isinstance(effect, Job) else effect.kind.value,
        "data": dict(effect.data),
        "person": notice.person if notice and mine else None,
        "place": notice.place if notice else None,
        "created_at": now,
        "due_at": now if effect.due is None else effect.due,
        "state": LetterState.WAITING.value,
    }


def _insert(dialect: str) -> Executable:
    insert = postgresql.insert(outbox) if dialect == "postgresql" else sqlite.insert(outbox)
    sooner = (
        (outbox.c.state == LetterState.WAITING.value)
        & (outbox.c.attempts == 0)
        & (insert.excluded.due_at < outbox.c.due_at)
    )
    return insert.on_conflict_do_update(
        index_elements=[outbox.c.key, outbox.c.channel], set_={"due_at": insert.excluded.due_at}, where=sooner
    )


async def _withdraw(connection: AsyncConnection, gone: Withdrawal) -> None:
    begins = f"{gone.key}:"
    under = or_(outbox.c.key == gone.key, func.substr(outbox.c.key, 1, len(begins)) == begins)
    unwanted = under & (outbox.c.state == LetterState.WAITING.value) & outbox.c.key.not_in(gone.but)
    await connection.execute(delete(outbox).where(unwanted))
