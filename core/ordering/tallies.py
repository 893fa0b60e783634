"""The votes for entries, and which of them count."""

from collections.abc import Iterable
from dataclasses import dataclass

from core import people
from core.limits import VOTE_GRACE
from core.room import Room
from core.types import Entry, EntryId, PersonId, Vote

FOREVER = 1 << 62


@dataclass(slots=True)
class Tally:
    """The votes for an entry that count."""

    up: int = 0
    down: int = 0

    @property
    def score(self) -> int:
        """Up minus down."""
        return self.up - self.down

    def add(self, value: int, times: int = 1) -> None:
        """Count a vote of `value`; `times` −1 takes it back."""
        if value > 0:
            self.up += times
        elif value < 0:
            self.down += times


class Tallies:
    """Each entry's tally, kept while its votes and the people stay as they are.

    Linked identities are one voter: their later vote counts, and none for an entry of their own.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._counting: set[PersonId] = set()
        self._known: dict[EntryId, Tally] = {}
        self._linked = {*room.same.keys(), *room.same.values()}
        self._valid = (0, 0)

    def catch_up(self, now: int) -> set[PersonId]:
        """Look again whose votes count, if that is due; those for whom it changed, by every identity of theirs."""
        if self._valid[0] <= now < self._valid[1]:
            return set()
        room, before = self._room, self._counting
        self._counting = {self.one(person) for person in people.counting(room, now)}
        left = (one.left_at + VOTE_GRACE for one in room.people.values() if one.left_at is not None)
        self._valid = (now, min((at for at in left if at > now), default=FOREVER))
        changed = before ^ self._counting
        return changed | {person for person, leader in room.same.items() if leader in changed} if changed else changed

    def recount(self) -> None:
        """People changed."""
        self._valid = (0, 0)

    def one(self, person: PersonId) -> PersonId:
        """Who somebody is, whichever identity speaks."""
        return people.one(self._room, person)

    def of(self, entry: Entry) -> Tally:
        """The votes for an entry that count."""
        tally = self._known.get(entry.id)
        if tally is None:
            tally = self._known[entry.id] = Tally()
            for person, vote in self._votes(entry):
                if self._counts(entry, person):
                    tally.add(vote.value)
        return tally

    def score(self, entry: Entry) -> int:
        """Up minus down; most entries have no votes at all."""
        return self.of(entry).score if entry.votes else 0

    def supporters(self, entry: Entry) -> list[PersonId]:
        """Whose vote for an entry counts."""
        return [person for person, vote in self._votes(entry) if vote.value > 0 and self._counts(entry, person)]

    def vote(self, entry: Entry, person: PersonId, before: int, after: int) -> None:
        """A vote that the entry already shows changed."""
        tally = self._known.get(entry.id)
        if person in self._linked:
            self.forget(entry.id)
        elif tally is not None and self._counts(entry, person):
            tally.add(before, -1)
            tally.add(after)

    def forget(self, entry: EntryId) -> None:
        """Count again when somebody asks."""
        self._known.pop(entry, None)

    def clear(self) -> None:
        """Count all again when somebody asks."""
        self._known.clear()

    def _counts(self, entry: Entry, leader: PersonId) -> bool:
        return leader in self._counting and leader != self.one(entry.person)

    def _votes(self, entry: Entry) -> Iterable[tuple[PersonId, Vote]]:
        if self._linked.isdisjoint(entry.votes):
            return entry.votes.items()
        latest = sorted(entry.votes.items(), key=lambda cast: (cast[1].at, cast[0]))
        return {self.one(person): vote for person, vote in latest}.items()
