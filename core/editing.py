"""What leaves the queue or changes its order; all of it can be undone."""

from collections.abc import Sequence
from secrets import randbits

from core import people, playing, undoing
from core.blocklist import blocklist_of
from core.enums import Mode
from core.errors import OutOfRangeError
from core.events import EntryRemoved, QueueCleared, QueueReordered
from core.limits import PINNED
from core.ordering import order_of
from core.records.results import Changed, Moved, Removed
from core.room import Room
from core.seating import FEW, Seating, is_scheduled
from core.types import Actor, Entry, EntryId, Shuffle

BY_SEAT = frozenset({Mode.FIFO, Mode.DJ})
"""Modes in which seats alone decide."""


def remove(room: Room, by: Actor, entries: Sequence[Entry], now: int, *, kind: str = "remove") -> Removed:
    """Waiting entries leave the queue without being played."""
    if not entries:
        return Removed(0)
    undoing.let_go(room)
    take_out(room, entries, now)
    undoing.remember(room, by, kind, now, entries=undoing.throw_away(room, entries))
    if room.locked in room.bin:
        playing.relock(room, now)
    return Removed(len(entries), entries[0].track.title)


def take_out(room: Room, entries: Sequence[Entry], now: int) -> None:
    """The order forgets entries that are about to leave the queue, and everybody hears of it."""
    if len(entries) > FEW:
        room.order = None
    else:
        order = order_of(room, now)
        for entry in entries:
            order.remove(entry)
            order.forget(entry.id)
    room.changes.events.extend(EntryRemoved(room=room.id, entry=entry.id) for entry in entries)


def drop_blocked(room: Room, by: Actor, now: int) -> Removed:
    """What the blocklist would not let in any more leaves the queue."""
    lines = blocklist_of(room.settings.blocks)
    return remove(room, by, [it for it in room.entries.values() if lines.line(it.track)], now, kind="block")


def clear(room: Room, by: Actor, now: int, *, kind: str = "clear") -> Removed:
    """All waiting entries leave the queue; no row of theirs is touched."""
    if not room.entries:
        return Removed(0)
    undoing.let_go(room)
    undoing.remember(room, by, kind, now, cleared=room.cleared)
    room.cleared_order, room.order = order_of(room, now), None
    room.bin, room.entries = room.entries, {}
    room.cleared = EntryId(room.next_entry - 1)
    room.changes.events.append(QueueCleared(room=room.id))
    playing.relock(room, now)
    return Removed(len(room.bin))


def shuffle(room: Room, by: Actor, now: int) -> Changed:
    """What waits sits at random; seats given by hand and pins are forgotten. Fair turns stay fair."""
    if len(room.entries) < 2:  # noqa: PLR2004 -- alone, nothing has an order
        return Changed(changed=False)
    undoing.let_go(room)
    placed = [entry for entry in room.entries.values() if entry.forced or entry.seat is not None]
    before = {entry.id: (entry.seat, entry.forced) for entry in placed}
    for entry in placed:
        entry.seat, entry.forced = None, False
    room.changes.entries.update(before)
    undoing.remember(room, by, undoing.SHUFFLE, now, before=before, shuffle=room.shuffle)
    room.shuffle = Shuffle(randbits(62), EntryId(room.next_entry - 1))
    _reordered(room, now)
    return Changed(changed=True)


def move(room: Room, by: Actor, entry: Entry, rank: int, now: int) -> Moved:
    """An entry goes to `rank` (1: next). Where seats do not decide, it is pinned with all before it.

    Raises OutOfRangeError.
    """
    _check(room, rank)
    seating = Seating(room, now)
    if room.mode in BY_SEAT:
        seating.insert(entry, rank - 1)
    elif order_of(room, now).rank(entry) != rank - 1 and not is_scheduled(entry, now):
        others = [it for it in order_of(room, now).entries(0, rank) if it != entry.id][: rank - 1]
        seating.pin(_pinnable(room, [*others, entry.id], now))
    return _moved(room, by, entry, seating, "move", now)


def swap(room: Room, by: Actor, first: Entry, second: Entry, now: int) -> Moved:
    """Two entries exchange their places. Raises OutOfRangeError where one is too far down to be pinned."""
    order = order_of(room, now)
    upper, lower = sorted((first, second), key=order.rank)
    top, bottom = order.rank(upper), order.rank(lower)
    _check(room, bottom + 1)
    seating = Seating(room, now)
    if room.mode in BY_SEAT:
        seating.insert(lower, top)
        seating.insert(upper, bottom)
    elif upper is not lower and not is_scheduled(lower, now):
        ranks = order.entries(0, bottom + 1)
        ranks[top], ranks[bottom] = ranks[bottom], ranks[top]
        seating.pin(_pinnable(room, ranks, now))
    return _moved(room, by, first, seating, "swap", now)


def move_own(room: Room, by: Actor, entry: Entry, rank: int, now: int) -> Moved:
    """An entry takes the place of the own one nearest to `rank`; scores still come first. Raises OutOfRangeError."""
    if not 1 <= rank <= len(room.entries):
        raise OutOfRangeError("rank", rank, 1, len(room.entries))
    seating = Seating(room, now)
    own = seating.own(entry, _own(room, entry))
    wanted = [it for it in own if it is not entry]
    wanted.insert(seating.index(own, entry, rank - 1), entry)
    seating.reorder(own, wanted)
    return _moved(room, by, entry, seating, "move", now)


def swap_own(room: Room, by: Actor, first: Entry, second: Entry, now: int) -> Moved:
    """Two entries of one person exchange their seats."""
    seating = Seating(room, now)
    own = seating.own(first, _own(room, first))
    if second in own:
        exchanged = {id(first): second, id(second): first}
        seating.reorder(own, [exchanged.get(id(it), it) for it in own])
    return _moved(room, by, first, seating, "swap", now)


def _own(room: Room, entry: Entry) -> list[Entry]:
    human, same = people.one(room, entry.person), room.same
    return [it for it in room.entries.values() if same.get(it.person, it.person) == human]


def _check(room: Room, rank: int) -> None:
    """Raises OutOfRangeError."""
    end = len(room.entries) if room.mode in BY_SEAT else min(PINNED, len(room.entries))
    if not 1 <= rank <= end:
        raise OutOfRangeError("rank", rank, 1, end)


def _pinnable(room: Room, ids: Sequence[EntryId], now: int) -> list[Entry]:
    """A pin would let what is scheduled play before its time."""
    return [entry for it in ids if not is_scheduled(entry := room.entries[it], now)]


def _moved(room: Room, by: Actor, entry: Entry, seating: Seating, kind: str, now: int) -> Moved:
    if seating.before:
        undoing.let_go(room)
        undoing.remember(room, by, kind, now, before=seating.before)
        _reordered(room, now)
    return Moved(entry.id, entry.track.title, 1 + order_of(room, now).rank(entry))


def _reordered(room: Room, now: int) -> None:
    room.changes.events.append(QueueReordered(room=room.id))
    playing.relock(room, now)
