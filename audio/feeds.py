"""Podcast feeds: RSS 2.0 with the iTunes tags, and Atom, read without keeping more than the episodes.

The parser refuses documents that declare a type: nothing else could make them grow while they are read.
"""

import calendar
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin
from xml.parsers import expat

from audio.media_sound import clean
from core.errors import UnplayableError

BYTES = 20 << 20
"""The largest feed that is read: of the known ones that keep all their episodes few have more than half of it."""
EPISODES = 1_000
"""The newest that are kept."""
READ = 10_000
"""Those that are looked at: old feeds begin with their first episode."""
DEEPEST = 64
TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
_MAYBE = frozenset({"", "application/xml", "text/xml", "text/plain", "application/octet-stream"})
_ROOT = re.compile(rb"\s*(?:<\?(?:(?!\?>).)*\?>\s*|<!--(?:(?!-->).)*-->\s*)*<(?:rss|feed|rdf:RDF)\b", re.DOTALL)
_HEAD = 4_096
_TEXTS = frozenset({"title", "guid", "id", "pubDate", "published", "updated", "duration"})
_SPOKEN = ("audio", "video", "application/ogg", "application/octet-stream", "binary/octet-stream")
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):(\d{1,2})(?:\.\d+)?")
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode: its title, where it lies, its length in ms and when it came out (UTC ms), where that is told."""

    title: str
    address: str
    length: int | None = None
    published: int | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A podcast, its newest episode first."""

    title: str
    episodes: tuple[Episode, ...]


def is_feed(media_type: str, head: bytes) -> bool:
    """Whether a body is a feed, by its media type or its first bytes."""
    kind = media_type.lower()
    return kind in TYPES or (kind in _MAYBE and _ROOT.match(head[:_HEAD].removeprefix(b"\xef\xbb\xbf")) is not None)


def parse(body: bytes, base: str) -> Feed:
    """The podcast in a feed that lies at `base`. Blocks for as much as a second.

    Raises:
        UnplayableError: `corrupt` (no XML, or one with a document type), `too_large`, `not_audio` (no episode).
    """
    if len(body) > BYTES:
        raise UnplayableError("too_large")
    reader = _Reader(base)
    try:
        reader.read(body)
    except (expat.ExpatError, ValueError, LookupError):
        raise UnplayableError("corrupt") from None
    if not reader.episodes:
        raise UnplayableError("not_audio")
    return Feed(clean(reader.title), tuple(_newest(reader.episodes)))


def _newest(episodes: list[Episode]) -> list[Episode]:
    """So many as are kept, in order; without dates the order is the feed's."""
    if all(episode.published is not None for episode in episodes):
        episodes = sorted(episodes, key=lambda episode: episode.published or 0, reverse=True)
    return episodes[:EPISODES]


@dataclass(slots=True)
class _Item:
    """What was read of an episode so far."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    address: str = ""


class _FullError(Exception):
    """There are episodes enough."""


class _Reader:
    """Follows expat through a feed, and remembers only what is asked for."""

    def __init__(self, base: str) -> None:
        self.title = ""
        self.episodes: list[Episode] = []
        self._base = base
        self._seen = 0
        self._path: list[str] = []
        self._item: _Item | None = None
        self._text: list[str] | None = None

    def read(self, body: bytes) -> None:
        """Raises ExpatError, ValueError, LookupError (an unknown encoding)."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse
        try:
            parser.Parse(body, True)  # noqa: FBT003 -- expat's way of saying that this is all
        except _FullError:
            return

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        self._path.append(tag)
        if len(self._path) > DEEPEST:
            raise ValueError(tag)
        if tag in {"item", "entry"}:
            self._item = _Item()
        elif self._item is not None:
            self._take_address(self._item, tag, attributes)
        if tag in _TEXTS:
            self._text = []

    def _take_address(self, item: _Item, tag: str, attributes: Mapping[str, str]) -> None:
        linked = tag == "link" and attributes.get("rel") == "enclosure"
        if tag != "enclosure" and not linked:
            return
        address = attributes.get("href" if linked else "url", "").strip()
        kind = attributes.get("type", "").strip().lower()
        if address and not item.address and (not kind or kind.startswith(_SPOKEN)):
            with contextlib.suppress(ValueError):  # what is no address makes no episode, and breaks no other one
                item.address = urljoin(self._base, address)

    def _characters(self, text: str) -> None:
        if self._text is not None and len(self._text) < _LONGEST:
            self._text.append(text[:_LONGEST])

    def _end(self, name: str) -> None:
        tag = self._path.pop()
        if self._text is not None and tag in _TEXTS:
            self._note(tag, "".join(self._text).strip())
            self._text = None
        if tag in {"item", "entry"} and self._item is not None:
            self._keep(self._item)
            self._item = None

    def _note(self, tag: str, text: str) -> None:
        """The first of several counts: `itunes:title` and `media:title` come second."""
        parent = self._path[-1] if self._path else ""
        if self._item is not None and parent in {"item", "entry"}:
            self._item.texts.setdefault(tag, text)
        elif tag == "title" and parent in {"channel", "feed"} and not self.title:
            self.title = text

    def _keep(self, item: _Item) -> None:
        texts = item.texts
        if not item.address:
            return
        date = texts.get("pubDate") or texts.get("published") or texts.get("updated") or ""
        title = clean(texts.get("title", "")) or clean(date)
        self.episodes.append(Episode(title, item.address, _length(texts.get("duration", "")), _time(date)))
        self._seen += 1
        if len(self.episodes) >= 2 * EPISODES:
            self.episodes = _newest(self.episodes)
        if self._seen >= READ:
            raise _FullError


def _refuse(*_: object) -> None:
    raise ValueError("a document type")


def _length(text: str) -> int | None:
    """`itunes:duration`: seconds, or m:ss, or h:mm:ss."""
    if text.isascii() and text.isdecimal() and len(text) < 7:  # noqa: PLR2004
        return int(text) * 1000 or None
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 3600 + minutes * 60 + seconds) * 1000 or None


def _time(text: str) -> int | None:
    """A date as RSS (RFC 2822) or as Atom (RFC 3339) writes it, in UTC ms."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            time = read(text)
            return calendar.timegm((time if time.tzinfo else time.replace(tzinfo=UTC)).utctimetuple()) * 1000
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
