"""The fair order: turn first, votes inside the turn.

The order of all waiting entries is the order of their keys
`(not locked, not forced, parked, round, -score, first_requested_at, id)`. Nothing here sorts the whole queue: each
person's entries are kept sorted by themselves (a line), the entries that share a round are sorted when somebody
looks at that round (a bucket), and both are repaired in place when a vote or an entry comes in. A person has few
entries and a round has at most one entry of each person, so a command costs about as much as there are people.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise, zip_longest
from math import inf

from core import people
from core.limits import TURN_WINDOW, VOTE_GRACE
from core.lines import Key, Line, Spot, Tally, turns_taken
from core.room import Room
from core.types import HOUSE, Entry, EntryId, PersonId

LANES = 5
FOREVER = 1 << 62


def order_of(room: Room, now: int) -> "Order":
    """The room's order at `now`; made once, then kept."""
    if room.order is None or len(room.order) != len(room.entries):
        room.order = Order(room)
    room.order.catch_up(now)
    return room.order


class Order:
    """The waiting entries of a room in the order in which they will play."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lanes: tuple[dict[PersonId, Line], ...] = tuple({} for _ in range(LANES))
        self._sizes = [0] * LANES
        self._buckets: dict[tuple[int, int], list[Key]] = {}
        self._spots: dict[EntryId, tuple[int, Key]] = {}
        self._tallies: dict[EntryId, Tally] = {}
        self._counting: set[PersonId] | None = None
        self._turns: Counter[PersonId] = Counter()
        self._floor = -1
        self._votes_valid = self._turns_valid = (0, 0)

    def __len__(self) -> int:
        return len(self._spots)

    # What changes the order

    def catch_up(self, now: int) -> None:
        """Take in what time or people changed since the last look."""
        if not self._votes_valid[0] <= now < self._votes_valid[1]:
            self._catch_up_votes(now)
        if not self._turns_valid[0] <= now < self._turns_valid[1]:
            self._turns = turns_taken(self._room, now)
            self._restart()
            begun = (turn.started_at + TURN_WINDOW for turn in self._room.turns.values())
            self._turns_valid = (now, min((at for at in begun if at > now), default=FOREVER))

    def _catch_up_votes(self, now: int) -> None:
        before = self._counting
        self._counting = people.counting(self._room, now)
        if before is None:
            self.add(self._room.entries.values())
        elif changed := before ^ self._counting:
            self._count_again(changed)
        left = (one.left_at + VOTE_GRACE for one in self._room.people.values() if one.left_at is not None)
        self._votes_valid = (now, min((at for at in left if at > now), default=FOREVER))

    def recount(self) -> None:
        """People changed: look again whose votes count before the next answer."""
        self._votes_valid = (0, 0)

    def retake(self) -> None:
        """Turns changed: look again before the next answer."""
        self._turns_valid = (0, 0)

    def add(self, entries: Iterable[Entry]) -> None:
        """New entries are waiting."""
        grouped: defaultdict[tuple[int, PersonId], list[Key]] = defaultdict(list)
        for entry in entries:
            lane, key = self._lane(entry), self._key(entry)
            self._spots[entry.id] = (lane, key)
            grouped[lane, entry.person].append(key)
        for (lane, person), keys in grouped.items():
            self._edit(lane, person, added=keys)

    def remove(self, entry: Entry) -> None:
        """An entry is not waiting any more."""
        lane, key = self._spots.pop(entry.id)
        self._edit(lane, entry.person, removed=key)

    def move(self, entry: Entry) -> None:
        """An entry was locked, unlocked or got another score; one that does not wait is left alone."""
        before = self._spots.get(entry.id)
        lane, key = self._lane(entry), self._key(entry)
        if before is None or before == (lane, key):
            return
        self._spots[entry.id] = (lane, key)
        if before[0] == lane:
            self._edit(lane, entry.person, added=[key], removed=before[1])
        else:
            self._edit(before[0], entry.person, removed=before[1])
            self._edit(lane, entry.person, added=[key])

    def vote(self, entry: Entry, person: PersonId, before: int, after: int) -> None:
        """A vote that the entry already shows changed from `before` to `after` (0: none)."""
        tally = self._tallies.get(entry.id)
        if tally is not None and self._counts(entry, person):
            tally.add(before, -1)
            tally.add(after)
        self.move(entry)

    def _count_again(self, changed: set[PersonId]) -> None:
        current = [self._room.current.entry] if self._room.current else []
        for entry in [*self._room.entries.values(), *current]:
            if not changed.isdisjoint(entry.votes):
                self._tallies.pop(entry.id, None)
                self.move(entry)

    def _counts(self, entry: Entry, person: PersonId) -> bool:
        return person in (self._counting or ()) and person != entry.person

    def _lane(self, entry: Entry) -> int:
        """0: locked, 1: forced, …; a person's entries of an earlier lane take their earlier rounds."""
        return 0 if entry.id == self._room.locked else 1 + 2 * (not entry.forced) + entry.parked

    def _key(self, entry: Entry) -> Key:
        return (-self.tally(entry).score, entry.first_requested_at, entry.id)

    def _edit(self, lane: int, person: PersonId, *, added: Iterable[Key] = (), removed: Key | None = None) -> None:
        lines = self._lanes[lane]
        line = lines.get(person)
        if line is None:
            line = lines[person] = Line(self._start(lane, person))
        before = line.keys.copy()
        if removed is not None:
            del line.keys[bisect_left(line.keys, removed)]
        line.keys.extend(added)
        line.keys.sort()
        line.lengths = None
        self._sizes[lane] += len(line.keys) - len(before)
        self._repair(lane, line, before)
        if not line.keys:
            del lines[person]
        if self._has_later(lane, person) or (not (before and line.keys) and self._least() - 1 != self._floor):
            self._restart()

    def _repair(self, lane: int, line: Line, before: list[Key]) -> None:
        """Bring the buckets that were looked at in step with a line that changed."""
        for turn, (old, new) in enumerate(zip_longest(before, line.keys)):
            bucket = self._buckets.get((lane, line.start + turn)) if old != new else None
            if bucket is None:
                continue
            if old is not None:
                del bucket[bisect_left(bucket, old)]
            if new is not None:
                insort(bucket, new)

    def _has_later(self, lane: int, person: PersonId) -> bool:
        return any(person in lines for lines in self._lanes[lane + 1 :])

    def _start(self, lane: int, person: PersonId) -> int:
        return max(self._turns[person], self._floor) + self._ahead(lane, person)

    def _ahead(self, lane: int, person: PersonId) -> int:
        """How many entries a person has in earlier lanes."""
        return sum(len(lines[person].keys) for lines in self._lanes[:lane] if person in lines)

    def _restart(self) -> None:
        """Give each line the round it starts in; forget the buckets if any of them moved."""
        floor = self._floor = self._least() - 1
        turns, moved = self._turns, False
        for lane, lines in enumerate(self._lanes):
            several = any(self._lanes[:lane])
            for person, line in lines.items():
                start = max(turns.get(person, 0), floor) + (self._ahead(lane, person) if several else 0)
                if start != line.start:
                    line.start, moved = start, True
        if moved:
            self._buckets.clear()

    def _least(self) -> int:
        """The turns of the person on air, else the least turns among those who wait."""
        current = self._room.current
        if current is not None and current.entry.person != HOUSE:
            return self._turns[current.entry.person]
        return min((self._turns[person] for lines in self._lanes for person in lines), default=0)

    # What people ask

    def tally(self, entry: Entry) -> Tally:
        """The votes for an entry, waiting or on air, that count."""
        tally = self._tallies.get(entry.id)
        if tally is None:
            tally = self._tallies[entry.id] = Tally()
            for person, vote in entry.votes.items():
                if self._counts(entry, person):
                    tally.add(vote.value)
        return tally

    def forget(self, entry: EntryId) -> None:
        """An entry is gone for good."""
        self._tallies.pop(entry, None)

    def turns(self, person: PersonId) -> int:
        """The turns that count for a person."""
        return self._turns[person]

    def waiting(self, person: PersonId) -> int:
        """How many entries of a person wait."""
        return sum(len(lines[person].keys) for lines in self._lanes if person in lines)

    def first(self) -> EntryId | None:
        """What plays next."""
        for lines in self._lanes:
            if lines:
                start = min(line.start for line in lines.values())
                return min(line.keys[0] for line in lines.values() if line.start == start)[2]
        return None

    def entries(self, offset: int = 0, count: int | None = None) -> list[EntryId]:
        """`count` entries in order, beginning with the one of rank `offset` (0: the first)."""
        return list(islice(self._from(offset), count))

    def _from(self, offset: int) -> Iterator[EntryId]:
        for lane, size in enumerate(self._sizes):
            if offset >= size:
                offset -= size
                continue
            for at, width in self._rounds(lane):
                if offset >= width:
                    offset -= width
                    continue
                yield from (key[2] for key in self._bucket(lane, at)[offset:])
                offset = 0

    def _rounds(self, lane: int) -> Iterator[tuple[int, int]]:
        """Each round of a lane with how many entries share it."""
        edges: Counter[int] = Counter()
        for line in self._lanes[lane].values():
            edges[line.start] += 1
            edges[line.start + len(line.keys)] -= 1
        width = 0
        for start, end in pairwise(sorted(edges)):
            width += edges[start]
            yield from ((at, width) for at in range(start, end))

    def _bucket(self, lane: int, at: int) -> list[Key]:
        bucket = self._buckets.get((lane, at))
        if bucket is None:
            lines = self._lanes[lane].values()
            bucket = [line.keys[at - line.start] for line in lines if 0 <= at - line.start < len(line.keys)]
            bucket.sort()
            self._buckets[lane, at] = bucket
        return bucket

    def spot(self, entry: Entry) -> Spot:
        """Where a waiting entry stands."""
        lane, key = self._spots[entry.id]
        line = self._lanes[lane][entry.person]
        at = line.start + bisect_left(line.keys, key)
        return Spot(lane, at, self._ahead(lane, entry.person) + at - line.start, key)

    def rank(self, entry: Entry) -> int:
        """How many waiting entries play before this one."""
        spot = self.spot(entry)
        earlier = sum(
            min(spot.round - line.start, len(line.keys))
            for line in self._lanes[spot.lane].values()
            if line.start < spot.round
        )
        return sum(self._sizes[: spot.lane]) + earlier + bisect_left(self._bucket(spot.lane, spot.round), spot.key)

    def length_before(self, entry: Entry) -> float:
        """The length in ms of the waiting entries that play before this one; inf with a live one among them."""
        spot = self.spot(entry)
        lanes = sum(self._length(line, len(line.keys)) for lines in self._lanes[: spot.lane] for line in lines.values())
        rounds = sum(
            self._length(line, spot.round - line.start)
            for line in self._lanes[spot.lane].values()
            if line.start < spot.round
        )
        bucket = self._bucket(spot.lane, spot.round)
        beside = sum(self._length_of(key) for key in bucket[: bisect_left(bucket, spot.key)])
        return lanes + rounds + beside

    def _length(self, line: Line, count: int) -> float:
        if line.lengths is None:
            total, line.lengths = 0.0, [0.0]
            for key in line.keys:
                total += self._length_of(key)
                line.lengths.append(total)
        return line.lengths[min(count, len(line.keys))]

    def _length_of(self, key: Key) -> float:
        length = self._room.entries[key[2]].track.length
        return inf if length is None else length
