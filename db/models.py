"""The tables. Times are UTC in ms, lengths and positions in ms; ids of chat platforms are signed 64-bit numbers."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    false,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only when their key is a plain INTEGER."""


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


class SlotColumns(TypedColumns):
    """Who acts for a slot, and which other instance did `former`ly. `until` is by the database's clock, in ms."""

    id: Named[str] = Column(Text, primary_key=True)
    owner: Named[str] = Column(Text)
    epoch: Named[int] = Column(BigInteger)
    until: Named[int] = Column(BigInteger)
    former: Named[str] = Column(Text, server_default="")


class NodeDrainColumns(TypedColumns):
    """A node that rooms are to leave."""

    node: Named[str] = Column(Text, primary_key=True)
    at: Named[int] = Column(BigInteger)


class NodeSessionColumns(TypedColumns):
    """The Lavalink session of an instance with a node."""

    instance: Named[str] = Column(Text, primary_key=True)
    node: Named[str] = Column(Text, primary_key=True)
    uri: Named[str] = Column(Text)
    session: Named[str] = Column(Text)
    at: Named[int] = Column(BigInteger)


class LiveMessageColumns(TypedColumns):
    """Which message shows a room's live panel."""

    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    channel: Named[int] = Column(BigInteger)
    message: Named[int] = Column(BigInteger)


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


class CodeColumns(TypedColumns):
    """A code that was shown to somebody, as a hash, and what it stands for until then."""

    hash: Named[str] = Column(Text, primary_key=True)
    subject: Named[str] = Column(Text)
    until: Named[int] = Column(BigInteger)


class LinkColumns(TypedColumns):
    """A place whose people share the room of another place."""

    place: Named[str] = Column(Text, ForeignKey("places.id", ondelete="CASCADE"), primary_key=True)
    room: Named[str] = Column(Text, ForeignKey("rooms.id", ondelete="CASCADE"), index=True)
    at: Named[int] = Column(BigInteger)


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


class GrantColumns(TypedColumns):
    """Why a subject has a plan: a place (its id), `person:<person id>` or `organisation:<name>`.

    `ref` is what `source` calls it. Grants that follow from each other or ended stay: they say what was had when.
    """

    id: Named[int] = Column(Serial, primary_key=True)
    source: Named[str] = Column(Text)
    ref: Named[str | None] = Column(Text)
    subject: Named[str] = Column(Text, index=True)
    plan: Named[str] = Column(Text)
    created_at: Named[int] = Column(BigInteger)
    starts_at: Named[int] = Column(BigInteger)
    valid_until: Named[int | None] = Column(BigInteger)
    revoked_at: Named[int | None] = Column(BigInteger)
    reason: Named[str] = Column(Text, server_default="")


class CoverColumns(TypedColumns):
    """A place for which the grants of a person or an organisation count too."""

    place: Named[str] = Column(Text, primary_key=True)
    subject: Named[str] = Column(Text, primary_key=True, index=True)


class EntitlementColumns(TypedColumns):
    """What the grants of a place come to; `version` rises over all places, so that news are found by it."""

    place: Named[str] = Column(Text, primary_key=True)
    spans: Named[Any] = Column(JSON)
    version: Named[int] = Column(BigInteger, index=True)


places = Table("places", metadata, PlaceColumns)
persons = Table("persons", metadata, PersonColumns)
identities = Table("identities", metadata, IdentityColumns)
rooms = Table("rooms", metadata, RoomColumns, UniqueConstraint("bot_account", "guild"))
entries = Table("entries", metadata, EntryColumns)
# Votes name their entry without a foreign key: clearing a queue of thousands would check each row twice.
votes = Table("votes", metadata, VoteColumns, ForeignKeyConstraint(["room"], ["rooms.id"], ondelete="CASCADE"))
presences = Table("presences", metadata, PresenceColumns)
polls = Table("polls", metadata, PollColumns)
turns = Table("turns", metadata, TurnColumns)
commands = Table("commands", metadata, CommandColumns)
plays = Table("plays", metadata, PlayColumns, Index(None, "room", "id"))
audit = Table("audit", metadata, AuditColumns, Index(None, "place", "id"))
slots = Table("slots", metadata, SlotColumns)
node_sessions = Table("node_sessions", metadata, NodeSessionColumns)
node_drains = Table("node_drains", metadata, NodeDrainColumns)
live_messages = Table("live_messages", metadata, LiveMessageColumns)
links = Table("links", metadata, LinkColumns)
codes = Table("codes", metadata, CodeColumns)
chats = Table("chats", metadata, ChatColumns)
visits = Table("visits", metadata, VisitColumns)
favourites = Table("favourites", metadata, FavouriteColumns)
measures = Table("measures", metadata, MeasureColumns)
pushes = Table("pushes", metadata, PushColumns)
grants = Table("grants", metadata, GrantColumns, UniqueConstraint("source", "ref"))
covers = Table("covers", metadata, CoverColumns)
entitlements = Table("entitlements", metadata, EntitlementColumns)
