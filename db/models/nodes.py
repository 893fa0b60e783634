"""Who does what among processes, and audio nodes."""

from sqlalchemy import BigInteger, Column, Named, Table, Text, TypedColumns

from db.models.base import metadata


class SlotColumns(TypedColumns):
    """Who acts for a slot, and which other instance did `former`ly. `until` is by the database's clock, in ms."""

    id: Named[str] = Column(Text, primary_key=True)
    owner: Named[str] = Column(Text)
    epoch: Named[int] = Column(BigInteger)
    until: Named[int] = Column(BigInteger)
    former: Named[str] = Column(Text, server_default="")


class NodeSessionColumns(TypedColumns):
    """The Lavalink session of an instance with a node."""

    instance: Named[str] = Column(Text, primary_key=True)
    node: Named[str] = Column(Text, primary_key=True)
    uri: Named[str] = Column(Text)
    session: Named[str] = Column(Text)
    at: Named[int] = Column(BigInteger)


class NodeDrainColumns(TypedColumns):
    """A node that rooms are to leave."""

    node: Named[str] = Column(Text, primary_key=True)
    at: Named[int] = Column(BigInteger)


slots = Table("slots", metadata, SlotColumns)
node_sessions = Table("node_sessions", metadata, NodeSessionColumns)
node_drains = Table("node_drains", metadata, NodeDrainColumns)
