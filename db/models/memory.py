"""What is kept of rooms, tracks and tastes beyond the moment."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Named,
    Table,
    Text,
    TypedColumns,
)

from db.models.base import Serial, metadata


class PlayColumns(TypedColumns):
    """One finished play."""

    id: Named[int] = Column(Serial, primary_key=True)
    room: Named[str] = Column(Text)
    place: Named[str] = Column(Text)
    entry: Named[int] = Column(BigInteger)
    person: Named[str] = Column(Text)
    ref: Named[str] = Column(Text)
    title: Named[str] = Column(Text)
    node: Named[str | None] = Column(Text)
    output: Named[str] = Column(Text)
    started_at: Named[int] = Column(BigInteger)
    ended_at: Named[int] = Column(BigInteger)
    heard: Named[int] = Column(BigInteger)
    listeners_start: Named[int] = Column(Integer)
    listeners_end: Named[int] = Column(Integer)
    reason: Named[str] = Column(Text)
    likes: Named[int] = Column(Integer)
    skips: Named[int] = Column(Integer)
    artist: Named[str] = Column(Text, server_default="")
    length: Named[int | None] = Column(BigInteger)
    cover: Named[str | None] = Column(Text)
    accent: Named[str | None] = Column(Text)
    uri: Named[str | None] = Column(Text)
    station: Named[str] = Column(Text, server_default="")
    position: Named[int] = Column(BigInteger, server_default="0")


class AuditColumns(TypedColumns):
    """One change of settings, roles, money or policy; append-only."""

    id: Named[int] = Column(Serial, primary_key=True)
    at: Named[int] = Column(BigInteger)
    actor: Named[str] = Column(Text)
    surface: Named[str] = Column(Text)
    place: Named[str] = Column(Text)
    action: Named[str] = Column(Text)
    before: Named[Any] = Column(JSON)
    after: Named[Any] = Column(JSON)


class FavouriteColumns(TypedColumns):
    """A track that a person keeps."""

    person: Named[str] = Column(Text, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True)
    ref: Named[str] = Column(Text, primary_key=True)
    title: Named[str] = Column(Text)
    artist: Named[str] = Column(Text)
    length: Named[int | None] = Column(BigInteger)
    cover: Named[str | None] = Column(Text)
    accent: Named[str | None] = Column(Text)
    uri: Named[str | None] = Column(Text)
    at: Named[int] = Column(BigInteger)


class MeasureColumns(TypedColumns):
    """How loud a track is. `stamp` is of the file that was measured, `waveform` a byte a point."""

    ref: Named[str] = Column(Text, primary_key=True)
    loudness: Named[float | None] = Column(Double[float]())
    peak: Named[float | None] = Column(Double[float]())
    opus: Named[bool]
    whole: Named[bool]
    stamp: Named[str] = Column(Text)
    waveform: Named[bytes] = Column(LargeBinary)


class PushColumns(TypedColumns):
    """Where a room is pushed to. `server` is for people; `sealed` is the whole address, encrypted: it holds a key."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    id: Named[str] = Column(Text, primary_key=True)
    server: Named[str] = Column(Text)
    sealed: Named[str] = Column(Text)
    picture: Named[bool]
    on: Named[bool]
    at: Named[int] = Column(BigInteger)


plays = Table("plays", metadata, PlayColumns, Index(None, "room", "id"))
audit = Table("audit", metadata, AuditColumns, Index(None, "place", "id"))
favourites = Table("favourites", metadata, FavouriteColumns)
measures = Table("measures", metadata, MeasureColumns)
pushes = Table("pushes", metadata, PushColumns)
