"""Who is in a room by way of the page: those who listen, and those who act on it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from core.enums import Hearing
from core.errors import ChorusError
from core.ports.clock import Clock
from core.ports.places import RoomRef
from core.ports.rooms import Rooms
from core.reports import Reports
from core.types import Identity, PersonId, PlaceId, Presence, RoomId

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Guest:
    """A visitor as a room knows them. `address` is a keyed hash, None for those whom `identity` tells from others."""

    person: PersonId
    name: str
    address: str | None
    identity: Identity | None = None


@dataclass(slots=True)
class _Seat:
    """A guest's open connections, and whether the room counts them as one who acts."""

    ref: RoomRef
    guest: Guest
    pages: int = 0
    streams: int = 0
    acted: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def web_place(ref: RoomRef) -> PlaceId:
    """The place that a room's visitors come by: the room's own if it is the page's, else one beside it."""
    return ref.place if ref.place.startswith("web:") else PlaceId(f"web:{ref.room}")


class Presences:
    """Reports arrivals and departures; a store that is down never keeps somebody from listening."""

    def __init__(self, reports: Reports, rooms: Rooms, clock: Clock) -> None:
        self._reports, self._rooms, self._clock = reports, rooms, clock
        self._seats: dict[tuple[RoomId, PersonId], _Seat] = {}

    async def clear(self, ref: RoomRef) -> None:
        """At start nobody is here yet, whoever was when the process ended."""
        await _told(self._reports.people(ref.room, web_place(ref), []))

    async def confirm(self, room: RoomId, version: int) -> None:
        """Those who listen here are there, whatever another process that just started takes for granted."""
        here = [seat for (where, _), seat in self._seats.items() if where == room and seat.streams]
        if not here:
            return
        with suppress(ChorusError):
            people = (await self._rooms.read(room, known=version)).people
            for seat in here:
                known = people.get((seat.guest.person, web_place(seat.ref)))
                if known is None or known.left_at is not None:
                    await self._stay(seat)

    async def _stay(self, seat: _Seat) -> None:
        async with seat.lock:
            if seat.streams:
                await self._arrive(seat.ref, seat.guest, Hearing.STREAM)

    def _seat(self, ref: RoomRef, guest: Guest) -> _Seat:
        seat = self._seats.setdefault((ref.room, guest.person), _Seat(ref, guest))
        seat.guest = guest
        return seat

    @asynccontextmanager
    async def listening(self, ref: RoomRef, guest: Guest) -> AsyncGenerator[None]:
        """While the context lasts, the guest hears the room."""
        seat = self._seat(ref, guest)
        seat.streams += 1
        try:
            async with seat.lock:
                if seat.streams == 1:
                    await self._arrive(ref, guest, Hearing.STREAM)
            yield
        finally:
            seat.streams -= 1
            await asyncio.shield(self._leave(ref, guest, seat))

    @asynccontextmanager
    async def watching(self, ref: RoomRef, guest: Guest) -> AsyncGenerator[None]:
        """While the context lasts, the guest has the page open; that alone gives no say."""
        seat = self._seat(ref, guest)
        seat.pages += 1
        try:
            yield
        finally:
            seat.pages -= 1
            await asyncio.shield(self._leave(ref, guest, seat))

    async def act(self, ref: RoomRef, guest: Guest) -> None:
        """The guest is about to do something: they are there, even if they do not listen."""
        seat = self._seat(ref, guest)
        async with seat.lock:
            if not seat.streams:
                seat.acted = True
                await self._arrive(ref, guest, Hearing.CHAT)

    async def _leave(self, ref: RoomRef, guest: Guest, seat: _Seat) -> None:
        async with seat.lock:
            if seat.streams or (seat.acted and seat.pages):
                return
            if not seat.pages:
                self._seats.pop((ref.room, guest.person), None)
            seat.acted = False
            await _told(self._reports.left(ref.room, guest.person, web_place(ref)))

    async def _arrive(self, ref: RoomRef, guest: Guest, hearing: Hearing) -> None:
        presence = Presence(
            person=guest.person,
            place=web_place(ref),
            hearing=hearing,
            name=guest.name,
            since=self._clock.now(),
            address=guest.address,
        )
        await _told(self._reports.arrived(ref.room, presence))


async def _told(report: Awaitable[None]) -> None:
    try:
        await report
    except ChorusError:
        log.warning("web.presence_failed", exc_info=True)
