"""What the page's handlers share: the parts they were given and those made from them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from core.enums import Meter, Surface
from core.errors import NoSuchRoomError
from core.jukebox import Jukebox
from core.ports.clock import Clock
from core.ports.members import Members
from core.ports.places import Places, RoomRef
from core.ports.rooms import Rooms
from core.ports.tracks import Library
from core.ports.usage import Quotas
from core.types import Actor, RoomId
from web.address import Proxies
from web.drawing import Drawing
from web.hls import Hls
from web.languages import preferred
from web.presence import Guest, Presences, web_place
from web.rates import RateLimits
from web.scenes import Scenes
from web.stream import Streams
from web.turnstile import Turnstile
from web.visitors import Visitor, Visitors

Check = Callable[[], Awaitable[str | None]]
"""Something that has to work for the process to be ready: None, or what is wrong."""


VISITOR = web.RequestKey("visitor", Visitor)
NONCE = web.RequestKey("nonce", str)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a handler needs."""

    jukebox: Jukebox
    places: Places
    library: Library
    clock: Clock
    scenes: Scenes
    drawing: Drawing
    presences: Presences
    streams: Streams
    visitors: Visitors
    limits: RateLimits
    turnstile: Turnstile
    quotas: Quotas
    proxies: Proxies
    checks: Mapping[str, Check]
    metrics_token: str | None
    rooms: Rooms
    hls: Hls | None = None
    members: Members | None = None

    async def ref(self, request: web.Request) -> RoomRef:
        """The room of the address, or the one that its place shares. Raises NoSuchRoomError."""
        room = RoomId(request.match_info["room"])
        ref = await self.places.entrance(room)
        if ref is None:
            raise NoSuchRoomError
        return ref

    async def guest(self, request: web.Request) -> Guest:
        """The person behind a request: a visitor who came back with a cookie, or else their address's."""
        visitor, address = visitor_of(request), self.proxies.client(request)
        if not visitor.known:
            visitor = self.visitors.unknown(address)
        person = await self.places.person(visitor.identity)
        hashed = None if visitor.telegram else self.visitors.hashed(address)
        return Guest(person, visitor.name, hashed, visitor.identity if visitor.telegram else None)

    async def places_to_listen(self, ref: RoomRef) -> int:
        """How many may hear a room's streams. Raises UsedUpError: nobody new may."""
        room = await self.rooms.read(ref.room)
        self.quotas.require(room, Meter.LISTENING)
        return room.limits.listeners

    async def known(self, request: web.Request) -> Guest | None:
        """The person behind a request, unless the visitor never came before."""
        return await self.guest(request) if visitor_of(request).known else None

    async def actor(self, ref: RoomRef, guest: Guest) -> Actor:
        """A guest as the rules know those who act: a member of a chat that shares the room acts from there."""
        member = await self.member(ref, guest)
        return member or Actor(guest.person, guest.name, web_place(ref), Surface.WEB)

    async def member(self, ref: RoomRef, guest: Guest | None) -> Actor | None:
        """Somebody as a member of a chat that shares the room, if they are one."""
        if self.members is None or guest is None or guest.identity is None:
            return None
        room = await self.rooms.read(ref.room)
        return await self.members.actor(ref, (room.place, *room.linked), guest.identity)


def visitor_of(request: web.Request) -> Visitor:
    """Whom the guard recognised."""
    return request[VISITOR]


def locale_of(request: web.Request) -> str:
    """The language of an answer."""
    return preferred(request.headers.get("Accept-Language", ""))


def is_partial(request: web.Request) -> bool:
    """Whether HTMX asks, and a fragment is enough."""
    return "HX-Request" in request.headers
