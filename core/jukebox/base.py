"""What all commands share: the ports, and the way into a room."""

from collections.abc import Callable
from typing import TypeVar

from core import timers
from core.errors import (
    NothingPlayingError,
)
from core.ports.clock import Clock
from core.ports.rooms import Rooms
from core.ports.shelf import Shelf
from core.ports.tracks import Resolver
from core.ports.usage import Nothing, Quotas
from core.room import Room
from core.types import CommandId, Playing, RoomId

T = TypeVar("T")


class Base:
    """Commands of people. Each raises a ChorusError when it is refused, and then changes nothing."""

    def __init__(
        self, rooms: Rooms, clock: Clock, resolver: Resolver, shelf: Shelf, quotas: Quotas | None = None
    ) -> None:
        self._rooms = rooms
        self._clock = clock
        self._resolver = resolver
        self._shelf = shelf
        self._quotas = quotas or Nothing()

    async def _apply(self, room: RoomId, command: Callable[[Room, int], T], command_id: CommandId | None) -> T:
        def settled(state: Room) -> T:
            now = self._clock.now()
            result = command(state, now)
            timers.settle(state, now)
            return result

        return await self._rooms.apply(room, settled, command_id=command_id)


def current_of(room: Room) -> Playing:
    """What is on air. Raises NothingPlayingError."""
    if room.current is None:
        raise NothingPlayingError
    return room.current
