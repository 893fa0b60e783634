"""Taking back the last destructive action, for 30 s. What it removed lies in the room's bin until then."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from core import playing
from core.errors import NothingToUndoError
from core.events import QueueRestored
from core.limits import UNDO_TIME
from core.ordering import Order, order_of
from core.records.results import Undone
from core.room import Room
from core.seating import FEW
from core.types import Actor, Entry, EntryId, Undo

SHUFFLE = "shuffle"

Before = Mapping[EntryId, tuple[int | None, bool]]
"""Seat and `forced` of entries before they were moved."""


def remember(room: Room, by: Actor, kind: str, now: int, **undoes: Any) -> None:
    """What was just done can be undone; whatever could be before cannot any more. `undoes` are fields of `Undo`."""
    room.undo = Undo(kind, by.person, by.name, now, **undoes)
    room.changes.header = True


def throw_away(room: Room, entries: Iterable[Entry]) -> tuple[EntryId, ...]:
    """Into the bin, out of the queue, one by one; their ids. The bin is to be empty."""
    room.bin = {entry.id: entry for entry in entries}
    for entry in room.bin:
        del room.entries[entry]
    room.changes.bin.update(room.bin)
    return tuple(room.bin)


def let_go(room: Room) -> None:
    """What is in the bin is gone for good. Rows of a cleared queue are swept by the store."""
    if room.undo is not None:
        room.changes.entries.update(room.undo.entries)
        room.bin, room.undo, room.cleared_order = {}, None, None
        room.changes.header = True


def is_due(room: Room, now: int) -> bool:
    """Whether it is too late to undo what could be undone."""
    return room.undo is not None and now - room.undo.at >= UNDO_TIME


def expire(room: Room, now: int) -> None:
    """Let go of what cannot be undone any more."""
    if is_due(room, now):
        let_go(room)


def last(room: Room, now: int) -> Undo:
    """What can be undone. Raises NothingToUndoError."""
    if room.undo is None or is_due(room, now):
        raise NothingToUndoError
    return room.undo


def undo(room: Room, now: int) -> Undone:
    """The queue is what it was, as far as its entries were not played meanwhile. Raises NothingToUndoError."""
    done, back = last(room, now), room.bin
    if done.cleared is not None:
        room.cleared = done.cleared
    if done.kind == SHUFFLE:
        room.shuffle, room.order = done.shuffle, None
    order = None if done.kind == SHUFFLE else _order_with(room, back.values(), now)
    room.entries |= back
    room.changes.bin.update(done.entries)
    moved = _put_back(room, done.before, order)
    room.bin, room.undo, room.cleared_order = {}, None, None
    room.changes.header = True
    room.changes.events.append(QueueRestored(room=room.id))
    if room.current is not None or not playing.wake(room, now):
        playing.relock(room, now)
    titles = [entry.track.title for entry in (*back.values(), *moved)]
    count = len(room.entries) if done.kind == SHUFFLE else len(titles)
    return Undone(done.kind, count, titles[0] if len(titles) == 1 else "")


def _order_with(room: Room, back: Collection[Entry], now: int) -> Order:
    """The order of what waits together with what comes back; that of a cleared queue was kept."""
    order = room.cleared_order
    if order is None or len(order) != len(back):
        order = order_of(room, now)
        order.add(back)
        return order
    order.recount()
    order.retake()
    if (first := order.first()) is not None and first in room.bin:
        order.move(room.bin[first])  # it may have been locked
    order.add(room.entries.values())
    room.order = order
    return order


def _put_back(room: Room, before: Before, order: Order | None) -> list[Entry]:
    """Entries get their former places; those that still wait."""
    found = [room.entries[entry] for entry in before if entry in room.entries]
    for entry in found:
        entry.seat, entry.forced = before[entry.id]
        room.changes.entries.add(entry.id)
    if order is None or len(found) > FEW:
        room.order = None
    else:
        for entry in found:
            order.move(entry)
    return found
