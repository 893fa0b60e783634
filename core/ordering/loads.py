"""What plays have cost each person in the proportional order: sequential Phragmén's loads.

A play costs one unit, borne by those who approve of it (who asked for it, and whose up-votes count) so that the
largest of their loads becomes as small as it can be: like water, it fills the lowest first. Whoever bore less than
the largest load minus one play is taken to have borne that much, so that a latecomer catches up by one play at most.
Numbers are whole and rounded up; sets of people are the bits of a number, so that thousands are added up at once.
"""

from bisect import insort
from collections.abc import Iterable
from itertools import pairwise

from core.ordering.tallies import Tallies
from core.ordering.turns import counted
from core.room import Room
from core.types import Entry, EntryId, PersonId

PLAY = 232_792_560**2
"""The cost of a play: up to twenty people share it, twice over, without a rest."""
EVERYBODY = -1


class Loads:
    """People by what they have borne; each is in exactly one of the classes, which are in rising order."""

    def __init__(self) -> None:
        self._classes: list[tuple[int, int]] = [(0, EVERYBODY)]
        self._largest = 0

    def copy(self) -> "Loads":
        """One to try things on."""
        made = Loads()
        made._classes, made._largest = self._classes.copy(), self._largest
        return made

    def level(self, people: int) -> int:
        """The load that `people` would rise to with one more play."""
        count = total = 0
        for at, members in self._classes:
            if at * count - total >= PLAY:
                break
            if here := people & members:
                count += here.bit_count()
                total += at * here.bit_count()
                people ^= here
            if not people:
                break
        return -(-(total + PLAY) // count)

    def levels(self, people: int, plays: int) -> list[int]:
        """The loads that `people` would rise to with each of as many plays, if nothing else played."""
        if plays == 1:
            return [self.level(people)]
        steps = [(at, here) for at, members in self._classes if (here := (people & members).bit_count())]
        found: list[int] = []
        count = total = 0
        for (at, here), (higher, _) in pairwise(steps):
            count, total = count + here, total + at * here
            while len(found) < plays and (level := -(-(total + (len(found) + 1) * PLAY) // count)) <= higher:
                found.append(level)
        at, here = steps[-1]
        count, total = count + here, total + at * here
        return found + [-(-(total + play * PLAY) // count) for play in range(len(found) + 1, plays + 1)]

    def charge(self, people: int) -> None:
        """Something that `people` approve of plays."""
        level, charged = self.level(people), 0
        classes: list[tuple[int, int]] = []
        for at, members in self._classes:
            if at < level:
                charged |= people & members
            if left := members & ~charged:
                classes.append((at, left))
        insort(classes, (level, charged))
        self._largest = max(self._largest, level)
        self._classes = _raised(classes, self._largest - PLAY)


def _raised(classes: list[tuple[int, int]], floor: int) -> list[tuple[int, int]]:
    """Nobody bore less than `floor`."""
    low = [members for at, members in classes if at <= floor]
    if not low:
        return classes
    return [(floor, sum(low)), *classes[len(low) :]]


class Approvals:
    """Who approves of what, and what they bore so far."""

    def __init__(self, room: Room, tallies: Tallies) -> None:
        self._room = room
        self._tallies = tallies
        self.one = tallies.one
        self._bits: dict[PersonId, int] = {}
        self._charged: list[EntryId] = []
        self.loads = Loads()

    def of(self, entry: Entry) -> int:
        """Those who approve of an entry, as bits."""
        requester = self._bit(entry.person)
        return requester | self._set(self._tallies.supporters(entry)) if entry.votes else requester

    def retake(self, now: int) -> None:
        """Turns changed: add up the loads of those that count, going on from those known already if none is gone."""
        turns = sorted(counted(self._room, now), key=lambda turn: (turn.started_at, turn.entry))
        before, self._charged = self._charged, [turn.entry for turn in turns]
        on = len(before) if self._charged[: len(before)] == before else 0
        loads = self.loads.copy() if on else Loads()
        for turn in turns[on:]:
            loads.charge(self._set([turn.person, *turn.approvers]))
        self.loads = loads

    def _set(self, people: Iterable[PersonId]) -> int:
        bits = 0
        for person in people:
            bits |= self._bit(person)
        return bits

    def _bit(self, person: PersonId) -> int:
        leader = self.one(person)
        bit = self._bits.get(leader)
        if bit is None:
            bit = self._bits[leader] = 1 << len(self._bits)
        return bit
