"""Append-only rows written in the transaction of the change itself."""

from dataclasses import dataclass, field
from typing import Any

from core.enums import EndReason
from core.types import EntryId, PersonId, PlaceId, RoomId, TrackRef


@dataclass(frozen=True, slots=True)
class Play:
    """One finished play. `started_at` and `ended_at` in UTC ms, `heard` in ms."""

    room: RoomId
    place: PlaceId
    entry: EntryId
    person: PersonId
    ref: TrackRef
    title: str
    node: str | None
    output: str
    started_at: int
    ended_at: int
    heard: int
    listeners_start: int
    listeners_end: int
    reason: EndReason
    likes: int
    skips: int
    artist: str = ""
    length: int | None = None
    cover: str | None = None
    accent: str | None = None
    uri: str | None = None
    station: str = ""
    """The live source's name, where title and artist are those of a song on it."""
    position: int = 0
    """Where in the track it ended, in ms."""


@dataclass(frozen=True, slots=True)
class Played:
    """A play and the id of its row, which rises."""

    id: int
    play: Play


@dataclass(frozen=True, slots=True)
class Audit:
    """One change of settings, roles, money or policy."""

    at: int
    actor: PersonId
    surface: str
    place: PlaceId
    action: str
    before: dict[str, Any] = field(default_factory=dict[str, Any])
    after: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Audited:
    """A change and the id of its row, which rises."""

    id: int
    audit: Audit
