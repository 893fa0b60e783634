"""The room in full: random people do everything that can be done, held against what must always be true."""

import asyncio
import os
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.enums import BlockKind, EndReason, Filters, Guests, Hearing, Leavers, Loop, Mode, Surface
from core.errors import ChorusError
from core.events import EntryQueued, EntryRemoved, PollClosed
from core.filters import PRESETS
from core.jukebox import Jukebox
from core.ordering import order_of
from core.people import counting
from core.reports import Reports
from core.room import Room
from core.sound import allows
from core.types import Actor, Block, Entry, EntryId, PersonId, PlaceId, Presence, RoomId, Settings
from core.view import view, why
from tests.core import reference
from tests.fakes import FakeClock, FakeLibrary, FakeResolver, FakeRooms, FakeShelf, track

ROUNDS = int(os.environ.get("SOAK", "1"))
ROOM = RoomId("room")
GUILD, PAGE, CHAT = PlaceId("discord:1"), PlaceId("web:page"), PlaceId("telegram:5")
SONGS = ("Aria", "Blues", "Chant", "Dirge")
PEOPLE = ("ann", "ben", "cyd", "dan", "eve")
who = st.sampled_from(PEOPLE)
where = st.sampled_from([(Surface.DISCORD, GUILD), (Surface.WEB, PAGE), (Surface.TELEGRAM, CHAT)])
lengths = st.one_of(st.none(), st.integers(1_000, 400_000))
index = st.integers(0, 30)
ASKS = {"skip", "stop", "shuffle", "clear", "previous"}


LOOP = asyncio.new_event_loop()


def run(coroutine: Any) -> Any:
    """What a command answers."""
    return LOOP.run_until_complete(coroutine)


def snapshot(room: Room) -> Room:
    """The room as it is now, without what can be made anew."""
    return deepcopy(replace(room, order=None))


def unparked(room: Room) -> dict[EntryId, Entry]:
    """What waits, whether its people are there or not: whoever acts is."""
    return {entry.id: replace(entry, parked=False) for entry in room.entries.values()}


