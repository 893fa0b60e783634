"""Why somebody has a plan, and what follows for a place."""

from dataclasses import dataclass
from typing import NewType

from core.enums import GrantSource
from core.types import PlaceId

Subject = NewType("Subject", str)
"""Who has a grant: a place by its id, `person:<person id>`, or `organisation:<name>` for several places."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One reason why a subject has a plan. Times in UTC ms; `valid_until` None: until it is revoked."""

    id: int
    source: GrantSource
    ref: str | None
    """What it is called by its source: no two grants of one source have the same."""
    subject: Subject
    plan: str
    created_at: int
    starts_at: int
    valid_until: int | None = None
    revoked_at: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A plan that a place has from `since` until before `until` (UTC ms; None: without end)."""

    plan: str
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What the grants of a place come to; versions rise over all places."""

    place: PlaceId
    version: int
    spans: tuple[Span, ...]
