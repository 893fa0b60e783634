"""The fair lane: turn first, votes inside the turn.

Each person's entries are kept sorted by themselves (a line); those that share a round are sorted when somebody looks
at that round (a bucket). Both are repaired in place when a vote or an entry comes in. A person has few entries and a
round few entries of each person, so a command costs about as much as there are people.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice

from core.ordering.parts import Part
from core.ordering.spots import Key
from core.ordering.turns import ROUND, Turns
from core.types import Entry, EntryId, PersonId


@dataclass(slots=True)
class Line:
    """A person's entries, best first. `marks` are the costs of all before each, and of all; `start` is added to them.

    `lengths` are such sums of the track lengths; None until somebody asks.
    """

    start: int = 0
    keys: list[Key] = field(default_factory=list[Key])
    marks: Sequence[int] = (0,)
    lengths: list[float] | None = None

    def before(self, mark: int) -> int:
        """How many entries start below `mark`."""
        return bisect_left(self.marks, mark - self.start, 0, len(self.keys))


class Rounds(Part):
    """Entries by the round they start in, then by key. Those of earlier parts take their person's first turns."""

    def __init__(self, entries: Mapping[EntryId, Entry], turns: Turns, before: Sequence[Part]) -> None:
        super().__init__(entries, turns.measure, before)
        self._turns = turns
        self._lines: dict[PersonId, Line] = {}
        self._buckets: dict[int, list[Key]] = {}
        self._size = 0
        self._stale = False

    def __len__(self) -> int:
        return self._size

    def add(self, people: Sequence[PersonId], keys: Sequence[Key]) -> None:
        """Entries come in, each of one of the people."""
        self._count(people, keys)
        grouped: defaultdict[PersonId, list[Key]] = defaultdict(list)
        for person, key in zip(people, keys, strict=True):
            grouped[person].append(key)
        for person, own in grouped.items():
            self._edit(person, own)

    def remove(self, person: PersonId, key: Key) -> None:
        """An entry goes; it is still in the room."""
        self._discount(person, key)
        self._edit(person, removed=key)
        if not self._lines[person].keys:
            del self._lines[person]

    def change(self, person: PersonId, before: Key, after: Key) -> None:
        """An entry got another key."""
        self._edit(person, [after], before)

    def _edit(self, person: PersonId, added: Iterable[Key] = (), removed: Key | None = None) -> None:
        line = self._lines.setdefault(person, Line())
        self._size -= len(line.keys)
        before = self._rounds(line)
        if removed is not None:
            del line.keys[bisect_left(line.keys, removed)]
        line.keys.extend(added)
        line.keys.sort()
        line.marks = self._marks(line.keys)
        line.lengths = None
        self._size += len(line.keys)
        self._repair(before, self._rounds(line))

    def _marks(self, keys: list[Key]) -> Sequence[int]:
        if self._turns.measure.counted:
            return range(0, (len(keys) + 1) * ROUND, ROUND)
        return list(accumulate((self._cost(self._entries[key[2]].track) for key in keys), initial=0))

    def _rounds(self, line: Line) -> list[tuple[int, Key]]:
        """Each entry of a line with its round, as long as there are buckets that have to hold them."""
        if not self._buckets:
            return []
        return [((line.start + mark) // ROUND, key) for mark, key in zip(line.marks, line.keys, strict=False)]

    def _repair(self, before: list[tuple[int, Key]], after: list[tuple[int, Key]]) -> None:
        """Bring the buckets that were looked at in step with a line that changed."""
        old, new = set(before), set(after)
        for at, key in old - new:
            if (bucket := self._buckets.get(at)) is not None:
                del bucket[bisect_left(bucket, key)]
        for at, key in new - old:
            if (bucket := self._buckets.get(at)) is not None:
                insort(bucket, key)

    # Where lines start

    def retake(self) -> None:
        """Turns, or what waits in the lanes before, changed."""
        self._stale = True

    def _ready(self) -> dict[PersonId, Line]:
        if self._stale:
            self._stale = False
            self._restart()
        return self._lines

    def _restart(self) -> None:
        """Give each line the round it starts in; forget the buckets if any of them moved."""
        moved = False
        before = [part.costs for part in self._before if part]
        for person, line in self._lines.items():
            start = self._turns.start(person) + sum(costs.get(person, 0) for costs in before)
            if start != line.start:
                line.start, moved = start, True
        if moved:
            self._buckets.clear()

    # What people ask

    def first(self) -> EntryId:
        """What plays first of these."""
        return min((line.start // ROUND, line.keys[0]) for line in self._ready().values())[1][2]

    def slice(self, offset: int, count: int) -> list[EntryId]:
        """At most `count` in order, from the rank `offset` on."""
        return list(islice(self._from(offset), count))

    def _from(self, offset: int) -> Iterator[EntryId]:
        at = self._round_at(offset)
        offset -= self._count_before(at)
        while True:
            yield from (key[2] for key in self._bucket(at)[offset:])
            later = [line for line in self._lines.values() if line.before((at + 1) * ROUND) < len(line.keys)]
            if not later:
                return
            marks = (line.start + line.marks[line.before((at + 1) * ROUND)] for line in later)
            at, offset = min(marks) // ROUND, 0

    def _round_at(self, rank: int) -> int:
        """The round in which the entry of that rank plays: the last one with no more entries before it."""
        lines = self._ready().values()
        low = min((line.start // ROUND for line in lines), default=0)
        high = max(((line.start + line.marks[-1]) // ROUND for line in lines), default=0) if rank else low
        while low < high:
            middle = (low + high + 1) // 2
            if self._count_before(middle) <= rank:
                low = middle
            else:
                high = middle - 1
        return low

    def _count_before(self, at: int) -> int:
        mark = at * ROUND
        return sum(line.before(mark) for line in self._lines.values() if line.start < mark)

    def _bucket(self, at: int) -> list[Key]:
        bucket = self._buckets.get(at)
        if bucket is None:
            bucket, low, high = self._buckets.setdefault(at, []), at * ROUND, (at + 1) * ROUND
            for line in self._lines.values():
                if line.start < high:
                    bucket.extend(line.keys[line.before(low) : line.before(high)])
            bucket.sort()
        return bucket

    def round(self, person: PersonId, key: Key) -> int:
        """The round that an entry plays in."""
        line = self._ready()[person]
        return (line.start + line.marks[bisect_left(line.keys, key)]) // ROUND

    def _own_before(self, person: PersonId, key: Key) -> int:
        return bisect_left(self._lines[person].keys, key)

    def rank(self, person: PersonId, key: Key) -> int:
        """How many of these play before."""
        at = self.round(person, key)
        return self._count_before(at) + bisect_left(self._bucket(at), key)

    def length(self) -> float:
        """Ms that all of these take; inf with a live one."""
        return sum(self._lengths(line)[-1] for line in self._lines.values())

    def length_before(self, person: PersonId, key: Key) -> float:
        """Ms that those which play before take."""
        at = self.round(person, key)
        mark, bucket = at * ROUND, self._bucket(at)
        rounds = sum(self._lengths(line)[line.before(mark)] for line in self._lines.values() if line.start < mark)
        return rounds + self._sum(one[2] for one in bucket[: bisect_left(bucket, key)])

    def _lengths(self, line: Line) -> list[float]:
        if line.lengths is None:
            line.lengths = list(accumulate((self._length(key[2]) for key in line.keys), initial=0.0))
        return line.lengths
