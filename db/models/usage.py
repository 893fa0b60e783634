"""What places use of what is counted."""

from sqlalchemy import BigInteger, Column, Index, Named, Table, Text, TypedColumns

from db.models.base import metadata


class UseColumns(TypedColumns):
    """Something that was used, once under each key. `since` is the period that it is counted in; None: not yet."""

    place: Named[str] = Column(Text, primary_key=True)
    meter: Named[str] = Column(Text, primary_key=True)
    key: Named[str] = Column(Text, primary_key=True)
    amount: Named[int] = Column(BigInteger)
    at: Named[int] = Column(BigInteger)
    since: Named[int | None] = Column(BigInteger)


class UsageColumns(TypedColumns):
    """What a place used of a meter in the period that began at `since`: ms, bytes or pieces."""

    place: Named[str] = Column(Text, primary_key=True)
    meter: Named[str] = Column(Text, primary_key=True)
    since: Named[int] = Column(BigInteger, primary_key=True)
    used: Named[int] = Column(BigInteger)


uses = Table("uses", metadata, UseColumns, Index(None, "since"))
usage = Table("usage", metadata, UsageColumns)
