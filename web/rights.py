"""What people of the page may do now, so that only buttons that work are shown; the rules decide again when pressed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from core import people, policy
from core.enums import Surface
from core.policy import Action
from core.ports.places import RoomRef
from core.room import Room
from core.types import Actor, PersonId
from web.presence import web_place

SHOWN = (Action.SHUFFLE, Action.LOOP, Action.MOVE, Action.FAVOURITE)
"""Actions whose buttons are shown to those who may do them, alone or by asking the others."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Names of actions by person; `others` are those who only look."""

    others: Sequence[str] = ()
    by_person: dict[PersonId, Sequence[str]] = field(default_factory=dict[PersonId, Sequence[str]])

    def of(self, person: PersonId | None) -> Sequence[str]:
        """What a person may do."""
        return self.others if person is None else self.by_person.get(person, self.others)


def rights(room: Room, ref: RoomRef, now: int) -> Rights:
    """Worked out once for each kind of person: those who look, those who listen, and who is alone.

    The policy is asked about a room of three at most: whom else there is makes no difference, and there may be
    thousands.
    """
    electors, present = people.electorate(room, now), list(people.present(room))
    witnesses = list(islice((one for one in present if people.one(room, one.person) in electors), 2))
    kinds: dict[bool, Sequence[str]] = {}
    by_person: dict[PersonId, Sequence[str]] = {}
    for one in present:
        alone = electors <= {people.one(room, one.person)}
        if alone not in kinds:
            few = {(other.person, other.place): other for other in (one, *witnesses)}
            kinds[alone] = _of(replace(room, people=few), ref, one.person, now)
        by_person[one.person] = kinds[alone]
    return Rights(_of(replace(room, people={}), ref, PersonId(""), now), by_person)


def _of(room: Room, ref: RoomRef, person: PersonId, now: int) -> Sequence[str]:
    actor = Actor(person, "", web_place(ref), Surface.WEB)
    return tuple(
        action.value
        for action in SHOWN
        if policy.allows(room, actor, action, now) or policy.asks(room, actor, action, now)
    )
