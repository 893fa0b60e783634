"""Random histories of a room, held against the rules written down literally."""

from copy import deepcopy
from typing import Any

from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.errors import ChorusError
from core.jukebox import Jukebox
from core.ordering import order_of
from core.people import electorate, is_present
from core.reports import Reports
from core.room import Room
from core.types import (
    Actor,
    EndReason,
    Entry,
    EntryId,
    Guests,
    Hearing,
    PersonId,
    PlaceId,
    Presence,
    RoomId,
    Settings,
    Surface,
)
from core.view import view, why
from core.voting import needed
from tests.core import reference
from tests.fakes import FakeClock, FakeLibrary, FakeResolver, FakeRooms, FakeShelf, track

ROOM = RoomId("room")
GUILD, PAGE, CHAT = PlaceId("discord:1"), PlaceId("web:page"), PlaceId("telegram:5")
NAMES = st.sampled_from(["ann", "ben", "cyd", "dan", "eve"])
LENGTHS = st.one_of(st.none(), st.integers(1_000, 400_000))
SURFACES = st.sampled_from([(Surface.DISCORD, GUILD), (Surface.WEB, PAGE), (Surface.TELEGRAM, CHAT)])


def run(coroutine: Any) -> Any:
    """Drive a coroutine that never really waits."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


class Rooms(FakeRooms):
    """A store that checks, on each refusal, that nothing was changed."""

    async def apply(self, room: Any, command: Any, *, command_id: Any = None) -> Any:
        before = deepcopy(self.rooms[room])
        try:
            return await super().apply(room, command, command_id=command_id)
        except ChorusError:
            assert self.rooms[room] == before
            assert not self.rooms[room].changes
            raise


class History(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.rooms = Rooms()
        resolver = FakeResolver(FakeLibrary())
        self.jukebox = Jukebox(self.rooms, self.clock, resolver, FakeShelf(self.rooms))
        self.reports = Reports(self.rooms, self.clock)

    @initialize(web=st.booleans(), house=st.integers(0, 2), dj=st.booleans())
    def open(self, web: bool, house: int, dj: bool) -> None:
        settings = Settings(guests=Guests.ADD, dj_role=7 if dj else None, max_entries_per_person=6)
        self.room = self.rooms.add(
            Room(ROOM, PAGE if web else GUILD, "Room", settings=settings, linked=(GUILD, PAGE, CHAT))
        )
        self.room.fallback = tuple(track(f"house {i}", 60_000) for i in range(house))
        self.version = 0

    def attempt(self, coroutine: Any) -> Any:
        try:
            return run(coroutine)
        except ChorusError:
            return None

    def actor(self, name: str, surface: tuple[Surface, PlaceId], *, dj: bool = False) -> Actor:
        channel = 10 if surface[0] is Surface.DISCORD else None
        return Actor(PersonId(name), name, surface[1], surface[0], channel, dj)

    def pick(self, index: int) -> EntryId:
        known = sorted(self.room.entries)
        if self.room.current is not None:
            known.append(self.room.current.entry.id)
        return known[index % len(known)] if known else EntryId(99)

    @rule(name=NAMES, surface=SURFACES, lengths=st.lists(LENGTHS, min_size=1, max_size=4))
    def add(self, name: str, surface: Any, lengths: list[int | None]) -> None:
        self.attempt(self.jukebox.add(ROOM, self.actor(name, surface), [track("t", one) for one in lengths]))

    @rule(name=NAMES, surface=SURFACES, index=st.integers(0, 30), value=st.sampled_from([-1, 0, 1, 1, 2]))
    def vote(self, name: str, surface: Any, index: int, value: int) -> None:
        entry = self.pick(index)
        voted = self.attempt(self.jukebox.vote(ROOM, self.actor(name, surface), entry, value))
        if voted is not None:
            subject = self.room.entries.get(entry) or (self.room.current and self.room.current.entry)
            assert subject is not None
            if subject.id == entry:
                assert subject.person != name
                assert voted.score == reference.score(self.room, subject, self.clock.now())

    @rule(name=NAMES, surface=SURFACES, index=st.integers(0, 30), dj=st.booleans())
    def remove(self, name: str, surface: Any, index: int, dj: bool) -> None:
        self.attempt(self.jukebox.remove(ROOM, self.actor(name, surface, dj=dj), self.pick(index)))

    @rule(name=NAMES, surface=SURFACES, dj=st.booleans())
    def skip(self, name: str, surface: Any, dj: bool) -> None:
        before = self.room.current
        skipped = self.attempt(self.jukebox.skip(ROOM, self.actor(name, surface, dj=dj)))
        if skipped is not None:
            assert skipped.done == (self.room.current is not before)

    @rule(name=NAMES, surface=SURFACES, what=st.sampled_from(["pause", "resume", "join", "leave", "stop", "clear"]))
    def control(self, name: str, surface: Any, what: str) -> None:
        self.attempt(getattr(self.jukebox, what)(ROOM, self.actor(name, surface)))

    @rule(name=NAMES, surface=SURFACES, position=st.integers(-1, 400_000), volume=st.integers(-1, 201))
    def seek(self, name: str, surface: Any, position: int, volume: int) -> None:
        self.attempt(self.jukebox.seek(ROOM, self.actor(name, surface), position))
        self.attempt(self.jukebox.volume(ROOM, self.actor(name, surface), volume))

    @rule(names=st.lists(NAMES, unique=True), deaf=st.booleans())
    def voice(self, names: list[str], deaf: bool) -> None:
        now = self.clock.now()
        there = [Presence(PersonId(one), GUILD, Hearing.VOICE, one, now, deaf=deaf and one == "ann") for one in names]
        run(self.reports.people(ROOM, GUILD, there))

    @rule(name=NAMES, hearing=st.sampled_from([Hearing.STREAM, Hearing.CHAT]), address=st.sampled_from([None, "a"]))
    def arrive(self, name: str, hearing: Hearing, address: str | None) -> None:
        presence = Presence(PersonId(name), PAGE, hearing, name, self.clock.now(), address=address)
        run(self.reports.arrived(ROOM, presence))

    @rule(name=NAMES)
    def depart(self, name: str) -> None:
        run(self.reports.left(ROOM, PersonId(name), PAGE))

    @precondition(lambda self: self.room.current is not None)
    @rule(what=st.sampled_from(["start", "end", "fail", "lock", "join", "stale", "position"]))
    def player(self, what: str) -> None:
        assert self.room.current is not None
        current = self.room.current.entry.id
        match what:
            case "start":
                assert run(self.reports.track_started(ROOM, current, node="n"))
            case "end":
                assert run(self.reports.track_ended(ROOM, current, EndReason.FINISHED))
            case "fail":
                assert run(self.reports.track_failed(ROOM, current, "corrupt"))
            case "lock":
                run(self.reports.lock_next(ROOM))
            case "join":
                locked = run(self.reports.lock_next(ROOM))
                if locked is not None:
                    assert run(self.reports.track_started(ROOM, locked, node="n"))
                    assert self.room.current.entry.id == locked
                    assert not run(self.reports.track_ended(ROOM, current, EndReason.FINISHED))
            case "position":
                run(self.reports.position(ROOM, current, 5_000))
            case _:
                assert not run(self.reports.track_started(ROOM, EntryId(10_000), node="n"))
                assert not run(self.reports.track_failed(ROOM, EntryId(10_000), "x"))
                assert not run(self.reports.position(ROOM, EntryId(10_000), 0))

    @rule(what=st.sampled_from(["nobody", "somebody", "interrupted", "tick", "wake"]))
    def report(self, what: str) -> None:
        run(getattr(self.reports, what)(ROOM))

    @rule(channel=st.sampled_from([None, 10, 11]))
    def moved(self, channel: int | None) -> None:
        if channel is None:
            run(self.reports.voice_lost(ROOM, "kicked"))
        else:
            run(self.reports.voice_moved(ROOM, channel))

    @rule(ms=st.sampled_from([1_000, 12_000, 40_000, 130_000, 650_000, 6 * 3_600_000]))
    def wait(self, ms: int) -> None:
        self.clock.move(ms)

    @rule(index=st.integers(0, 30), forced=st.booleans(), parked=st.booleans())
    def mark(self, index: int, forced: bool, parked: bool) -> None:
        """What play-next and parking will do."""

        def command(room: Room) -> None:
            entry: Entry | None = room.entries.get(self.pick(index))
            if entry is not None:
                order = order_of(room, self.clock.now())
                entry.forced, entry.parked = forced, parked
                order.move(entry)

        run(self.rooms.apply(ROOM, command))

    @invariant()
    def the_order_is_the_rule(self) -> None:
        now, room = self.clock.now(), self.room
        expected = reference.order(room, now)
        order = order_of(room, now)
        assert order.entries() == expected
        assert order.first() == (expected[0] if expected else None)
        ahead = 0.0
        for rank, entry in enumerate(expected):
            assert order.rank(room.entries[entry]) == rank
            assert order.length_before(room.entries[entry]) == ahead
            length = room.entries[entry].track.length
            ahead += float("inf") if length is None else length
        middle = len(expected) // 2
        assert order.entries(middle, 3) == expected[middle : middle + 3]

    @invariant()
    def the_current_entry_never_waits(self) -> None:
        room = self.room
        if room.current is not None:
            assert room.current.entry.id not in room.entries
        assert room.locked is None or room.current is not None
        seen = view(room, PersonId("ann"), self.clock.now(), size=100)
        assert [one.id for one in seen.upcoming] == reference.order(room, self.clock.now())
        assert [one.rank for one in seen.upcoming] == list(range(1, len(room.entries) + 1))
        for one in seen.upcoming:
            assert one.why == why(room, one.id, self.clock.now())
            assert one.up - one.down == one.why.score == reference.score(room, room.entries[one.id], self.clock.now())

    @invariant()
    def a_poll_is_open_only_while_it_can_pass(self) -> None:
        for poll in self.room.polls.values():
            current = self.room.current.entry.id if self.room.current else None
            assert poll.entry in {None, current}

    @invariant()
    def nobody_decides_who_is_not_there(self) -> None:
        now = self.clock.now()
        for person in electorate(self.room, now):
            assert is_present(self.room, person, now)
        assert needed(len(electorate(self.room, now)), 9, 0.5) <= len(electorate(self.room, now))


TestHistory = History.TestCase
TestHistory.settings = profile(max_examples=150, stateful_step_count=40, deadline=None)
