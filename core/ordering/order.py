"""The waiting entries of a room in the order in which they will play."""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from core.enums import Mode, TurnMeasure
from core.limits import TURN_WINDOW
from core.ordering.loads import Approvals
from core.ordering.parts import Part, Sorted
from core.ordering.phragmen import Proportional
from core.ordering.rounds import Rounds
from core.ordering.seats import seat_of
from core.ordering.spots import Key, Lane, Spot
from core.ordering.tallies import FOREVER, Tallies, Tally
from core.ordering.turns import MEASURES, Turns
from core.room import Room
from core.types import Entry, EntryId, PersonId, Shuffle

Basis = tuple[Mode, Shuffle | None, TurnMeasure, Mapping[PersonId, PersonId]]
WAITING = Lane.WAITING


def order_of(room: Room, now: int) -> "Order":
    """The room's order at `now`; made once, then kept until the mode, the shuffle or who is who changes."""
    order = room.order
    if order is None or len(order) != len(room.entries):
        order = room.order = Order(room, now)
    elif order.basis != basis_of(room):
        order = room.order = Order(room, now, order)
    order.catch_up(now)
    return order


def basis_of(room: Room) -> Basis:
    """What an order is built on."""
    return (room.mode, room.shuffle, room.settings.turns, room.same)