class Rooms(FakeRooms):
    """A store that checks, on each refusal, that nothing was changed, and that versions rise; and after each command,
    that every question which passes by those who are there is over.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    async def apply(self, room: Any, command: Any, *, command_id: Any = None) -> Any:
        before = snapshot(self.rooms[room])
        try:
            result = await super().apply(room, command, command_id=command_id)
        except ChorusError:
            assert snapshot(self.rooms[room]) == before
            assert not self.rooms[room].changes
            raise
        state, now = self.rooms[room], self._clock.now()
        assert state.version > before.version
        assert not [poll for poll in state.polls.values() if reference.passes(state, poll, now)]
        return result


class Machine(RuleBasedStateMachine):
    """One room and everything that happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.rooms = Rooms(self.clock)
        library = FakeLibrary(*(track(title) for title in SONGS))
        self.shelf = FakeShelf(self.rooms)
        self.jukebox = Jukebox(self.rooms, self.clock, FakeResolver(library), self.shelf)
        self.reports = Reports(self.rooms, self.clock)
        self.queued: set[EntryId] = set()
        self.taken_out: set[EntryId] = set()
        self.seen = 0

    @initialize(web=st.booleans(), house=st.integers(0, 2), dj=st.booleans())
    def open(self, web: bool, house: int, dj: bool) -> None:
        settings = Settings(guests=Guests.ADD, dj_role=7 if dj else None, max_entries_per_person=6)
        room = Room(ROOM, PAGE if web else GUILD, "Room", settings=settings, linked=(GUILD, PAGE, CHAT))
        self.room = self.rooms.add(room)
        self.room.fallback = tuple(track(f"house {i}", 60_000) for i in range(house))
        self.begin()

    def begin(self) -> None:
        """Three people listen, two of them have queued something."""
        self.voice(["ann", "ben", "cyd"], deaf=False)
        for name in ("ann", "ben", "ann"):
            self.play_more(name, 3)

    # How things are done

    def attempt(self, coroutine: Any) -> Any:
        try:
            return run(coroutine)
        except ChorusError:
            return None

    def actor(self, name: str, surface: tuple[Surface, PlaceId], *, dj: bool = False, admin: bool = False) -> Actor:
        channel = 10 if surface[0] is Surface.DISCORD else None
        return Actor(PersonId(name), name, surface[1], surface[0], channel, dj, admin)

    def pick(self, number: int) -> EntryId:
        """A waiting entry, now and then the one on air, or one that is nowhere."""
        known = sorted(self.room.entries) or [EntryId(99)]
        if self.room.current is not None and number % 7 == 0:
            known = [self.room.current.entry.id]
        return known[number % len(known)]

    def rank(self, number: int) -> int:
        """Within the queue, or just beyond its ends."""
        return number % (len(self.room.entries) + 2)

    # What people do

    @rule(name=who, song=st.sampled_from(SONGS), surface=where)
    def play(self, name: str, song: str, surface: Any) -> None:
        """Most of what people do."""
        self.attempt(self.jukebox.play(ROOM, self.actor(name, surface), song))

    @rule(name=who, count=st.integers(1, 5))
    def play_more(self, name: str, count: int) -> None:
        songs = [track(f"{name} {self.room.next_entry + number}", 60_000) for number in range(count)]
        self.attempt(self.jukebox.add(ROOM, self.actor(name, (Surface.DISCORD, GUILD)), songs))

    @rule(names=st.lists(who, min_size=2, unique=True), number=index)
    def like(self, names: list[str], number: int) -> None:
        for name in names:
            self.vote(name, (Surface.DISCORD, GUILD), number, 1)

    @rule(
        name=who,
        surface=where,
        each=st.lists(lengths, min_size=1, max_size=4),
        following=st.booleans(),
        dj=st.booleans(),
        minutes=st.one_of(st.none(), st.none(), st.integers(-1, 90)),
    )
    def add(
        self, name: str, surface: Any, each: list[int | None], following: bool, dj: bool, minutes: int | None
    ) -> None:
        at = None if minutes is None else self.clock.now() + minutes * 60_000
        songs = [track(SONGS[number], one) for number, one in enumerate(each)]
        self.attempt(self.jukebox.add(ROOM, self.actor(name, surface, dj=dj), songs, next=following, at=at))

    @rule(name=who, surface=where, number=index, value=st.sampled_from([-1, 0, 1, 1, 2]))
    def vote(self, name: str, surface: Any, number: int, value: int) -> None:
        entry = self.pick(number)
        voted = self.attempt(self.jukebox.vote(ROOM, self.actor(name, surface), entry, value))
        subject = self.room.entries.get(entry) or (self.room.current and self.room.current.entry)
        if voted is not None and subject and subject.id == entry:
            assert voted.score == reference.score(self.room, subject, self.clock.now())
            assert reference.one(self.room, subject.person) != reference.one(self.room, PersonId(name))

    @rule(name=who, surface=where, dj=st.booleans(), what=st.sampled_from(sorted(ASKS)))
    def ask(self, name: str, surface: Any, dj: bool, what: str) -> None:
        before, entries = self.room.current, set(self.room.entries)
        result = self.attempt(getattr(self.jukebox, what)(ROOM, self.actor(name, surface, dj=dj)))
        if result is None:
            return
        asked = type(result).__name__ == "Asked" or (what == "skip" and result.needed > 0)
        if asked:
            assert result.done == (result.votes >= result.needed > 0)
            assert (what in self.room.polls) != result.done
        if asked and not result.done:
            assert self.room.current is before
            assert set(self.room.entries) == entries

    @rule(name=who, surface=where, dj=st.booleans(), number=index, rank=index)
    def move(self, name: str, surface: Any, dj: bool, number: int, rank: int) -> None:
        entry = self.pick(number)
        moved = self.attempt(self.jukebox.move(ROOM, self.actor(name, surface, dj=dj), entry, self.rank(rank)))
        if moved is not None:
            assert moved.rank == 1 + reference.order(self.room, self.clock.now()).index(entry)

    @rule(number=index, rank=index, surface=where)
    def move_freely(self, number: int, rank: int, surface: Any) -> None:
        """Where nothing is parked, scheduled or locked, a DJ's word is law."""
        entry, now = self.pick(number), self.clock.now()
        plain = all(not one.parked and one.starts_at is None for one in self.room.entries.values())
        before, rank = reference.order(self.room, now), self.rank(rank)
        moved = self.attempt(self.jukebox.move(ROOM, self.actor("ann", surface, dj=True), entry, rank))
        if moved is not None and plain and self.room.locked is None:
            others = [one for one in before if one != entry]
            after = reference.order(self.room, now)
            assert moved.rank == rank
            assert after[:rank] == [*others[: rank - 1], entry]
            if self.room.mode in {Mode.FIFO, Mode.DJ}:
                assert [one for one in after if one != entry] == others

    @rule(name=who, surface=where, dj=st.booleans(), first=index, second=index)
    def swap(self, name: str, surface: Any, dj: bool, first: int, second: int) -> None:
        self.attempt(self.jukebox.swap(ROOM, self.actor(name, surface, dj=dj), self.pick(first), self.pick(second)))

    @rule(name=who, surface=where, dj=st.booleans(), numbers=st.lists(index, max_size=4), person=st.none() | who)
    def remove(self, name: str, surface: Any, dj: bool, numbers: list[int], person: str | None) -> None:
        actor, entries = self.actor(name, surface, dj=dj), [self.pick(number) for number in numbers]
        theirs = None if person is None else PersonId(person)
        self.attempt(self.jukebox.remove_many(ROOM, actor, entries, person=theirs))

    @rule(name=who, surface=where, dj=st.booleans(), number=index)
    def jump(self, name: str, surface: Any, dj: bool, number: int) -> None:
        entry = self.pick(number)
        jumped = self.attempt(self.jukebox.jump(ROOM, self.actor(name, surface, dj=dj), entry))
        if jumped is not None:
            playing = self.room.current and self.room.current.entry.id
            assert entry in {playing, *reference.order(self.room, self.clock.now())[:1]}

    @rule(name=who, surface=where, dj=st.booleans())
    def undo(self, name: str, surface: Any, dj: bool) -> None:
        self.attempt(self.jukebox.undo(ROOM, self.actor(name, surface, dj=dj)))

    @rule(
        surface=where,
        what=st.sampled_from(["remove", "remove_many", "clear", "shuffle", "move", "swap"]),
        first=index,
        second=index,
        rank=index,
        wait=st.sampled_from([0, 29_999]),
    )
    def undo_at_once(self, surface: Any, what: str, first: int, second: int, rank: int, wait: int) -> None:
        """What was done and undone was not done."""
        self.report("tick")  # what time alone brings about is not what was done
        dj, room = self.actor("ann", surface, dj=True), self.room
        arguments: dict[str, tuple[Any, ...]] = {
            "remove": (self.pick(first),),
            "remove_many": ([self.pick(first), self.pick(second)],),
            "clear": (),
            "shuffle": (),
            "move": (self.pick(first), self.rank(rank)),
            "swap": (self.pick(first), self.pick(second)),
        }
        before, undoable = deepcopy((unparked(room), room.shuffle, room.cleared)), room.undo
        order, playing = reference.order(room, self.clock.now()), room.current
        counted = counting(room, self.clock.now())
        if self.attempt(getattr(self.jukebox, what)(ROOM, dj, *arguments[what])) is None or room.undo is undoable:
            return
        self.clock.move(wait)
        undone = self.attempt(self.jukebox.undo(ROOM, dj))
        assert undone is not None or not any(one.hearing for one in room.people.values())
        if undone is not None and wait == 0 and room.current is playing:
            assert (unparked(room), room.shuffle, room.cleared) == before
            there = counted == counting(room, self.clock.now()) and room.settings.leavers is Leavers.KEEP
            if room.locked is None and there:  # whoever acts is there from then on
                assert reference.order(room, self.clock.now()) == order

    @rule(name=who, surface=where, what=st.sampled_from(["pause", "resume", "join", "leave", "play_favourites"]))
    def control(self, name: str, surface: Any, what: str) -> None:
        self.attempt(getattr(self.jukebox, what)(ROOM, self.actor(name, surface)))

    @rule(name=who, surface=where, number=index, again=st.booleans())
    def come_back_to(self, name: str, surface: Any, number: int, again: bool) -> None:
        actor, played = self.actor(name, surface), [play.entry for play in self.rooms.played]
        self.attempt(self.jukebox.favourite(ROOM, actor, self.pick(number)))
        if again:
            self.attempt(self.jukebox.again(ROOM, actor, played[number % len(played)] if played else None))

    @rule(surface=where, kind=st.sampled_from(["m3u8", "json"]), name=who)
    def export_and_import(self, surface: Any, kind: Any, name: str) -> None:
        file = self.attempt(self.jukebox.export(ROOM, self.actor(name, surface), kind))
        if file is not None and file.count:
            told = self.attempt(
                self.jukebox.import_tracks(ROOM, self.actor(name, surface), file.filename, file.content)
            )
            assert told is None or told.queued + told.dropped + told.unknown == file.count

    @rule(
        name=who,
        surface=where,
        mode=st.sampled_from([*Mode, "nonsense"]),
        loop=st.sampled_from(list(Loop)),
        closed=st.booleans(),
        dj=st.booleans(),
        volume=st.integers(-1, 201),
        position=st.integers(-1, 400_000),
    )
    def steer(self, name: str, surface: Any, dj: bool, **wanted: Any) -> None:
        actor = self.actor(name, surface, dj=dj)
        self.attempt(self.jukebox.set_mode(ROOM, actor, wanted["mode"]))
        self.attempt(self.jukebox.loop(ROOM, actor, wanted["loop"]))
        self.attempt(self.jukebox.close(ROOM, actor, wanted["closed"]))
        self.attempt(self.jukebox.volume(ROOM, actor, wanted["volume"]))
        self.attempt(self.jukebox.seek(ROOM, actor, wanted["position"]))

    @rule(
        name=who,
        surface=where,
        dj=st.booleans(),
        wanted=st.sampled_from([*PRESETS, "off", '{"timescale":{"rate":1.5}}', '{"timescale":{"rate":9}}', "loud"]),
        crossfade=st.integers(-1, 12_001),
        loudness=st.booleans(),
    )
    def sound(self, name: str, surface: Any, dj: bool, wanted: str, crossfade: int, loudness: bool) -> None:
        actor, before = self.actor(name, surface, dj=dj), self.room.clock.at(self.clock.now())
        self.attempt(self.jukebox.set_filter(ROOM, actor, wanted))
        self.attempt(self.jukebox.set_crossfade(ROOM, actor, crossfade))
        self.attempt(self.jukebox.set_loudness(ROOM, actor, loudness))
        assert self.room.clock.at(self.clock.now()) == before

    @rule(filters=st.sampled_from([*Filters]), crossfade=st.sampled_from([0, 5_000]), loudness=st.booleans())
    def plan(self, **sound: Any) -> None:
        """As a store does it: a plan that allows less takes nothing away."""
        chosen = (self.room.filter, self.room.crossfade, self.room.loudness)
        self.room.limits = replace(self.room.limits, **sound)
        assert (self.room.filter, self.room.crossfade, self.room.loudness) == chosen

    @invariant()
    def keeps_the_sound_within_the_plan(self) -> None:
        shown, limits = view(self.room, None, self.clock.now()), self.room.limits
        assert shown.filter is None or allows(limits, shown.filter)
        assert shown.crossfade <= limits.crossfade
        assert shown.loudness <= limits.loudness
        assert 0.25 <= shown.rate <= 4

    @rule(
        threshold=st.sampled_from([0.05, 0.5, 1.0]),
        turns=st.sampled_from(["count", "airtime"]),
        duplicates=st.sampled_from(["off", "warn", "block"]),
        leavers=st.sampled_from(["keep", "park", "remove"]),
    )
    def configure(self, threshold: float, **chosen: str) -> None:
        admin = self.actor("eve", (Surface.DISCORD, GUILD), admin=True)
        self.attempt(self.jukebox.configure(ROOM, admin, {"skip_threshold": threshold, **chosen}))

    @rule(add=st.booleans(), song=st.sampled_from(SONGS))
    def block(self, add: bool, song: str) -> None:
        admin = self.actor("eve", (Surface.DISCORD, GUILD), admin=True)
        method = getattr(self.jukebox, "block" if add else "unblock", None)
        if method is not None:
            self.attempt(method(ROOM, admin, BlockKind.WORD, song))

    @rule(first=who, second=who)
    def link(self, first: str, second: str) -> None:
        """As a store does it: the room is read anew."""
        self.room.same = {} if first == second else {PersonId(max(first, second)): PersonId(min(first, second))}
        self.room.order = None

    # Who is there

    @rule(names=st.lists(who, unique=True), deaf=st.booleans())
    def voice(self, names: list[str], deaf: bool) -> None:
        now = self.clock.now()
        there = [Presence(PersonId(one), GUILD, Hearing.VOICE, one, now, deaf=deaf and one == "ann") for one in names]
        self.passing(self.reports.people(ROOM, GUILD, there))

    @rule(name=who, hearing=st.sampled_from([Hearing.STREAM, Hearing.CHAT]), address=st.sampled_from([None, "a"]))
    def arrive(self, name: str, hearing: Hearing, address: str | None) -> None:
        presence = Presence(PersonId(name), PAGE, hearing, name, self.clock.now(), address=address)
        run(self.reports.arrived(ROOM, presence))

    @rule(address=st.sampled_from([None, "a"]))
    def everybody_opens_the_page(self, address: str | None) -> None:
        for name in PEOPLE:
            self.arrive(name, Hearing.STREAM, address)
        self.clock.move(11_000)

    @precondition(lambda self: self.room.polls)
    @rule(another=who, deaf=st.booleans())
    def hardly_anybody_but_those_who_agreed_stays(self, another: str, deaf: bool) -> None:
        poll = min(self.room.polls.values(), key=lambda one: one.kind)
        staying = {*poll.votes, another}
        for name in [name for name in PEOPLE if name not in staying]:
            self.depart(name)
        self.voice(sorted(staying), deaf=deaf)

    @rule(name=who)
    def depart(self, name: str) -> None:
        self.passing(self.reports.left(ROOM, PersonId(name), PAGE))

    @rule(channel=st.sampled_from([None, 10, 11]))
    def moved(self, channel: int | None) -> None:
        if channel is None:
            self.passing(self.reports.voice_lost(ROOM, "kicked"))
        else:
            run(self.reports.voice_moved(ROOM, channel))

    def passing(self, report: Any) -> None:
        """A question that passes by itself passes by the rule, applied to those who are there."""
        polls = dict(self.room.polls)

        self.rooms.events.clear()
        run(report)
        for event in self.rooms.events:
            if isinstance(event, PollClosed) and event.passed and event.kind not in {"stop", "skip"}:
                assert reference.passes(self.room, polls[event.kind], self.clock.now())
        self.note()
        self.rooms.events.clear()
        self.seen = 0

    # What the player tells

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

    @rule(what=st.sampled_from(["nobody", "somebody", "interrupted", "tick", "tick", "wake"]))
    def report(self, what: str) -> None:
        self.passing(getattr(self.reports, what)(ROOM))

    @rule(ms=st.sampled_from([1_000, 12_000, 40_000, 130_000, 650_000, 6 * 3_600_000, -5_000]))
    def wait(self, ms: int) -> None:
        """Clocks may be set back, too."""
        self.clock.move(ms)

    # What is always true

    def note(self) -> None:
        for event in self.rooms.events[self.seen :]:
            if isinstance(event, EntryQueued):
                assert event.entry not in self.queued
                self.queued.add(event.entry)
            elif isinstance(event, EntryRemoved):
                self.taken_out.add(event.entry)
        self.seen = len(self.rooms.events)
        self.taken_out |= self.room.bin.keys()

    @invariant()
    def nothing_is_lost_or_played_twice(self) -> None:
        self.note()
        room, played = self.room, [play.entry for play in self.rooms.played]
        current = {room.current.entry.id} if room.current else set[EntryId]()
        assert len(played) == len(set(played))
        places = [set(room.entries), set(room.bin), current, set(played)]
        assert sum(map(len, places)) == len(set[EntryId]().union(*places))
        assert self.queued <= set[EntryId]().union(*places) | self.taken_out
        assert all(entry > room.cleared for entry in room.entries)

    @invariant()
    def the_bin_is_what_can_be_undone(self) -> None:
        room = self.room
        if room.undo is None:
            assert not room.bin
        else:
            cleared = room.undo.cleared
            assert all(
                (entry in room.undo.entries) if entry > room.cleared else (cleared is not None and entry > cleared)
                for entry in room.bin
            )

    @invariant()
    def the_order_is_the_rule(self) -> None:
        now, room = self.clock.now(), self.room
        expected = reference.order(room, now)
        order = order_of(room, now)
        assert order.entries() == expected
        for rank, entry in enumerate(expected):
            assert order.rank(room.entries[entry]) == rank

    @invariant()
    def the_current_entry_never_waits(self) -> None:
        room, now = self.room, self.clock.now()
        assert room.current is None or room.current.entry.id not in room.entries
        assert room.locked is None or room.current is not None
        seen = view(room, PersonId("ann"), now, size=100)
        assert [one.id for one in seen.upcoming] == reference.order(room, now)
        for one in seen.upcoming:
            assert one.why == why(room, one.id, now)
            assert one.why.score == reference.score(room, room.entries[one.id], now)

    @invariant()
    def a_poll_is_open_while_it_does_not_pass(self) -> None:
        room = self.room
        for poll in room.polls.values():
            assert poll.entry is None or (room.current is not None and room.current.entry.id == poll.entry)

    @invariant()
    def caps_hold_and_settings_are_kept(self) -> None:
        assert all(isinstance(line, Block) for line in self.room.settings.blocks)
        assert 0 <= self.room.volume <= 200


TestMachine = pytest.mark.soak(pytest.mark.timeout(240 * ROUNDS)(Machine.TestCase))
TestMachine.settings = profile(max_examples=60 * ROUNDS, stateful_step_count=40, deadline=None)
