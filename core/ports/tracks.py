"""Finding tracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.types import Track


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that somebody sent. `url` may carry secrets and expire: it is fetched once, never stored or logged."""

    url: str
    filename: str
    size: int
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a query stands for: one track, or the tracks of a playlist (`playlist` is its title)."""

    tracks: tuple[Track, ...]
    playlist: str | None = None
    resumes: bool = False
    """Spoken word: each track goes on where the room left it."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of a podcast. `query` plays it; `length` in ms and `published` (UTC ms) if the feed tells them."""

    query: str
    title: str
    length: int | None = None
    published: int | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """A podcast, its newest episode first."""

    title: str
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a track with a name; `start` in ms."""

    start: int
    title: str


@dataclass(frozen=True, slots=True)
class ListLine:
    """A line of a list: a reference (`library:<id>`), a link, or a path that nobody will follow, and what it says of
    the track. `length` in ms.
    """

    address: str
    title: str = ""
    artist: str = ""
    length: int | None = None

    @property
    def text(self) -> str:
        """The line as people know it."""
        named = f"{self.artist} - {self.title}" if self.artist else self.title
        return (named or self.address)[:100]


class Resolver(Protocol):
    """From what a person typed or sent to tracks."""

    async def resolve(self, query: str | Attachment, *, limit: int) -> Found:
        """At most `limit` tracks. Raises NothingFoundError, SourceOffError, UnplayableError, TooLongError."""
        ...

    async def look_up(self, lines: Sequence[ListLine]) -> Sequence[Track | None]:
        """What each line of a list stands for; None where that is unknown, or may not be played.

        Links are looked at only if their line does not say what they are; no file is read.
        """
        ...

    async def chapters(self, track: Track) -> Sequence[Chapter]:
        """The chapters of a track, in order; none when it has fewer than two."""
        ...

    async def episodes(self, link: str) -> Show | None:
        """The podcast behind a link; None when there is none."""
        ...

    def local(self, query: str) -> bool:
        """Whether this query can be answered at once, without the network."""
        ...


class Library(Protocol):
    """The operator's music folders, indexed."""

    async def search(self, query: str, *, limit: int = 10) -> Sequence[Track]:
        """Best match first, typing errors tolerated; empty query: the newest."""
        ...

    async def cover(self, key: str, size: int) -> Path | None:
        """A WebP file of a track's cover, `size` px (88, 176 or 512); None when there is none."""
        ...

    async def fallback(self) -> Sequence[Track]:
        """The house list: the demo tracks, or what the operator put in its place."""
        ...


class MediaAddress(Protocol):
    """Mints addresses for nodes."""

    def media_url(self, track: Track, *, bound_to: str) -> str:
        """A signed, expiring URL under MEDIA_URL that streams this track; never shown or logged.

        `bound_to` names room and entry; valid for the track's length + 1 h (live: 24 h).
        """
        ...
