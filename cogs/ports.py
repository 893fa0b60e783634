"""What both chats are given."""

from dataclasses import dataclass

from core.joining import Joining
from core.jukebox import Jukebox
from core.live import Live
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.places import Places
from core.ports.pushes import PushStates
from core.ports.stream import Playback
from core.ports.tracks import Library, Resolver
from core.reports import Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What people do and see, and what lies behind it."""

    jukebox: Jukebox
    reports: Reports
    live: Live
    joining: Joining
    places: Places
    resolver: Resolver
    library: Library
    bus: Bus
    clock: Clock
    playback: Playback | None = None
    push_states: PushStates | None = None
    page_url: str | None = None
    """Where the rooms' pages are, if people can reach them."""
