"""Further sources of tracks: those that the operator switches on by name (`SOURCES`).

A package offers one by an entry point of the group `chorus.sources`: its name, and something that takes the `Guard`
and returns a `TrackSource`. What a source finds has references made by `make_ref`; the sound itself is fetched by us,
through the guard, from the address that `locate` tells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, cast

from audio.guard import Guard
from core.errors import UnplayableError
from core.ports.tracks import Found
from core.types import TrackRef

GROUP = "chorus.sources"
OWN = {"yt-dlp": ("audio.ytdlp", "YtDlp")}
"""Sources that come with us, which work once what they need is installed."""
PREFIX = "source:"
HEADERS = frozenset({"origin", "referer", "user-agent"})
"""What a source may have us say to the server of its sound."""


class SourceSettingError(Exception):
    """`SOURCES` names what there is not; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Located:
    """Where the sound of a track lies now, and with which headers it is to be asked for."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class TrackSource(Protocol):
    """One further source."""

    def takes(self, query: str) -> bool:
        """Whether a link or a prefixed search belongs to it. Answers at once."""
        ...

    async def find(self, query: str, limit: int) -> Found:
        """At most `limit` tracks. Raises NothingFoundError, UnplayableError."""
        ...

    async def locate(self, address: str) -> Located:
        """Where the sound is that `find` named by `make_ref(name, address)`. Raises UnplayableError."""
        ...

    async def close(self) -> None:
        """Stop whatever runs."""
        ...


Make = Callable[[Guard], TrackSource]


def make_ref(name: str, address: str) -> TrackRef:
    """The reference of a track of the source with that name: `source:<name>:<address>`."""
    return TrackRef(f"{PREFIX}{name}:{address}")


class Sources:
    """The sources that are on."""

    def __init__(self, sources: Mapping[str, TrackSource] | None = None) -> None:
        self._sources = dict(sources or {})

    def of(self, query: str) -> TrackSource | None:
        """The first source that takes a query."""
        return next((source for source in self._sources.values() if source.takes(query)), None)

    async def locate(self, ref: TrackRef) -> Located:
        """Where the sound of a track lies. Raises UnplayableError."""
        _, name, address = ref.split(":", 2)
        source = self._sources.get(name)
        if source is None:
            raise UnplayableError("not_found")
        found = await source.locate(address)
        return Located(found.url, {name: text for name, text in found.headers.items() if name.lower() in HEADERS})

    async def close(self) -> None:
        """Close them all."""
        for source in self._sources.values():
            await source.close()


def open_sources(names: Sequence[str], guard: Guard) -> Sources:
    """The sources of these names. Raises SourceSettingError."""
    return Sources({name: _open(name, guard) for name in names})


def _open(name: str, guard: Guard) -> TrackSource:
    try:
        return _find(name)(guard)
    except ImportError as error:
        raise SourceSettingError(f"{name} needs {error.name}: .venv/bin/pip install {error.name}") from None


def _find(name: str) -> Make:
    if name in OWN:
        module, maker = OWN[name]
        return cast("Make", getattr(import_module(module), maker))
    for point in entry_points(group=GROUP, name=name):
        return cast("Make", point.load())
    known = sorted({*OWN, *(point.name for point in entry_points(group=GROUP))})
    raise SourceSettingError(f"there is no source {name!r}; there are {', '.join(known)}")
