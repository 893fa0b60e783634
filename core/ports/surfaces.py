"""What a further surface must do, and what it is given for it: see docs/integrations.md."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.errors import ChorusError
from core.jukebox import Jukebox
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.places import Places
from core.ports.stream import Playback
from core.ports.tracks import Library
from core.reports import Reports
from core.types import RoomId

GROUP = "chorus.surfaces"
"""The group of entry points that surfaces are found by: a name → something that takes a `Host` (see `Make`)."""


@dataclass(frozen=True, slots=True)
class Host:
    """Everything that a surface may use; the rules are behind `jukebox`, whose commands refuse by ChorusErrors."""

    jukebox: Jukebox
    """What people do and see."""
    reports: Reports
    """Who comes and goes without doing anything."""
    places: Places
    """From the surface's own names to rooms and people: a place is `chat:<surface>:<id>`, an identity's `external`
    `<surface>:<id>`, both of the kind `Surface.CHAT`.
    """
    library: Library
    bus: Bus
    """Tells that a room changed: look again."""
    clock: Clock
    refusal: Callable[[ChorusError, str], str]
    """Why something was refused and what to do, as plain text in a language (`en`, `es`)."""
    page: Callable[[RoomId], str | None]
    """The address of a room's page, if people can reach it."""
    holds: Callable[[], bool]
    """Whether this process is the one that acts for the surface now: one of several that share a database is."""
    playback: Playback | None = None


class Surface(Protocol):
    """One way into rooms. It translates: what people may do and what follows is decided behind the host."""

    async def start(self) -> None:
        """Be there for people; returns once that works. Whatever it raises is logged, and it is started again."""
        ...

    async def stop(self) -> None:
        """Let go of everything; called after `start` was, also if that failed."""
        ...

    @property
    def trouble(self) -> str | None:
        """What keeps it from working now, in a few words."""
        ...


Make = Callable[[Host], Surface | None]
"""Makes a surface; None when its own settings (from the environment) leave it off."""
