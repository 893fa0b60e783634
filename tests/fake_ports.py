"""What chats are given, where a test has a store of its own and nothing else to say."""

from typing import Any, cast

from cogs.ports import Ports
from core.joining import Joining
from core.jukebox import Jukebox
from core.live import Live
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.places import Places
from core.ports.rooms import Rooms
from core.ports.shelf import Shelf
from core.rates import OwnCounter
from core.reports import Reports
from tests.fake_links import FakeCodes, FakeLinks, FakePeople
from tests.fake_pushes import FakePushes
from tests.fakes import FakeLibrary, FakeResolver


def make_ports(rooms: Rooms, places: Places, shelf: Shelf, library: FakeLibrary, bus: Bus, clock: Clock) -> Ports:
    """The rules over a store; nothing is pushed, and nobody linked."""
    resolver = FakeResolver(library)
    people = FakePeople()
    return Ports(
        jukebox=Jukebox(rooms, clock, resolver, shelf),
        reports=Reports(rooms, clock),
        live=Live(rooms, FakePushes(), bus, clock),
        joining=Joining(rooms, FakeLinks(cast("Any", places)), people, FakeCodes(), clock, OwnCounter(clock)),
        places=places,
        resolver=resolver,
        library=library,
        bus=bus,
        clock=clock,
    )
