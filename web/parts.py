"""What the page is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.jukebox import Jukebox
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.codes import Codes
from core.ports.measures import Waveforms
from core.ports.members import Members
from core.ports.places import Places
from core.ports.rates import RateCounter
from core.ports.rooms import Rooms
from core.ports.shop import Shop
from core.ports.stream import Playback, RoomStream
from core.ports.tracks import Library
from core.ports.usage import Nothing, Quotas
from core.reports import Reports
from web.desk import Desk
from web.icecast import Icecast
from web.rates import Rates
from web.site import Check
from web.stream import Streams
from web.turnstile import Turnstile


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """What people do and see, what lies behind it, and what is switched on."""

    jukebox: Jukebox
    reports: Reports
    rooms: Rooms
    places: Places
    library: Library
    stream: RoomStream
    bus: Bus
    clock: Clock
    keys: Sequence[bytes]
    """They sign cookies and forms: the first signs, all verify."""
    counter: RateCounter
    """Counts what visitors ask for."""
    rates: Rates = field(default_factory=Rates)
    trusted_proxies: Sequence[str] = ()
    metrics_token: str | None = None
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    """What /readyz asks besides the database."""
    playback: Playback | None = None
    """With it pages say when there is no sound."""
    waveforms: Waveforms | None = None
    """With them pages draw what is on air."""
    turnstile: Turnstile = field(default_factory=Turnstile)
    """Counts who hears rooms; closed with the application."""
    quotas: Quotas = field(default_factory=Nothing)
    hls: bool = False
    icecast: Callable[[Streams], Icecast] | None = None
    telegram_token: str | None = None
    """With it and `codes` the page is a Mini App of that bot too."""
    codes: Codes | None = None
    members: Members | None = None
    """Knows a Mini App's users from their chats."""
    shop: Shop | None = None
    """With it places buy plans."""
    desk: Desk | None = None
    """With it people read what they are told of them."""
