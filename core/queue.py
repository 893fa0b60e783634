"""Waiting entries: who and what may join them, and the votes for them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from types import MappingProxyType

from core import people, playing, policy, sound
from core.blocklist import blocklist_of
from core.enums import Duplicates, EndReason, Loop, Mode
from core.errors import (
    BlockedError,
    ClosedError,
    DuplicateError,
    ForbiddenError,
    NoSuchEntryError,
    NothingFoundError,
    OutOfRangeError,
    OwnEntryError,
    QueueFullError,
    TooLongError,
    TooManyEntriesError,
)
from core.events import EntryQueued, SettingsChanged, VoteCast
from core.limits import AHEAD, caps
from core.ordering import order_of
from core.policy import Action, Role
from core.records.results import Queued, Voted
from core.room import Room
from core.seating import GAP, Seating, after_pins, is_scheduled
from core.types import Actor, Entry, EntryId, PersonId, Track, TrackRef, Vote

NOWHERE: Mapping[TrackRef, int] = MappingProxyType({})
"""Tracks begin at their beginning."""
_DJS = {Role.DJ, Role.ADMIN}


@dataclass(slots=True)
class Wish:
    """Tracks that somebody may add now, and how many were left out or stood out, and why."""

    tracks: Sequence[Track] = ()
    dropped: int = 0
    duplicates: int = 0
    blocked: int = 0


def check_open(room: Room, actor: Actor, now: int) -> None:
    """Only DJs add to a closed queue, or where they alone order it. Raises ClosedError, ForbiddenError."""
    if (room.closed or room.mode is Mode.DJ) and policy.roles(room, actor, now).isdisjoint(_DJS):
        raise ClosedError if room.closed else ForbiddenError(Action.PLAY, Role.DJ)


def check_time(at: int | None, now: int) -> None:
    """An entry may be scheduled for up to a week ahead. Raises OutOfRangeError."""
    if at is not None and not now <= at <= now + AHEAD:
        raise OutOfRangeError("at", at, now, now + AHEAD)


def wish(room: Room, person: PersonId, tracks: Sequence[Track], now: int) -> Wish:
    """As many of `tracks` as blocklist, length, duplicates and caps let in; nothing else decides that.

    Raises NothingFoundError, BlockedError, TooLongError, DuplicateError, QueueFullError, TooManyEntriesError when that
    is none.
    """
    if not tracks:
        raise NothingFoundError("")
    wanted, limit = Wish(), caps(room)
    allowed = _unblocked(room, tracks, wanted)
    short = [track for track in allowed if (track.length or 0) <= limit.length]
    if not short:
        raise TooLongError(allowed[0].title, limit.length)
    fresh = _fresh(room, short, wanted)
    if len(room.entries) >= limit.queue:
        raise QueueFullError(limit.queue)
    left = limit.person - order_of(room, now).waiting(person)
    if left <= 0:
        raise TooManyEntriesError(limit.person)
    wanted.tracks = fresh[: min(left, limit.queue - len(room.entries))]
    wanted.dropped = len(allowed) - len(short) + len(fresh) - len(wanted.tracks)
    return wanted


def _unblocked(room: Room, tracks: Sequence[Track], wanted: Wish) -> Sequence[Track]:
    """Those that the blocklist lets through. Raises BlockedError."""
    if not room.settings.blocks:
        return tracks
    lines = blocklist_of(room.settings.blocks)
    found = [lines.line(track) for track in tracks]
    allowed = [track for track, line in zip(tracks, found, strict=True) if line is None]
    wanted.blocked = len(tracks) - len(allowed)
    if not allowed and (line := found[0]):
        raise BlockedError(line.kind, line.value, tracks[0].title)
    return allowed


def _fresh(room: Room, tracks: Sequence[Track], wanted: Wish) -> Sequence[Track]:
    """Those that may be queued though they wait or play already. Raises DuplicateError."""
    if room.settings.duplicates is Duplicates.OFF:
        return tracks
    known = {name for track in _queued(room) for name in _names(track)}
    fresh: list[Track] = []
    for track in tracks:
        names = _names(track)
        if known.isdisjoint(names):
            fresh.append(track)
        known.update(names)
    wanted.duplicates = len(tracks) - len(fresh)
    if room.settings.duplicates is Duplicates.WARN:
        return tracks
    if not fresh:
        raise DuplicateError(tracks[0].title)
    return fresh


def _queued(room: Room) -> Iterator[Track]:
    """What waits or is on air because somebody wanted it."""
    if room.current is not None and not room.current.fallback:
        yield room.current.entry.track
    yield from (entry.track for entry in room.entries.values())


def _names(track: Track) -> Collection[object]:
    """What a track is known by: its reference, its artist and title together."""
    if not track.artist:
        return (track.ref,)
    return (track.ref, (track.artist.casefold(), track.title.casefold()))


def add(
    room: Room,
    actor: Actor,
    wanted: Wish,
    now: int,
    *,
    following: bool = False,
    at: int | None = None,
    begins: Mapping[TrackRef, int] = NOWHERE,
) -> Queued:
    """The tracks join the queue, `following` what is on air, or to play `at` a time (UTC ms).

    The first of all starts when nothing plays. `begins` tells where in a track (ms) to start.
    """
    entries = [_entry(room, actor, track, now, at) for track in wanted.tracks]
    for entry in entries:
        entry.begins = begins.get(entry.track.ref, 0)
    if following:
        _pin(room, entries, now)
    order_of(room, now).add(entries)
    room.entries.update((entry.id, entry) for entry in entries)
    room.changes.entries.update(entry.id for entry in entries)
    room.changes.events.extend(EntryQueued(room=room.id, entry=one.id, person=one.person) for one in entries)
    if not playing.wake(room, now) and (following or _house_is_locked(room)):
        playing.relock(room, now)
    ids = tuple(entry.id for entry in entries)
    first = rank(room, ids[0], now)
    return Queued(
        ids,
        wanted.tracks[0],
        first,
        wait(room, ids[0], now),
        wanted.dropped,
        wanted.duplicates,
        wanted.blocked,
        entries[0].begins,
    )


def _house_is_locked(room: Room) -> bool:
    """The house list has to yield."""
    return room.locked is not None and room.locked not in room.entries


def _pin(room: Room, entries: Sequence[Entry], now: int) -> None:
    """They play next, after what plays next already."""
    first = after_pins(room, now)
    for number, entry in enumerate(entries):
        entry.forced, entry.seat = True, first + GAP * number


def _entry(room: Room, actor: Actor, track: Track, now: int, at: int | None) -> Entry:
    entry = Entry(EntryId(room.next_entry), track, actor.person, actor.name, actor.place, now, now, starts_at=at)
    room.next_entry += 1
    room.changes.header = True
    return entry


def jump(room: Room, entry: Entry, now: int) -> None:
    """A waiting entry plays now."""
    entry.parked, entry.starts_at = False, None
    Seating(room, now).pin([entry])
    if room.current is None:
        playing.wake(room, now)
    else:
        playing.relock(room, now)
        playing.advance(room, EndReason.SKIPPED, now)


def set_loop(room: Room, loop: Loop, now: int) -> bool:
    """Choose what becomes of a track that ended by itself; whether that is news."""
    if room.loop is loop:
        return False
    room.loop = loop
    room.changes.header = True
    room.changes.events.append(SettingsChanged(room=room.id))
    playing.relock(room, now)
    return True


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


def check_vote(room: Room, entry: Entry, actor: Actor, value: int) -> None:
    """Raises OutOfRangeError, OwnEntryError."""
    if value not in {-1, 0, 1}:
        raise OutOfRangeError("vote", value, -1, 1)
    if people.is_same(room, entry.person, actor.person):
        raise OwnEntryError


def vote(room: Room, entry: Entry, person: PersonId, value: int, now: int) -> Voted:
    """A vote is cast, changed or withdrawn (0); it stands for all identities of that human."""
    for other in people.identities(room, person) - {person}:
        _cast(room, entry, other, 0, now)
    _cast(room, entry, person, value, now)
    score = order_of(room, now).tally(entry).score
    return Voted(entry.id, entry.track.title, value, score, rank(room, entry.id, now))


def _cast(room: Room, entry: Entry, person: PersonId, value: int, now: int) -> None:
    order = order_of(room, now)
    before = entry.votes[person].value if person in entry.votes else 0
    if value == before:
        return
    if value:
        entry.votes[person] = Vote(value, now)
    else:
        del entry.votes[person]
    order.vote(entry, person, before, value)
    room.changes.votes.add((entry.id, person))
    room.changes.events.append(VoteCast(room=room.id, entry=entry.id, person=person, value=value))


def rank(room: Room, entry: EntryId, now: int) -> int:
    """0: on air; 1: plays next; and so on."""
    waiting = room.entries.get(entry)
    return 0 if waiting is None else 1 + order_of(room, now).rank(waiting)


def remaining(room: Room, now: int) -> float:
    """Ms of the current entry that are left; inf for a live one, 0 when nothing is on air."""
    if room.current is None:
        return 0
    length = room.current.entry.track.length
    return float("inf") if length is None else max(0, length - room.clock.at(now))


def wait(room: Room, entry: EntryId, now: int) -> int | None:
    """Ms until an entry starts if nothing is skipped; None when something live is ahead."""
    waiting = room.entries.get(entry)
    if waiting is None:
        return 0
    return wait_behind(room, waiting, remaining(room, now) + order_of(room, now).length_before(waiting), now)


def wait_behind(room: Room, entry: Entry, ahead: float, now: int) -> int | None:
    """Ms until an entry starts that has `ahead` ms of tracks before it; what is scheduled does not start earlier."""
    ahead /= sound.rate(room)
    return whole(max(ahead, (entry.starts_at or now) - now) if is_scheduled(entry, now) else ahead)


def whole(length: float) -> int | None:
    """A length in ms as people see it."""
    return None if isinf(length) else int(length)
