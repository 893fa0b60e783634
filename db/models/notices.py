"""What is to be told and done, each once."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, Named, Table, Text, TypedColumns
from sqlalchemy import UniqueConstraint as Unique

from db.models.base import Serial, metadata


class OutboxColumns(TypedColumns):
    """One effect by one channel; `state` is a LetterState.

    `due_at` is business time; `lease_until` and `tried_at`, the first try that may have arrived, are the database's.
    """

    id: Named[int] = Column(Serial, primary_key=True)
    key: Named[str] = Column(Text)
    channel: Named[str] = Column(Text)
    kind: Named[str] = Column(Text)
    data: Named[Any] = Column(JSON)
    person: Named[str | None] = Column(Text, ForeignKey("persons.id", ondelete="CASCADE"), index=True)
    place: Named[str | None] = Column(Text, index=True)
    created_at: Named[int] = Column(BigInteger)
    due_at: Named[int] = Column(BigInteger)
    state: Named[str] = Column(Text)
    attempts: Named[int] = Column(Integer, server_default="0")
    lease_until: Named[int | None] = Column(BigInteger)
    lease_token: Named[str | None] = Column(Text)
    tried_at: Named[int | None] = Column(BigInteger)
    settled_at: Named[int | None] = Column(BigInteger)
    error: Named[str] = Column(Text, server_default="")


class ContactColumns(TypedColumns):
    """How else a person is reached, and the language they chose."""

    person: Named[str] = Column(Text, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True)
    email: Named[str | None] = Column(Text)
    language: Named[str | None] = Column(Text)


class MuteColumns(TypedColumns):
    """What a person does not want to be told."""

    person: Named[str] = Column(Text, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True)
    topic: Named[str] = Column(Text, primary_key=True)


outbox = Table(
    "outbox",
    metadata,
    OutboxColumns,
    Unique("key", "channel"),
    Index("ix_outbox_state_due_at", "state", "due_at"),
    Index("ix_outbox_channel_state_due_at", "channel", "state", "due_at"),
)
contacts = Table("contacts", metadata, ContactColumns)
mutes = Table("mutes", metadata, MuteColumns)
