"""What people come back to: the history of rooms, and favourites."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, RowMapping, delete, func, select

from core import resuming
from core.ports.clock import Clock
from core.records.rows import Play, Played
from core.types import EntryId, PersonId, RoomId, Track, TrackRef
from db.engine import Database
from db.mapping import PLAY, play
from db.models import favourites, persons, plays
from db.statements import among, insert_or_ignore

_TRACK = tuple(favourites.c[name] for name in ("ref", "title", "artist", "length", "cover", "accent", "uri"))


class SqlShelf:
    """`core.ports.shelf.Shelf` on a database. Everything raises StoreUnavailableError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def history(self, room: RoomId, *, before: int | None = None, size: int = 10) -> Sequence[Played]:
        """Finished plays, newest first, beginning after the one with the row id `before`."""
        latest = select(plays).where(plays.c.room == room).order_by(plays.c.id.desc()).limit(_known(size))
        if before is not None:
            latest = latest.where(plays.c.id < _known(before))
        async with self._database.read() as connection:
            return [_played(row) for row in (await connection.execute(latest)).mappings()]

    async def play(self, room: RoomId, entry: EntryId) -> Play | None:
        """The latest play of an entry."""
        of_it = select(*PLAY).where(plays.c.room == room, plays.c.entry == _known(entry))
        async with self._database.read() as connection:
            row = (await connection.execute(of_it.order_by(plays.c.id.desc()).limit(1))).mappings().first()
        return play(row) if row else None

    async def left(self, room: RoomId, refs: Sequence[TrackRef]) -> Mapping[TrackRef, int]:
        """Where in these tracks (ms) the room stopped when it played them last; none that it heard to the end."""
        asked = among(plays.c.ref, refs, self._database.dialect)
        latest = select(func.max(plays.c.id)).where(plays.c.room == room, asked).group_by(plays.c.ref)
        async with self._database.read() as connection:
            rows = (await connection.execute(select(*PLAY).where(plays.c.id.in_(latest)))).mappings().all()
        found = {it.ref: resuming.place(it) for it in map(play, rows)}
        return {ref: place for ref, place in found.items() if place is not None}

    async def favourites(self, person: PersonId, *, offset: int = 0, size: int = 10) -> Sequence[Track]:
        """What a person keeps, newest first; what two of their identities keep is there once."""
        turn = func.row_number().over(
            partition_by=favourites.c.ref, order_by=(favourites.c.at.desc(), favourites.c.person)
        )
        kept = select(*_TRACK, favourites.c.at, turn.label("turn")).where(_theirs(person)).subquery()
        newest = select(kept).where(kept.c.turn == 1).order_by(kept.c.at.desc(), kept.c.ref)
        async with self._database.read() as connection:
            rows = await connection.execute(newest.offset(_known(offset)).limit(_known(size)))
            return [Track(*row[: len(_TRACK)]) for row in rows]

    async def is_favourite(self, person: PersonId, track: Track) -> bool:
        """Whether a person keeps a track."""
        kept = select(favourites.c.ref).where(_theirs(person), favourites.c.ref == track.ref).limit(1)
        async with self._database.read() as connection:
            return (await connection.scalar(kept)) is not None

    async def keep(self, person: PersonId, track: Track) -> None:
        """Keep a track; twice is once."""
        row = asdict(track) | {"person": person, "at": self._clock.now()}
        async with self._database.write() as connection:
            await connection.execute(insert_or_ignore(favourites, self._database.dialect), row)

    async def let_go(self, person: PersonId, track: Track) -> None:
        """Keep it no longer, by whichever identity it was kept."""
        async with self._database.write() as connection:
            await connection.execute(delete(favourites).where(_theirs(person), favourites.c.ref == track.ref))


def _known(number: int) -> int:
    """The number, or the next one that a database knows: there is nothing beyond."""
    return max(0, min(number, (1 << 63) - 1))


def _played(row: RowMapping) -> Played:
    columns = dict(row)
    return Played(columns.pop("id"), play(columns))


def _theirs(person: PersonId) -> ColumnElement[bool]:
    """Kept by any identity of the human that a person is."""
    human = func.coalesce(persons.c.leader, persons.c.id)
    wanted = select(human).where(persons.c.id == person).scalar_subquery()
    return favourites.c.person.in_(select(persons.c.id).where(human == wanted))
