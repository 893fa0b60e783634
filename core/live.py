"""Pushes of a room to servers elsewhere: what admins do about them. Every surface calls these methods."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from core import policy
from core.enums import Meter
from core.errors import BadAddressError
from core.events import PushesChanged
from core.policy import Action
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.pushes import Push, Pushes
from core.ports.rooms import Rooms
from core.ports.usage import Nothing, Quotas
from core.records.results import Changed
from core.records.rows import Audit
from core.room import Room
from core.types import Actor, RoomId

LONGEST = 2048
SCHEMES = ("rtmp", "rtmps")


class Live:
    """Each command raises a ChorusError when it is refused, NoSuchRoomError and ForbiddenError among them.

    A repeat changes nothing: the same address is the same push.
    """

    def __init__(self, rooms: Rooms, pushes: Pushes, bus: Bus, clock: Clock, quotas: Quotas | None = None) -> None:
        self._rooms = rooms
        self._pushes = pushes
        self._bus = bus
        self._clock = clock
        self._quotas = quotas or Nothing()

    async def pushes(self, room: RoomId, actor: Actor) -> Sequence[Push]:
        """The room's pushes, oldest first; show `server`, never `address`."""
        await self._allowed(room, actor)
        return await self._pushes.of(room)

    async def push(self, room: RoomId, actor: Actor, address: str, *, picture: bool = False) -> Push:
        """Push the room to `rtmp[s]://host/app/key` from now on, with the cover as a still `picture` or without.

        Raises BadAddressError, NotInPlanError, UsedUpError.
        """
        state = await self._allowed(room, actor)
        self._quotas.require(state, Meter.PUSHING)
        wanted = Push("", room, server_of(address), address.strip(), picture)
        audit = self._audit(state, actor, "push.added", {"server": wanted.server, "picture": picture})
        made = await self._pushes.put(wanted, audit, most=state.limits.rtmp)
        self._bus.publish(PushesChanged(room=room))
        return Push(made, room, wanted.server, wanted.address, picture)

    async def switch(self, room: RoomId, actor: Actor, push: str, *, on: bool) -> Changed:
        """Turn a push on or off, its address kept. Raises NoSuchPushError; to turn it on, UsedUpError."""
        state = await self._allowed(room, actor)
        if on:
            self._quotas.require(state, Meter.PUSHING)
        audit = self._audit(state, actor, "push.switched", {"push": push, "on": on})
        changed = await self._pushes.switch(room, push, audit, on=on)
        if changed:
            self._bus.publish(PushesChanged(room=room))
        return Changed(changed)

    async def forget(self, room: RoomId, actor: Actor, push: str) -> None:
        """End a push and forget its address. Raises NoSuchPushError."""
        state = await self._allowed(room, actor)
        await self._pushes.remove(room, push, self._audit(state, actor, "push.removed", {"push": push}))
        self._bus.publish(PushesChanged(room=room))

    async def _allowed(self, room: RoomId, actor: Actor) -> Room:
        state = await self._rooms.read(room)
        policy.require(state, actor, Action.CONFIGURE, self._clock.now())
        return state

    def _audit(self, room: Room, actor: Actor, action: str, after: dict[str, Any]) -> Audit:
        return Audit(self._clock.now(), actor.person, actor.surface, room.place, action, {}, after)


def server_of(address: str) -> str:
    """The address without its key, which is what comes after the last slash of the path. Raises BadAddressError."""
    address = address.strip()
    if len(address) > LONGEST or any(mark.isspace() or not mark.isprintable() for mark in address):
        raise BadAddressError("form")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadAddressError("form") from None
    if parts.scheme not in SCHEMES:
        raise BadAddressError("scheme")
    app, _, key = parts.path.strip("/").rpartition("/")
    if not host or not app or not key or parts.username is not None or parts.fragment:
        raise BadAddressError("form")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}/{app}"
