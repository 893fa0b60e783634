"""Rooms and what is in them."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    false,
    true,
)

from db.models.base import metadata


class RoomColumns(TypedColumns):
    """A room's header. `current_entry` and `locked` are ids of its entries; `checkpoint` is where it was heard last."""

    id: Named[str] = Column(Text, primary_key=True)
    place: Named[str] = Column(Text, ForeignKey("places.id"), index=True)
    name: Named[str] = Column(Text)
    bot_account: Named[int | None] = Column(BigInteger)
    guild: Named[int | None] = Column(BigInteger)
    version: Named[int] = Column(BigInteger)
    voice_channel: Named[int | None] = Column(BigInteger)
    voice_lost: Named[str] = Column(Text, server_default="")
    volume: Named[int] = Column(Integer)
    paused: Named[str | None] = Column(Text)
    clock_offset: Named[int] = Column(BigInteger)
    clock_running_since: Named[int | None] = Column(BigInteger)
    clock_rate: Named[float] = Column(Double, server_default="1")
    current_entry: Named[int | None] = Column(BigInteger)
    current_fallback: Named[bool]
    chosen_at: Named[int] = Column(BigInteger)
    started_at: Named[int | None] = Column(BigInteger)
    node: Named[str | None] = Column(Text)
    listeners: Named[int] = Column(Integer)
    heard: Named[int] = Column(BigInteger)
    song: Named[Any | None] = Column(JSON(none_as_null=True))
    locked: Named[int | None] = Column(BigInteger)
    next_entry: Named[int] = Column(BigInteger)
    emptied_at: Named[int] = Column(BigInteger)
    fallback_at: Named[int] = Column(BigInteger)
    mode: Named[str] = Column(Text, server_default="fair")
    loop: Named[str] = Column(Text, server_default="off")
    closed: Named[bool] = Column(Boolean, server_default=false())
    filter: Named[Any | None] = Column(JSON(none_as_null=True))
    crossfade: Named[int] = Column(Integer, server_default="0")
    loudness: Named[bool] = Column(Boolean, server_default=true())
    cleared: Named[int] = Column(BigInteger, server_default="0")
    shuffle: Named[Any | None] = Column(JSON(none_as_null=True))
    undo: Named[Any | None] = Column(JSON(none_as_null=True))
    checkpoint: Named[int | None] = Column(BigInteger)
    checkpoint_at: Named[int | None] = Column(BigInteger)


class EntryColumns(TypedColumns):
    """A queued track: those waiting and the one on air, and those in the bin (`binned`, or cleared with the queue)."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    id: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    person: Named[str] = Column(Text)
    name: Named[str] = Column(Text)
    place: Named[str] = Column(Text)
    ref: Named[str] = Column(Text)
    title: Named[str] = Column(Text)
    artist: Named[str] = Column(Text)
    length: Named[int | None] = Column(BigInteger)
    cover: Named[str | None] = Column(Text)
    accent: Named[str | None] = Column(Text)
    uri: Named[str | None] = Column(Text)
    requested_at: Named[int] = Column(BigInteger)
    first_requested_at: Named[int] = Column(BigInteger)
    forced: Named[bool]
    parked: Named[bool]
    seat: Named[int | None] = Column(BigInteger)
    starts_at: Named[int | None] = Column(BigInteger)
    begins: Named[int] = Column(BigInteger, server_default="0")
    binned: Named[bool] = Column(Boolean, server_default=false())


class VoteColumns(TypedColumns):
    """A person's vote for an entry."""

    room: Named[str] = Column(Text, primary_key=True)
    entry: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    person: Named[str] = Column(Text, primary_key=True)
    value: Named[int] = Column(SmallInteger)
    at: Named[int] = Column(BigInteger)


class PresenceColumns(TypedColumns):
    """A person in a room by way of a place."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    person: Named[str] = Column(Text, primary_key=True)
    place: Named[str] = Column(Text, primary_key=True)
    hearing: Named[str] = Column(Text)
    name: Named[str] = Column(Text)
    since: Named[int] = Column(BigInteger)
    left_at: Named[int | None] = Column(BigInteger)
    deaf: Named[bool]
    address: Named[str | None] = Column(Text)


class PollColumns(TypedColumns):
    """A running question; `votes` maps persons to the time of their vote."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    kind: Named[str] = Column(Text, primary_key=True)
    entry: Named[int | None] = Column(BigInteger)
    opened_by: Named[str] = Column(Text)
    opened_at: Named[int] = Column(BigInteger)
    deadline: Named[int] = Column(BigInteger)
    votes: Named[Any] = Column(JSON)
    argument: Named[str | None] = Column(Text)


class TurnColumns(TypedColumns):
    """A start of an entry, as fairness counts it."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    entry: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    person: Named[str] = Column(Text)
    started_at: Named[int] = Column(BigInteger)
    counted: Named[bool]
    airtime: Named[int] = Column(BigInteger, server_default="0")
    approvers: Named[Any] = Column(JSON, server_default="[]")
    start: Named[int] = Column(BigInteger, server_default="0")
    forced: Named[bool] = Column(Boolean, server_default=false())


class CommandColumns(TypedColumns):
    """What a command answered; `kind` names the result's type, `result` is its JSON."""

    id: Named[str] = Column(Text, primary_key=True)
    room: Named[str] = Column(Text, primary_key=True)
    kind: Named[str] = Column(Text)
    result: Named[str] = Column(Text)
    at: Named[int] = Column(BigInteger, index=True)


rooms = Table("rooms", metadata, RoomColumns, UniqueConstraint("bot_account", "guild"))
entries = Table("entries", metadata, EntryColumns)
# Votes name their entry without a foreign key: clearing a queue of thousands would check each row twice.
votes = Table("votes", metadata, VoteColumns, ForeignKeyConstraint(["room"], ["rooms.id"], ondelete="CASCADE"))
presences = Table("presences", metadata, PresenceColumns)
polls = Table("polls", metadata, PollColumns)
turns = Table("turns", metadata, TurnColumns)
commands = Table("commands", metadata, CommandColumns)
