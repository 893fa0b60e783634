"""A part of the queue: the entries of one lane, and those whose keys alone tell their order."""

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf

from core.ordering.spots import Key
from core.ordering.turns import Measure
from core.types import Entry, EntryId, PersonId


class Part(ABC):
    """Entries in order, of `entries`; those of the parts `before` play before. Persons are whom linked identities
    belong to. `counts` and `costs` tell how many entries each person has here, and what they cost in turns.
    """

    def __init__(self, entries: Mapping[EntryId, Entry], measure: Measure, before: "Sequence[Part]") -> None:
        self._entries = entries
        self._before = before
        self._cost = measure.cost
        self.counts: Counter[PersonId] = Counter()
        self.costs: Counter[PersonId] = Counter()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def add(self, people: Sequence[PersonId], keys: Sequence[Key]) -> None:
        """Entries come in, each of one of the people."""

    @abstractmethod
    def remove(self, person: PersonId, key: Key) -> None:
        """An entry goes."""

    @abstractmethod
    def change(self, person: PersonId, before: Key, after: Key) -> None:
        """An entry got another key."""

    @abstractmethod
    def retake(self) -> None:
        """Turns, or what waits in the parts before, changed."""

    @abstractmethod
    def slice(self, offset: int, count: int) -> list[EntryId]:
        """At most `count` in order, from the rank `offset` on."""

    @abstractmethod
    def rank(self, person: PersonId, key: Key) -> int:
        """How many of these play before."""

    def first(self) -> EntryId:
        """What plays first of these."""
        return self.slice(0, 1)[0]

    def round(self, person: PersonId, key: Key) -> int:
        """The round that an entry plays in, where there are rounds."""
        return 0

    def turn(self, person: PersonId, key: Key) -> int:
        """How many entries of the person play before, those of earlier parts included."""
        return sum(part.counts[person] for part in self._before) + self._own_before(person, key)

    @abstractmethod
    def _own_before(self, person: PersonId, key: Key) -> int: ...

    @abstractmethod
    def length(self) -> float:
        """Ms that all of these take; inf with a live one."""

    def length_before(self, person: PersonId, key: Key) -> float:
        """Ms that those which play before take."""
        return self._sum(self.slice(0, self.rank(person, key)))

    def _count(self, people: Sequence[PersonId], keys: Sequence[Key]) -> None:
        self.counts.update(people)
        entries, costs, cost = self._entries, self.costs, self._cost
        for person, key in zip(people, keys, strict=True):
            costs[person] += cost(entries[key[2]].track)

    def _discount(self, person: PersonId, key: Key) -> None:
        self.counts[person] -= 1
        self.costs[person] -= self._cost(self._entries[key[2]].track)
        if not self.counts[person]:
            del self.counts[person], self.costs[person]

    def _sum(self, entries: Iterable[EntryId]) -> float:
        return sum(map(self._length, entries), 0.0)

    def _length(self, entry: EntryId) -> float:
        length = self._entries[entry].track.length
        return inf if length is None else length


class Sorted(Part):
    """Entries by key."""

    def __init__(self, entries: Mapping[EntryId, Entry], measure: Measure, before: Sequence[Part]) -> None:
        super().__init__(entries, measure, before)
        self._keys: list[Key] = []
        self._own: defaultdict[PersonId, list[Key]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, people: Sequence[PersonId], keys: Sequence[Key]) -> None:
        """Entries come in, each of one of the people."""
        self._count(people, keys)
        self._keys.extend(keys)
        self._keys.sort()
        for person, key in zip(people, keys, strict=True):
            self._own[person].append(key)
        for person in set(people):
            self._own[person].sort()

    def remove(self, person: PersonId, key: Key) -> None:
        """An entry goes."""
        self._discount(person, key)
        for keys in (self._keys, self._own[person]):
            del keys[bisect_left(keys, key)]

    def change(self, person: PersonId, before: Key, after: Key) -> None:
        """An entry got another key."""
        for keys in (self._keys, self._own[person]):
            del keys[bisect_left(keys, before)]
            insort(keys, after)

    def retake(self) -> None:
        """Nothing to these."""

    def slice(self, offset: int, count: int) -> list[EntryId]:
        """At most `count` in order, from the rank `offset` on."""
        return [key[2] for key in self._keys[offset : offset + count]]

    def rank(self, person: PersonId, key: Key) -> int:
        """How many of these play before."""
        return bisect_left(self._keys, key)

    def _own_before(self, person: PersonId, key: Key) -> int:
        return bisect_left(self._own[person], key)

    def length(self) -> float:
        """Ms that all of these take; inf with a live one."""
        return self._sum(key[2] for key in self._keys)
