"""Rooms that become one and part again: a chat or a web room (the guest) moves into a guild's room (the host)."""

from collections.abc import Iterable
from dataclasses import replace

from core import people, playing, timers, undoing
from core.enums import Hearing
from core.errors import CannotLinkError
from core.events import EntryQueued, EntryRemoved
from core.room import Room
from core.types import Entry, EntryId, PlaceId, Presence


def check(place: PlaceId, host: PlaceId) -> None:
    """Chats and web rooms may join a guild's room. Raises CannotLinkError."""
    if _is_guild(place) or not _is_guild(host):
        raise CannotLinkError(place)


def _is_guild(place: PlaceId) -> bool:
    return place.startswith("discord:")


def join(guest: Room, host: Room, now: int) -> None:
    """What waits in `guest` joins the queue of `host` under its people, in the order in which it was asked for.

    The votes for it are dropped, and so is what is on air in `guest`: its play ends. Settings, mode, voice channel and
    everything else are those of `host`.
    """
    playing.stop(guest, now)
    for kind in list(guest.polls):
        playing.close_poll(guest, kind, passed=False)
    guest.changes.turns.update(guest.turns)
    guest.turns.clear()
    moved = _take(guest, guest.entries.values())
    for entry in moved:
        entry.votes = {}
    _put(host, moved)
    _move_chat(guest, host, _ways(guest, guest.place), now)
    _settle(host, now)


def part(host: Room, own: Room, place: PlaceId, now: int) -> None:
    """A place gets a room of its own again: it takes what its people asked for and what waits, with the votes.

    What is on air stays with `host`.
    """
    ways = _ways(own, place)
    moved = _take(host, [entry for entry in host.entries.values() if entry.place in ways])
    _put(own, moved)
    _move_chat(host, own, ways, now)
    _settle(host, now)
    _settle(own, now)


def _ways(room: Room, place: PlaceId) -> set[PlaceId]:
    """How people come to a place's own room: by the place, or by the room's page."""
    return {place, PlaceId(f"web:{room.id}")}


def _take(room: Room, leaving: Iterable[Entry]) -> list[Entry]:
    """Entries leave a room; nothing that happened before can be undone there."""
    undoing.let_go(room)
    taken = sorted(leaving, key=lambda entry: (entry.requested_at, entry.id))
    for entry in taken:
        del room.entries[entry.id]
        room.changes.entries.add(entry.id)
        room.changes.events.append(EntryRemoved(room=room.id, entry=entry.id))
    room.order = None
    return taken


def _put(room: Room, entries: Iterable[Entry]) -> None:
    """Entries join a room under new ids; seats, pins and parking were of the other room."""
    undoing.let_go(room)
    for entry in entries:
        id_ = EntryId(room.next_entry)
        room.next_entry += 1
        room.entries[id_] = replace(entry, id=id_, forced=False, parked=False, seat=None)
        room.changes.entries.add(id_)
        room.changes.votes.update((id_, person) for person in entry.votes)
        room.changes.events.append(EntryQueued(room=room.id, entry=id_, person=entry.person))
    room.changes.header = True
    room.order = None


def _move_chat(source: Room, target: Room, ways: set[PlaceId], now: int) -> None:
    """Who is there by chatting is in the other room now; who hears a stream hears the one they opened."""
    for key, one in [(key, it) for key, it in source.people.items() if it.hearing is Hearing.CHAT]:
        if one.place in ways:
            del source.people[key]
            source.changes.people.add(key)
            _arrive(target, one, now)


def _arrive(room: Room, presence: Presence, now: int) -> None:
    if presence.left_at is None:
        people.arrive(room, presence, now)
    else:
        room.people[presence.person, presence.place] = presence
        room.changes.people.add((presence.person, presence.place))


def _settle(room: Room, now: int) -> None:
    if not playing.wake(room, now) and room.locked is not None and room.locked not in room.entries:
        playing.relock(room, now)
    timers.settle(room, now)