class Order:
    """Six lanes, each with an order of its own; the first one plays first."""

    def __init__(self, room: Room, now: int, before: "Order | None" = None) -> None:
        self.basis = basis_of(room)
        self._room = room
        self._now = now
        same_people = before is not None and before.basis[-1] is room.same
        self.tallies = before.tallies if before is not None and same_people else Tallies(room)
        self._turns = Turns(room, MEASURES[room.settings.turns])
        self._approvals = Approvals(room, self.tallies)
        self._entries: dict[EntryId, Entry] = {}
        self._spots: dict[EntryId, tuple[Lane, Key]] = {}
        self._lanes = self._made()
        self._rate = self._rates()
        self._turns_valid = (0, 0)
        if self.tallies.catch_up(now):
            self.tallies.clear()
        self.add(room.entries.values())

    def _made(self) -> tuple[Part, ...]:
        entries, measure = self._entries, self._turns.measure
        lanes: list[Part] = []
        for lane in Lane:
            before = tuple(lanes)
            if lane not in {WAITING, Lane.PARKED}:
                lanes.append(Sorted(entries, measure, before))
            elif self._room.mode is Mode.FAIR:
                lanes.append(Rounds(entries, self._turns, before))
            elif self._room.mode is Mode.PROPORTIONAL:
                lanes.append(Proportional(entries, measure, self._approvals, before))
            else:
                lanes.append(Sorted(entries, measure, before))
        return tuple(lanes)

    def __len__(self) -> int:
        return len(self._spots)

    # What changes the order

    def catch_up(self, now: int) -> None:
        """Take in what time or people changed since the last look."""
        self._now = now
        if changed := self.tallies.catch_up(now):
            self._count_again(changed)
        if not self._turns_valid[0] <= now < self._turns_valid[1]:
            self._catch_up_turns(now)
        while (start := self.next_start()) is not None and start <= now:
            self.move(self._entries[self._lanes[Lane.SCHEDULED].first()])

    def _catch_up_turns(self, now: int) -> None:
        begun = (turn.started_at + TURN_WINDOW for turn in self._room.turns.values())
        self._turns_valid = (now, min((at for at in begun if at > now), default=FOREVER))
        self._turns.retake(now)
        if self._room.mode is Mode.PROPORTIONAL:
            self._approvals.retake(now)
        self._retake()

    def recount(self) -> None:
        """People changed: look again whose votes count before the next answer."""
        self.tallies.recount()

    def retake(self) -> None:
        """Turns changed: look again before the next answer."""
        self._turns_valid = (0, 0)

    def add(self, entries: Iterable[Entry]) -> None:
        """New entries are waiting."""
        incoming: tuple[tuple[list[PersonId], list[Key]], ...] = tuple(([], []) for _ in Lane)
        same, spots = self._room.same, self._spots
        for entry in entries:
            lane, key = spots[entry.id] = self._spot(entry)
            self._entries[entry.id] = entry
            people, keys = incoming[lane]
            people.append(same.get(entry.person, entry.person) if same else entry.person)
            keys.append(key)
        for part, (people, keys) in zip(self._lanes, incoming, strict=True):
            if keys:
                part.add(people, keys)
        self._retake()

    def remove(self, entry: Entry) -> None:
        """An entry is not waiting any more."""
        lane, key = self._spots.pop(entry.id)
        self._lanes[lane].remove(self.tallies.one(entry.person), key)
        del self._entries[entry.id]
        self._retake()

    def move(self, entry: Entry) -> None:
        """An entry was locked, unlocked, forced, parked, seated or voted for; one that does not wait is left alone."""
        before = self._spots.get(entry.id)
        if before is None:
            return
        if self._room.mode is Mode.PROPORTIONAL:
            self._retake()
        if before == (spot := self._spot(entry)):
            return
        (lane, key), person = before, self.tallies.one(entry.person)
        self._spots[entry.id] = spot
        if lane == spot[0]:
            self._lanes[lane].change(person, key, spot[1])
        else:
            self._lanes[lane].remove(person, key)
            self._lanes[spot[0]].add([person], [spot[1]])
        if lane != spot[0] or lane < Lane.WAITING:
            self._retake()

    def vote(self, entry: Entry, person: PersonId, before: int, after: int) -> None:
        """A vote that the entry already shows changed from `before` to `after` (0: none)."""
        self.tallies.vote(entry, person, before, after)
        self.move(entry)

    def _count_again(self, changed: set[PersonId]) -> None:
        current = [self._room.current.entry] if self._room.current else []
        for entry in [*self._room.entries.values(), *current]:
            if not changed.isdisjoint(entry.votes):
                self.tallies.forget(entry.id)
                self.move(entry)

    def _retake(self) -> None:
        for lane in self._lanes:
            lane.retake()

    def _spot(self, entry: Entry) -> tuple[Lane, Key]:
        seat = seat_of(self._room, entry)
        plain = not (entry.forced or entry.parked) and entry.starts_at is None and entry.id != self._room.locked
        lane = WAITING if plain else self._lane(entry)
        if plain or lane is Lane.PARKED:
            return lane, (self._rate(entry), seat, entry.id)
        return lane, (cast("int", entry.starts_at) if lane is Lane.SCHEDULED else 0, seat, entry.id)

    def _lane(self, entry: Entry) -> Lane:
        """That of an entry of which something special is known."""
        if entry.id == self._room.locked:
            return Lane.LOCKED
        if entry.forced:
            return Lane.FORCED_PARKED if entry.parked else Lane.FORCED
        if entry.starts_at is not None:
            return Lane.SCHEDULED if entry.starts_at > self._now else Lane.FORCED
        return Lane.PARKED

    def _rates(self) -> Callable[[Entry], int]:
        """What the mode goes by."""
        score = self.tallies.score
        match self._room.mode:
            case Mode.FAIR | Mode.VOTES:
                return lambda entry: -score(entry) if entry.votes else 0
            case Mode.PROPORTIONAL:
                return self._approvals.of
            case Mode.FIFO | Mode.DJ:
                return lambda _entry: 0

    # What people ask

    def tally(self, entry: Entry) -> Tally:
        """The votes for an entry, waiting or on air, that count."""
        return self.tallies.of(entry)

    def supporters(self, entry: Entry) -> list[PersonId]:
        """Whose vote for an entry counts, linked identities once."""
        return self.tallies.supporters(entry)

    def forget(self, entry: EntryId) -> None:
        """An entry is gone for good."""
        self.tallies.forget(entry)

    def turns(self, person: PersonId) -> int:
        """How many turns count for a person."""
        return self._turns.times[self.tallies.one(person)]

    def start(self, person: PersonId) -> int:
        """Where a person's next turn starts (see `Turn.start`)."""
        return self._turns.start(self.tallies.one(person))

    def waiting(self, person: PersonId) -> int:
        """How many entries of a person wait, scheduled ones included."""
        return sum(lane.counts[self.tallies.one(person)] for lane in self._lanes)

    def due(self) -> list[Entry]:
        """Scheduled entries whose time has come, as long as nobody forced them."""
        forced = self._lanes[Lane.FORCED]
        entries = (self._entries[one] for one in forced.slice(0, len(forced)))
        return [entry for entry in entries if not entry.forced]

    def next_start(self) -> int | None:
        """When the first entry of those scheduled for later is due."""
        scheduled = self._lanes[Lane.SCHEDULED]
        return self._spots[scheduled.first()][1][0] if scheduled else None

    def first(self) -> EntryId | None:
        """What plays next; what is scheduled for later does not."""
        return next((lane.first() for lane in self._lanes[: Lane.SCHEDULED] if lane), None)

    def entries(self, offset: int = 0, count: int | None = None) -> list[EntryId]:
        """`count` entries in order, beginning with the one of rank `offset` (0: the first)."""
        count = len(self) if count is None else count
        found: list[EntryId] = []
        for lane in self._lanes:
            if offset < len(lane) and len(found) < count:
                found += lane.slice(offset, count - len(found))
            offset = max(0, offset - len(lane))
        return found

    def spot(self, entry: Entry) -> Spot:
        """Where a waiting entry stands."""
        lane, key = self._spots[entry.id]
        part, person = self._lanes[lane], self.tallies.one(entry.person)
        return Spot(lane, part.round(person, key), part.turn(person, key), key)

    def rank(self, entry: Entry) -> int:
        """How many waiting entries stand before this one."""
        lane, key = self._spots[entry.id]
        return sum(map(len, self._lanes[:lane])) + self._lanes[lane].rank(self.tallies.one(entry.person), key)

    def length_before(self, entry: Entry) -> float:
        """The length in ms of the waiting entries that stand before this one; inf with a live one among them."""
        lane, key = self._spots[entry.id]
        before = sum(other.length() for other in self._lanes[:lane])
        return before + self._lanes[lane].length_before(self.tallies.one(entry.person), key)
