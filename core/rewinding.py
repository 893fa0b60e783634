"""What was played comes again: the one before, or any of the history."""

from dataclasses import replace

from core import playing
from core.enums import EndReason
from core.errors import NoHistoryError
from core.events import EntryQueued
from core.ordering import order_of
from core.records.results import Changed
from core.records.rows import Play
from core.room import Room
from core.seating import GAP, before_pins
from core.types import HOUSE, Entry, EntryId, Track

_NOT_HEARD = {EndReason.FAILED, EndReason.YIELDED}
"""How a play ended that is not what was on before: it never sounded, or it waits again."""


def track_of(play: Play) -> Track:
    """What was played; of a song of a live source, that source."""
    title, artist = (play.station, "") if play.station else (play.title, play.artist)
    return Track(play.ref, title, artist, play.length, play.cover, play.accent, play.uri)


def latest(room: Room) -> Play:
    """What was on before, of all that people asked for. Raises NoHistoryError.

    Going back again leads further back: what came back has the start of its former play in `starts_at`.
    """
    current = room.current.entry if room.current else None
    back_at = current.starts_at if current else None
    for play in reversed(room.history):
        later = current and back_at is not None and play.started_at >= back_at and back_at < current.requested_at
        if play.person != HOUSE and play.reason not in _NOT_HEARD and not later:
            return play
    raise NoHistoryError


def previous(room: Room, now: int) -> Changed:
    """What was on before comes on air again; what is on air waits in front. Raises NoHistoryError."""
    play, current = latest(room), room.current
    front = before_pins(room, now)
    if current is not None and not current.fallback:
        votes = {person: replace(vote) for person, vote in current.entry.votes.items()}
        waiting = replace(current.entry, id=_new_id(room), parked=False, starts_at=None, votes=votes)
        _put(room, waiting, front, now)
    name = next((it.name for it in room.people.values() if it.person == play.person), "")
    again = Entry(_new_id(room), track_of(play), play.person, name, play.place, now, now, starts_at=play.started_at)
    _put(room, again, front - GAP, now)
    if current is None:
        playing.wake(room, now)
    else:
        playing.relock(room, now)
        playing.advance(room, EndReason.YIELDED, now)
        _give_back_turn(room, current.entry.id)
    return Changed(changed=True)


def _new_id(room: Room) -> EntryId:
    room.next_entry += 1
    room.changes.header = True
    return EntryId(room.next_entry - 1)


def _put(room: Room, entry: Entry, seat: int, now: int) -> None:
    """In front of everything."""
    entry.forced, entry.seat = True, seat
    order_of(room, now).add([entry])
    room.entries[entry.id] = entry
    room.changes.entries.add(entry.id)
    room.changes.votes.update((entry.id, person) for person in entry.votes)
    room.changes.events.append(EntryQueued(room=room.id, entry=entry.id, person=entry.person))


def _give_back_turn(room: Room, entry: EntryId) -> None:
    """It takes its turn when it is heard again."""
    turn = room.turns.get(entry)
    if turn is not None:
        turn.counted = False
        room.changes.turns.add(entry)
    if room.order is not None:
        room.order.retake()
