"""The proportional lane: those who agree get their share of the plays (sequential Phragmén).

What plays next is what raises its approvers' loads the least. Each play changes what follows, so the first entries
are worked out one by one; who stands further back stands by the load that their approvers would have reached by
then, were they alone: a bound that the exact run starts from, too.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import islice

from core.ordering.loads import Approvals
from core.ordering.parts import Part
from core.ordering.spots import Key
from core.ordering.turns import Measure
from core.types import Entry, EntryId, PersonId

HORIZON = 50
"""How many ranks of the queue are worked out play by play."""
EFFORT = 2_000
"""How many candidates are weighed anew for that at most; fewer ranks are worked out when thousands share voters."""

Bound = tuple[int, int, EntryId, int]
"""The load that an entry's approvers rise to, its seat, its id, its approvers."""


class Proportional(Part):
    """Entries whose keys begin with their approvers."""

    def __init__(
        self, entries: Mapping[EntryId, Entry], measure: Measure, approvals: Approvals, before: Sequence[Part]
    ) -> None:
        super().__init__(entries, measure, before)
        self._approvals = approvals
        self._loads = approvals.loads
        self._groups: dict[int, list[Key]] = {}
        self._bounds: list[Bound] = []
        self._changed: set[int] = set()
        self._run: Iterator[int] | None = None
        self._head: list[int] = []
        self._turns: dict[EntryId, int] = {}

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, people: Sequence[PersonId], keys: Sequence[Key]) -> None:
        """Entries come in, each of one of the people."""
        self._count(people, keys)
        for key in keys:
            self._groups.setdefault(key[0], []).append(key)
            self._changed.add(key[0])
        for group in self._changed & self._groups.keys():
            self._groups[group].sort()
        self._run = None

    def remove(self, person: PersonId, key: Key) -> None:
        """An entry goes."""
        self._discount(person, key)
        self._drop(key)

    def change(self, person: PersonId, before: Key, after: Key) -> None:
        """An entry got another seat, or other approvers."""
        self._drop(before)
        insort(self._groups.setdefault(after[0], []), after)
        self._changed.add(after[0])

    def _drop(self, key: Key) -> None:
        group = self._groups[key[0]]
        del group[bisect_left(group, key)]
        if not group:
            del self._groups[key[0]]
        self._changed.add(key[0])
        self._run = None

    def retake(self) -> None:
        """Turns, or what waits in the parts before, changed."""
        self._run = None

    # Bounds

    def _ready(self) -> list[Bound]:
        """The bounds of all entries, brought up to date."""
        fresh = self._loads is not self._approvals.loads
        if not (fresh or self._changed):
            return self._bounds
        self._loads = self._approvals.loads
        kept = [bound for bound in self._bounds if bound[3] not in self._changed] if self._changed else self._bounds
        self._bounds = self._risen(kept) if fresh else kept
        for group in self._changed & self._groups.keys():
            keys = self._groups[group]
            levels = self._loads.levels(group, len(keys))
            self._bounds += [(level, key[1], key[2], group) for level, key in zip(levels, keys, strict=True)]
        self._bounds.sort()
        self._changed.clear()
        return self._bounds

    def _risen(self, bounds: list[Bound]) -> list[Bound]:
        """The same entries by the loads of now; in the order of before, which is nearly right."""
        left = self._groups.keys() - self._changed
        levels = {group: iter(self._loads.levels(group, len(self._groups[group]))) for group in left}
        return [(next(levels[group]), seat, entry, group) for _, seat, entry, group in bounds]

    def _bound(self, key: Key) -> Bound:
        keys = self._groups[key[0]]
        level = self._loads.levels(key[0], bisect_left(keys, key) + 1)[-1]
        return (level, key[1], key[2], key[0])

    # The exact run

    def _settled(self, count: int) -> list[int]:
        """Where the first `count` entries (all that are settled, if those are fewer) are among the bounds."""
        bounds = self._ready()
        if self._run is None:
            horizon = max(0, HORIZON - sum(map(len, self._before)))
            self._run, self._head = islice(self._plays(bounds), horizon), []
            self._turns.clear()
        self._head += islice(self._run, max(0, count - len(self._head)))
        return self._head

    def _plays(self, bounds: list[Bound]) -> Iterator[int]:
        """What plays, one after another. Loads only rise, so what is taken at its bound is the least of all."""
        loads = self._loads.copy()
        for part in self._before:
            for entry in part.slice(0, len(part)):
                loads.charge(self._approvals.of(self._entries[entry]))
        fresh, again, effort = 0, list[tuple[Bound, int]](), 0
        while effort < EFFORT and (again or fresh < len(bounds)):
            if again and (fresh == len(bounds) or again[0][0] < bounds[fresh]):
                bound, index = heappop(again)
            else:
                bound, index, fresh = bounds[fresh], fresh, fresh + 1
            level = loads.level(bound[3])
            if level == bound[0]:
                loads.charge(bound[3])
                yield index
            else:
                effort += 1
                heappush(again, ((level, *bound[1:]), index))

    # What people ask

    def slice(self, offset: int, count: int) -> list[EntryId]:
        """At most `count` in order, from the rank `offset` on."""
        head = self._settled(offset + count)
        found = [self._bounds[index][2] for index in head[offset : offset + count]]
        if len(found) < count:
            found += self._further(max(0, offset - len(head)), count - len(found))
        return found

    def _further(self, skipped: int, count: int) -> list[EntryId]:
        """At most `count` of those that are not settled, all but the first `skipped`."""
        head = sorted(self._head)
        at = skipped
        for index in head:
            at += index <= at
        taken = set(head)
        rest = (self._bounds[index][2] for index in range(at, len(self._bounds)) if index not in taken)
        return list(islice(rest, count))

    def rank(self, person: PersonId, key: Key) -> int:
        """How many of these play before."""
        head = self._settled(HORIZON)
        index = bisect_left(self._bounds, self._bound(key))
        if index in head:
            return head.index(index)
        return len(head) + index - sum(1 for settled in head if settled < index)

    def length(self) -> float:
        """Ms that all of these take; inf with a live one."""
        return self._sum(bound[2] for bound in self._ready())

    def _own_before(self, person: PersonId, key: Key) -> int:
        self._settled(HORIZON)
        if not self._turns:
            own: Counter[PersonId] = Counter()
            for entry in self.slice(0, len(self)):
                leader = self._approvals.one(self._entries[entry].person)
                self._turns[entry] = own[leader]
                own[leader] += 1
        return self._turns[key[2]]
