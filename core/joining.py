"""Joining rooms and accounts by a code that is shown on one surface and entered on another."""

import json

from core import policy
from core.enums import Surface
from core.errors import ForbiddenError, NoSuchCodeError
from core.policy import Action
from core.ports.clock import Clock
from core.ports.codes import Codes
from core.ports.links import Links
from core.ports.people import People
from core.ports.rates import Rate, RateCounter
from core.ports.rooms import Rooms
from core.types import Actor, Identity, PersonId, RoomId

ROOM = "room"
PERSON = "person"
GUESSES = Rate(5, 60)
"""Codes that one person may enter."""


class Joining:
    """Each raises a ChorusError when it is refused, and then changes nothing.

    `counter` counts the codes that people enter.
    """

    def __init__(
        self, rooms: Rooms, links: Links, people: People, codes: Codes, clock: Clock, counter: RateCounter
    ) -> None:
        self._rooms = rooms
        self._links = links
        self._people = people
        self._codes = codes
        self._clock = clock
        self._counter = counter

    async def invite(self, room: RoomId, actor: Actor) -> str:
        """A code by which a chat may join this guild's room, from an admin. Raises ForbiddenError."""
        policy.require(await self._rooms.read(room), actor, Action.CONFIGURE, self._clock.now())
        return await self._codes.issue(ROOM, room)

    async def join(self, actor: Actor, code: str) -> RoomId:
        """The actor's place, of which they are an admin, shares the room that a code stands for.

        Raises ForbiddenError, RateLimitedError, NoSuchCodeError, AlreadyLinkedError, CannotLinkError.
        """
        _require_admin(actor, "link")
        room = RoomId(await self._redeem(ROOM, actor.person, code))
        await self._links.link(actor, actor.place, room)
        return room

    async def part(self, actor: Actor) -> RoomId:
        """The actor's place has a room of its own again. Raises ForbiddenError, NotLinkedError."""
        _require_admin(actor, "unlink")
        return await self._links.unlink(actor, actor.place)

    async def introduce(self, identity: Identity) -> str:
        """A code by which another account says that it is the same human."""
        return await self._codes.issue(PERSON, json.dumps([identity.kind, identity.external, identity.name]))

    async def recognise(self, person: PersonId, identity: Identity, code: str) -> Identity:
        """Whoever got the code and who enters it are one human from now on: the account that got it.

        Raises RateLimitedError, NoSuchCodeError.
        """
        kind, external, name = json.loads(await self._redeem(PERSON, person, code))
        other = Identity(Surface(kind), external, name)
        await self._people.link(other, identity)
        return other

    async def forget(self, identity: Identity) -> None:
        """An account is a human of its own again. Raises NotLinkedError."""
        await self._people.unlink(identity)

    async def _redeem(self, kind: str, person: PersonId, code: str) -> str:
        await self._counter.count(GUESSES, "codes", person)
        subject = await self._codes.redeem(kind, code)
        if subject is None:
            raise NoSuchCodeError
        return subject


def _require_admin(actor: Actor, action: str) -> None:
    if not (actor.admin or actor.operator):
        raise ForbiddenError(action, "admin")
