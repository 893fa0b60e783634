"""The order in every mode, held against the same rules written down literally, over random changes of a room."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from core import people
from core.ordering import order_of, phragmen
from core.room import Room
from core.types import (
    Entry,
    EntryId,
    Hearing,
    Mode,
    PersonId,
    PlaceId,
    Playing,
    Presence,
    RoomId,
    Settings,
    Shuffle,
    Turn,
    TurnMeasure,
    Vote,
)
from tests.core import reference
from tests.fakes import track

PAGE = PlaceId("web:page")
NAMES = ["ann", "ben", "cyd", "dan", "eve", "fay"]
HOUR = 3_600_000

who = st.sampled_from(NAMES).map(PersonId)
index = st.integers(0, 40)
changes = st.one_of(
    st.tuples(st.just("add"), who, st.lists(st.one_of(st.none(), st.integers(1_000, 900_000)), max_size=5)),
    st.tuples(st.just("vote"), who, index, st.sampled_from([-1, 0, 1, 1, 1])),
    st.tuples(st.just("vote"), who, index, st.sampled_from([-1, 0, 1, 1, 1])),
    st.tuples(st.just("mark"), index, st.booleans(), st.booleans()),
    st.tuples(st.just("seat"), index, st.one_of(st.none(), st.integers(-5, 5))),
    st.tuples(st.just("schedule"), index, st.one_of(st.none(), st.integers(-1, 90))),
    st.tuples(st.just("remove"), index),
    st.tuples(st.just("lock"), index),
    st.tuples(st.just("play"), st.booleans(), st.integers(0, 900_000)),
    st.tuples(st.just("play"), st.just(value=True), st.just(200_000)),
    st.tuples(st.just("play"), st.just(value=True), st.just(200_000)),
    st.tuples(st.just("come"), who),
    st.tuples(st.just("go"), who),
    st.tuples(st.just("link"), who, who),
    st.tuples(st.just("shuffle"), st.integers(0, 1 << 63)),
    st.tuples(st.just("mode"), st.sampled_from(list(Mode)), st.sampled_from(list(TurnMeasure))),
    st.tuples(st.just("wait"), st.sampled_from([1_000, 61_000, 61_000, 700_000, 6 * HOUR])),
)


class Bench:
    """A room that is changed as the rest of the core changes it, one look at its order in between or none."""

    def __init__(self, mode: Mode, measure: TurnMeasure) -> None:
        self.now = 1_800_000_000_000
        self.room = Room(RoomId("room"), PAGE, "Room", mode=mode, settings=Settings(turns=measure))

    def change(self, what: str, *arguments: Any) -> None:
        getattr(self, what)(*arguments)

    def pick(self, number: int) -> Entry | None:
        known = sorted(self.room.entries)
        return self.room.entries[known[number % len(known)]] if known else None

    def add(self, person: PersonId, lengths: list[int | None]) -> None:
        room, entries = self.room, list[Entry]()
        for length in lengths:
            entry = EntryId(room.next_entry)
            entries.append(Entry(entry, track("t", length), person, person, PAGE, self.now, self.now))
            room.next_entry += 1
        order_of(room, self.now).add(entries)
        room.entries.update((entry.id, entry) for entry in entries)

    def vote(self, person: PersonId, number: int, value: int) -> None:
        entry = self.pick(number)
        if entry is None:
            return
        order = order_of(self.room, self.now)
        before = entry.votes[person].value if person in entry.votes else 0
        if value:
            entry.votes[person] = Vote(value, self.now)
        else:
            entry.votes.pop(person, None)
        order.vote(entry, person, before, value)

    def mark(self, number: int, forced: bool, parked: bool) -> None:
        self.edit(number, forced=forced, parked=parked)

    def seat(self, number: int, seat: int | None) -> None:
        self.edit(number, seat=seat)

    def schedule(self, number: int, minutes: int | None) -> None:
        self.edit(number, starts_at=None if minutes is None else self.now + minutes * 60_000)

    def edit(self, number: int, **fields: Any) -> None:
        entry = self.pick(number)
        if entry is not None:
            order = order_of(self.room, self.now)
            for name, value in fields.items():
                setattr(entry, name, value)
            order.move(entry)

    def remove(self, number: int) -> None:
        entry = self.pick(number)
        if entry is not None:
            order_of(self.room, self.now).remove(entry)
            del self.room.entries[entry.id]
            self.unlock(entry)

    def unlock(self, entry: Entry) -> None:
        if self.room.locked == entry.id:
            self.room.locked = None

    def lock(self, number: int) -> None:
        entry, before = self.pick(number), self.room.locked
        self.room.locked = entry.id if entry else None
        for one in (before, self.room.locked):
            if one is not None and one in self.room.entries:
                order_of(self.room, self.now).move(self.room.entries[one])

    def play(self, counted: bool, heard: int) -> None:
        room, order = self.room, order_of(self.room, self.now)
        if room.current is not None:
            turn = room.turns[room.current.entry.id]
            turn.counted, turn.airtime, room.current = counted, heard, None
        first = order.first()
        if first is not None:
            entry = room.entries[first]
            order.remove(entry)
            del room.entries[first]
            self.unlock(entry)
            length = entry.track.length or 210_000
            supporters = tuple(order.supporters(entry))
            room.turns[first] = Turn(first, entry.person, self.now, airtime=length, approvers=supporters)
            room.current = Playing(entry)
        order.retake()

    def come(self, person: PersonId) -> None:
        people.arrive(self.room, Presence(person, PAGE, Hearing.STREAM, person, self.now), self.now)

    def go(self, person: PersonId) -> None:
        people.leave(self.room, person, PAGE, self.now)

    def link(self, person: PersonId, leader: PersonId) -> None:
        leaders = set(self.room.same.values())
        same = {one: other for one, other in self.room.same.items() if one != person}
        if person != leader and person not in leaders and leader not in same:
            same[person] = leader
        self.room.same = same

    def shuffle(self, seed: int) -> None:
        self.room.shuffle = Shuffle(seed, EntryId(self.room.next_entry - 1))

    def mode(self, mode: Mode, measure: TurnMeasure) -> None:
        self.room.mode = mode
        self.room.settings = Settings(turns=measure)

    def wait(self, ms: int) -> None:
        self.now += ms


def check(bench: Bench, horizon: int) -> None:
    room, now = bench.room, bench.now
    expected, order = reference.order(room, now, horizon), order_of(room, now)
    assert order.entries() == expected
    next_one = expected[0] if expected and reference.lane(room, room.entries[expected[0]], now) < 5 else None
    assert order.first() == next_one
    ahead = 0.0
    for rank, one in enumerate(expected):
        entry = room.entries[one]
        assert order.rank(entry) == rank
        assert order.length_before(entry) == ahead
        assert order.tally(entry).score == reference.score(room, entry, now)
        ahead += float("inf") if entry.track.length is None else entry.track.length
    middle = len(expected) // 2
    assert order.entries(middle, 3) == expected[middle : middle + 3]
    for person in NAMES:
        own = [one for one in room.entries.values() if reference.one(room, one.person) == person]
        assert person in room.same or order.waiting(PersonId(person)) == len(own)


@pytest.mark.parametrize("horizon", [0, 4, 50])
@pytest.mark.parametrize(
    ("mode", "measure"), [*((mode, TurnMeasure.COUNT) for mode in Mode), (Mode.FAIR, TurnMeasure.AIRTIME)]
)
def test_the_order_is_the_rule(mode: Mode, measure: TurnMeasure, horizon: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if horizon != phragmen.HORIZON and mode is not Mode.PROPORTIONAL:
        return
    monkeypatch.setattr(phragmen, "HORIZON", horizon)

    @given(st.lists(st.tuples(changes, st.booleans()), min_size=10, max_size=70))
    @profile(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def histories(steps: list[tuple[tuple[Any, ...], bool]]) -> None:
        bench = Bench(mode, measure)
        for name in NAMES[:5]:
            bench.come(PersonId(name))
        for change, look in steps:
            bench.change(*change)
            if look:
                check(bench, horizon)
        check(bench, horizon)

    histories()
