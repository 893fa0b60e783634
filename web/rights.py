"""What people of the page may do now, so that only buttons that work are shown; the rules decide again when pressed."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from core import people, policy
from core.enums import Surface
from core.policy import Action
from core.ports.places import RoomRef
from core.room import Room
from core.types import Actor, PersonId, Presence
from web.presence import web_place

ON_AIR = (
    Action.SHUFFLE,
    Action.PREVIOUS,
    Action.PAUSE,
    Action.RESUME,
    Action.SEEK,
    Action.VOLUME,
    Action.MODE,
    Action.CLEAR,
    Action.STOP,
)
"""Actions in which whoever asked for what is on air may have a say of their own."""
SHOWN = (*ON_AIR, Action.LOOP, Action.MOVE, Action.REMOVE, Action.FAVOURITE)
"""Actions whose buttons are shown to those who may do them, alone or by asking the others."""


class _Kind(NamedTuple):
    """What tells one person's rights from another's."""

    surface: Surface
    place: str
    dj: bool
    admin: bool
    operator: bool
    here: bool
    alone: bool
    asked: bool


class Rights:
    """Worked out once for each kind of person, when the first of a kind is looked at.

    The policy is asked about a room of three at most: whom else there is makes no difference, and there may be
    thousands.
    """

    def __init__(self, room: Room, ref: RoomRef, now: int) -> None:
        self._room, self._now = room, now
        self._nobody = Actor(PersonId(""), "", web_place(ref), Surface.WEB)
        self._electors = people.electorate(room, now)
        self._here: dict[PersonId, list[Presence]] = {}
        for one in people.present(room):
            self._here.setdefault(people.one(room, one.person), []).append(one)
        here = (ways for human, ways in self._here.items() if human in self._electors)
        self._witnesses = [way for ways in islice(here, 2) for way in ways]
        self._kinds: dict[_Kind, Sequence[str]] = {}

    def of(self, actor: Actor | None) -> Sequence[str]:
        """The names of what somebody may do; None: one of those who only look."""
        actor = actor or self._nobody
        human, current = people.one(self._room, actor.person), self._room.current
        kind = _Kind(
            actor.surface,
            actor.place,
            actor.dj,
            actor.admin,
            actor.operator,
            here=human in self._here,
            alone=self._electors <= {human},
            asked=current is not None and people.is_same(self._room, current.entry.person, actor.person),
        )
        if kind not in self._kinds:
            self._kinds[kind] = self._worked_out(actor, self._here.get(human, []))
        return self._kinds[kind]

    def _worked_out(self, actor: Actor, own: Sequence[Presence]) -> Sequence[str]:
        few = replace(self._room, people={(one.person, one.place): one for one in (*own, *self._witnesses)})
        current = few.current.entry if few.current else None

        def may(action: Action) -> bool:
            entry = current if action in ON_AIR else None
            asked = few, actor, action, self._now, entry
            return policy.allows(*asked) or policy.asks(*asked)

        return tuple(action.value for action in SHOWN if may(action))
