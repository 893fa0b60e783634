"""People, the places where they meet, and what joins those."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Named, Table, Text, TypedColumns

from db.models.base import metadata


class PlaceColumns(TypedColumns):
    """Where people meet rooms. `version` rises with the settings, so that every room of the place sees them."""

    id: Named[str] = Column(Text, primary_key=True)
    name: Named[str] = Column(Text)
    settings: Named[Any] = Column(JSON)
    version: Named[int] = Column(BigInteger)
    created_at: Named[int] = Column(BigInteger)


class PersonColumns(TypedColumns):
    """One human, or what was one: `leader` is the person that this one was linked to."""

    id: Named[str] = Column(Text, primary_key=True)
    leader: Named[str | None] = Column(Text, index=True)
    created_at: Named[int] = Column(BigInteger)


class IdentityColumns(TypedColumns):
    """One account of a person on one surface."""

    kind: Named[str] = Column(Text, primary_key=True)
    external: Named[str] = Column(Text, primary_key=True)
    person: Named[str] = Column(Text, ForeignKey("persons.id", ondelete="CASCADE"), index=True)
    name: Named[str] = Column(Text)


class LinkColumns(TypedColumns):
    """A place whose people share the room of another place."""

    place: Named[str] = Column(Text, ForeignKey("places.id", ondelete="CASCADE"), primary_key=True)
    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), index=True)
    at: Named[int] = Column(BigInteger)


class CodeColumns(TypedColumns):
    """A code that was shown to somebody, as a hash, and what it stands for until then."""

    hash: Named[str] = Column(Text, primary_key=True)
    subject: Named[str] = Column(Text)
    until: Named[int] = Column(BigInteger)


class ChatColumns(TypedColumns):
    """A chat's live message, in a forum's `topic`, and the language that was chosen there."""

    place: Named[str] = Column(Text, ForeignKey("places.id", ondelete="CASCADE"), primary_key=True)
    message: Named[int | None] = Column(BigInteger)
    topic: Named[int | None] = Column(BigInteger)
    language: Named[str | None] = Column(Text)


class VisitColumns(TypedColumns):
    """The chat where somebody acted last."""

    person: Named[str] = Column(Text, ForeignKey("persons.id", ondelete="CASCADE"), primary_key=True)
    place: Named[str] = Column(Text)


class LiveMessageColumns(TypedColumns):
    """Which message shows a room's live panel."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    channel: Named[int] = Column(BigInteger)
    message: Named[int] = Column(BigInteger)


places = Table("places", metadata, PlaceColumns)
persons = Table("persons", metadata, PersonColumns)
identities = Table("identities", metadata, IdentityColumns)
links = Table("links", metadata, LinkColumns)
codes = Table("codes", metadata, CodeColumns)
chats = Table("chats", metadata, ChatColumns)
visits = Table("visits", metadata, VisitColumns)
live_messages = Table("live_messages", metadata, LiveMessageColumns)
