"""Waiting entries: adding, removing and voting."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf

from core import playing
from core.errors import (
    NoSuchEntryError,
    NothingFoundError,
    OutOfRangeError,
    OwnEntryError,
    QueueFullError,
    TooLongError,
    TooManyEntriesError,
)
from core.events import EntryQueued, EntryRemoved, QueueCleared, VoteCast
from core.limits import caps
from core.ordering import order_of
from core.records.results import Queued, Removed, Voted
from core.room import Room
from core.types import Actor, Entry, EntryId, PersonId, Track, Vote


@dataclass(frozen=True, slots=True)
class Wish:
    """Tracks that somebody may add now, and how many of theirs the caps left out."""

    tracks: tuple[Track, ...]
    dropped: int


def wish(room: Room, person: PersonId, tracks: Sequence[Track], now: int) -> Wish:
    """As many of `tracks` as the caps let in.

    Raises NothingFoundError, TooLongError, QueueFullError, TooManyEntriesError when that is none.
    """
    limit = caps(room)
    if not tracks:
        raise NothingFoundError("")
    short = [track for track in tracks if (track.length or 0) <= limit.length]
    if not short:
        raise TooLongError(tracks[0].title, limit.length)
    if len(room.entries) >= limit.queue:
        raise QueueFullError(limit.queue)
    left = limit.person - order_of(room, now).waiting(person)
    if left <= 0:
        raise TooManyEntriesError(limit.person)
    taken = tuple(short[: min(left, limit.queue - len(room.entries))])
    return Wish(taken, len(tracks) - len(taken))


def add(room: Room, actor: Actor, wanted: Wish, now: int) -> Queued:
    """The tracks join the queue; the first of all starts when nothing plays."""
    entries = [_entry(room, actor, track, now) for track in wanted.tracks]
    order_of(room, now).add(entries)
    room.entries.update((entry.id, entry) for entry in entries)
    room.changes.entries.update(entry.id for entry in entries)
    room.changes.events.extend(EntryQueued(room=room.id, entry=one.id, person=one.person) for one in entries)
    if not playing.wake(room, now) and room.locked is not None and room.locked not in room.entries:
        playing.relock(room, now)  # the house list yields
    ids = tuple(entry.id for entry in entries)
    return Queued(ids, wanted.tracks[0], rank(room, ids[0], now), wait(room, ids[0], now), wanted.dropped)


def _entry(room: Room, actor: Actor, track: Track, now: int) -> Entry:
    entry = Entry(EntryId(room.next_entry), track, actor.person, actor.name, actor.place, now, now)
    room.next_entry += 1
    room.changes.header = True
    return entry


def find(room: Room, entry: EntryId) -> Entry:
    """An entry that waits or is on air. Raises NoSuchEntryError."""
    if room.current is not None and room.current.entry.id == entry:
        return room.current.entry
    return find_waiting(room, entry)


def find_waiting(room: Room, entry: EntryId) -> Entry:
    """An entry that waits. Raises NoSuchEntryError."""
    waiting = room.entries.get(entry)
    if waiting is None:
        raise NoSuchEntryError(entry)
    return waiting


def remove(room: Room, entry: Entry, now: int) -> Removed:
    """An entry leaves the queue without being played."""
    order = order_of(room, now)
    order.remove(entry)
    order.forget(entry.id)
    del room.entries[entry.id]
    room.changes.entries.add(entry.id)
    room.changes.events.append(EntryRemoved(room=room.id, entry=entry.id))
    if room.locked == entry.id:
        playing.relock(room, now)
    return Removed(1, entry.track.title)


def clear(room: Room, now: int) -> Removed:
    """All waiting entries leave the queue."""
    count = len(room.entries)
    if count:
        room.changes.entries.update(room.entries)
        room.entries.clear()
        room.order = None
        room.changes.events.append(QueueCleared(room=room.id))
        playing.relock(room, now)
    return Removed(count)


def check_vote(entry: Entry, actor: Actor, value: int) -> None:
    """Raises OutOfRangeError, OwnEntryError."""
    if value not in {-1, 0, 1}:
        raise OutOfRangeError("vote", value, -1, 1)
    if entry.person == actor.person:
        raise OwnEntryError


def vote(room: Room, entry: Entry, person: PersonId, value: int, now: int) -> Voted:
    """A vote is cast, changed or withdrawn (0)."""
    order = order_of(room, now)
    before = entry.votes[person].value if person in entry.votes else 0
    if value != before:
        if value:
            entry.votes[person] = Vote(value, now)
        else:
            del entry.votes[person]
        order.vote(entry, person, before, value)
        room.changes.votes.add((entry.id, person))
        room.changes.events.append(VoteCast(room=room.id, entry=entry.id, person=person, value=value))
    return Voted(entry.id, entry.track.title, value, order.tally(entry).score, rank(room, entry.id, now))


def rank(room: Room, entry: EntryId, now: int) -> int:
    """0: on air; 1: plays next; and so on."""
    waiting = room.entries.get(entry)
    return 0 if waiting is None else 1 + order_of(room, now).rank(waiting)


def remaining(room: Room, now: int) -> float:
    """Ms until the current entry ends; inf for a live one, 0 when nothing is on air."""
    if room.current is None:
        return 0
    length = room.current.entry.track.length
    return float("inf") if length is None else max(0, length - room.clock.at(now))


def wait(room: Room, entry: EntryId, now: int) -> int | None:
    """Ms until an entry starts if nothing is skipped; None when something live is ahead."""
    waiting = room.entries.get(entry)
    return 0 if waiting is None else whole(remaining(room, now) + order_of(room, now).length_before(waiting))


def whole(length: float) -> int | None:
    """A length in ms as people see it."""
    return None if isinf(length) else int(length)
