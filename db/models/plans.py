"""Who has which plan."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Named, Table, Text, TypedColumns, UniqueConstraint

from db.models.base import Serial, metadata


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


grants = Table("grants", metadata, GrantColumns, UniqueConstraint("source", "ref"))
covers = Table("covers", metadata, CoverColumns)
entitlements = Table("entitlements", metadata, EntitlementColumns)
