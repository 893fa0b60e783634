"""What becomes of the entries of somebody who left, as the place's settings say."""

from collections.abc import Sequence

from core import people, playing
from core.editing import FEW, take_out
from core.enums import Leavers
from core.limits import LEAVER_TIME
from core.ordering import order_of
from core.room import Room
from core.types import Entry, PersonId

NEVER = 1 << 62


def is_due(room: Room, now: int) -> bool:
    """Whether somebody has been away for so long that their entries go."""
    return room.settings.leavers is Leavers.REMOVE and bool(_of(room, _gone(room, now)))


def settle(room: Room, now: int) -> None:
    """Park or remove the entries of those who are away, and take up those of people who are back.

    To be called when people or the setting changed, and before people who left long ago are forgotten.
    """
    leavers = room.settings.leavers
    _park(room, _misparked(room) if leavers is Leavers.PARK else [it for it in room.entries.values() if it.parked], now)
    if leavers is Leavers.REMOVE:
        _remove(room, _of(room, _gone(room, now)), now)


def _misparked(room: Room) -> list[Entry]:
    """Entries that are parked though their people are here, or the other way round; somebody forgotten stays away."""
    away = _left(room)
    known = {people.one(room, it.person) for it in room.people.values()}
    humans = ((entry, people.one(room, entry.person)) for entry in room.entries.values())
    return [entry for entry, human in humans if human in known and entry.parked is not (human in away)]


def _left(room: Room) -> dict[PersonId, int]:
    """When each human who is not here any more, by any way, left."""
    left: dict[PersonId, int] = {}
    for it in room.people.values():
        person = people.one(room, it.person)
        at = NEVER if it.left_at is None else it.left_at
        left[person] = max(left.get(person, 0), at)
    return {person: at for person, at in left.items() if at != NEVER}


def _gone(room: Room, now: int) -> set[PersonId]:
    return {person for person, at in _left(room).items() if now - at >= LEAVER_TIME}


def _of(room: Room, humans: set[PersonId]) -> list[Entry]:
    if not humans:
        return []
    return [entry for entry in room.entries.values() if people.one(room, entry.person) in humans]


def _park(room: Room, entries: Sequence[Entry], now: int) -> None:
    """Park entries, or take them up again."""
    if len(entries) > FEW:
        room.order = None
    for entry in entries:
        entry.parked = not entry.parked
        if room.order is not None:
            order_of(room, now).move(entry)
        room.changes.entries.add(entry.id)


def _remove(room: Room, entries: Sequence[Entry], now: int) -> None:
    """For good: nobody did it who could undo it."""
    take_out(room, entries, now)
    for entry in entries:
        del room.entries[entry.id]
        room.changes.entries.add(entry.id)
    if room.locked is not None and any(entry.id == room.locked for entry in entries):
        playing.relock(room, now)
