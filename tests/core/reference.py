"""The fair order written down literally: slow, obvious, and what the fast one must equal."""

from core.room import Room
from core.types import HOUSE, Entry, EntryId, PersonId

SIX_HOURS = 6 * 3_600_000
TEN_MINUTES = 600_000


def counts(room: Room, person: PersonId, now: int) -> bool:
    return any(
        one.person == person and (one.left_at is None or now - one.left_at < TEN_MINUTES)
        for one in room.people.values()
    )


def score(room: Room, entry: Entry, now: int) -> int:
    return sum(vote.value for voter, vote in entry.votes.items() if voter != entry.person and counts(room, voter, now))


def turns(room: Room, person: PersonId, now: int) -> int:
    on_air = room.current.entry.id if room.current else None
    return sum(
        1
        for turn in room.turns.values()
        if turn.person == person
        and turn.counted
        and (turn.entry == on_air or (now - turn.started_at < SIX_HOURS and turn.started_at >= room.emptied_at))
    )


def order(room: Room, now: int) -> list[EntryId]:
    people = {entry.person for entry in room.entries.values()}
    if room.current is not None and room.current.entry.person != HOUSE:
        on_air = turns(room, room.current.entry.person, now)
    else:
        on_air = min((turns(room, person, now) for person in people), default=0)
    keys: dict[EntryId, tuple[object, ...]] = {}
    for person in people:
        own = [entry for entry in room.entries.values() if entry.person == person]

        def place(entry: Entry) -> tuple[bool, bool, bool]:
            return (entry.id != room.locked, not entry.forced, entry.parked)

        own.sort(key=lambda one: (*place(one), -score(room, one, now), one.first_requested_at, one.id))
        for i, entry in enumerate(own):
            at = max(turns(room, person, now), on_air - 1) + i
            keys[entry.id] = (*place(entry), at, -score(room, entry, now), entry.first_requested_at, entry.id)
    return sorted(keys, key=lambda one: keys[one])
