"""The order in every mode, held against the same rules written down literally, over random changes of a room."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from core.enums import Hearing, Mode, TurnMeasure
from core.ordering import order_of, phragmen
from core.people import arrive, leave
from core.room import Room
from core.types import Entry, EntryId, PersonId, PlaceId, Playing, Presence, RoomId, Settings, Shuffle, Turn, Vote
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
        order.retake()
        order = order_of(room, self.now)
        first = order.first()
        if first is not None:
            entry = room.entries[first]
            order.remove(entry)
            del room.entries[first]
            self.unlock(entry)
            length = entry.track.length or 210_000
            supporters = tuple(order.supporters(entry))
            start = order.start(entry.person)
            assert start == reference.start(room, entry.person, self.now)
            room.turns[first] = Turn(first, entry.person, self.now, True, length, supporters, start, entry.forced)
            room.current = Playing(entry)
        order.retake()

    def come(self, person: PersonId) -> None:
        arrive(self.room, Presence(person, PAGE, Hearing.STREAM, person, self.now), self.now)

    def go(self, person: PersonId) -> None:
        leave(self.room, person, PAGE, self.now)

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
    ahead, turns = 0.0, Counter[str]()
    for rank, one in enumerate(expected):
        entry = room.entries[one]
        assert order.spot(entry).turn == turns[reference.one(room, entry.person)]
        turns[reference.one(room, entry.person)] += 1
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


def queued(bench: Bench, person: str, songs: int, length: int = 200_000) -> None:
    bench.add(PersonId(person), [length] * songs)


def heard(bench: Bench, songs: int) -> list[str]:
    """Who asked for each of the next songs, played to the end."""
    played: list[str] = []
    for _ in range(songs):
        bench.play(True, 200_000)
        assert bench.room.current is not None
        played.append(bench.room.current.entry.person)
        bench.wait(200_000)
    return played


@pytest.mark.parametrize("measure", TurnMeasure)
def test_a_latecomer_catches_up_by_one_round_at_most(measure: TurnMeasure) -> None:
    bench = Bench(Mode.FAIR, measure)
    queued(bench, "ann", 20)
    assert heard(bench, 10) == ["ann"] * 10
    queued(bench, "ben", 10)
    played = heard(bench, 8)
    assert played[0] == "ben"
    assert played.count("ben") <= 5


def test_those_with_votes_gain_nothing_when_old_turns_are_forgotten() -> None:
    bench = Bench(Mode.FAIR, TurnMeasure.COUNT)
    for name in NAMES:
        bench.come(PersonId(name))
        queued(bench, name, 60)
    for entry in bench.room.entries.values():
        if entry.person == "fay":
            bench.vote(PersonId("ann"), sorted(bench.room.entries).index(entry.id), 1)
    played = heard(bench, 45 * len(NAMES))
    assert {name: played.count(name) for name in NAMES} == dict.fromkeys(NAMES, 45)


def test_a_forced_turn_is_paid_for_and_moves_nobody_else() -> None:
    bench = Bench(Mode.FAIR, TurnMeasure.COUNT)
    for name in ("ann", "ben", "cyd"):
        queued(bench, name, 5)
    bench.mark(4, forced=True, parked=False)
    assert heard(bench, 1) == ["ann"]
    assert heard(bench, 6) == ["ben", "cyd", "ann", "ben", "cyd", "ann"]


def test_what_is_scheduled_waits_for_its_time_and_then_plays_next() -> None:
    bench = Bench(Mode.FIFO, TurnMeasure.COUNT)
    queued(bench, "ann", 3)
    bench.schedule(2, 1)
    order = order_of(bench.room, bench.now)
    assert order.entries() == [1, 2, 3]
    assert order.next_start() == bench.now + 60_000
    bench.wait(60_000)
    order = order_of(bench.room, bench.now)
    assert (order.entries(), order.next_start()) == ([3, 1, 2], None)
    assert [entry.id for entry in order.due()] == [3]


def test_nothing_plays_when_all_is_scheduled() -> None:
    bench = Bench(Mode.FIFO, TurnMeasure.COUNT)
    queued(bench, "ann", 1)
    bench.schedule(0, 5)
    assert order_of(bench.room, bench.now).first() is None


def test_those_who_agree_get_their_share_of_the_plays() -> None:
    bench = Bench(Mode.PROPORTIONAL, TurnMeasure.COUNT)
    for name in NAMES[:4]:
        bench.come(PersonId(name))
    queued(bench, "ann", 20)
    queued(bench, "dan", 20)
    for index, entry in enumerate(sorted(bench.room.entries)):
        if bench.room.entries[EntryId(entry)].person == "ann":
            bench.vote(PersonId("ben"), index, 1)
            bench.vote(PersonId("cyd"), index, 1)
    played = heard(bench, 20)
    assert played.count("ann") == 15
    assert "dan" in played[:4]


def test_those_who_vote_for_what_plays_next_pay_for_it() -> None:
    bench = Bench(Mode.PROPORTIONAL, TurnMeasure.COUNT)
    for name in NAMES[:3]:
        bench.come(PersonId(name))
    for name in ("ann", "ben", "cyd"):
        queued(bench, name, 2)
    bench.lock(0)
    assert order_of(bench.room, bench.now).entries() == [1, 3, 5, 2, 4, 6]
    bench.vote(PersonId("ben"), 0, 1)
    assert order_of(bench.room, bench.now).entries() == reference.order(bench.room, bench.now) == [1, 5, 2, 3, 6, 4]


def test_an_airtime_turn_costs_what_was_heard() -> None:
    bench = Bench(Mode.FAIR, TurnMeasure.AIRTIME)
    queued(bench, "ann", 5, 840_000)
    queued(bench, "ben", 20, 210_000)
    played: list[str] = []
    for _ in range(10):
        length = 840_000 if bench.room.current and bench.room.current.entry.person == "ann" else 210_000
        bench.play(True, length)
        assert bench.room.current is not None
        played.append(bench.room.current.entry.person)
    assert played.count("ann") == 2
