"""Rooms that become one and part again."""

from hypothesis import given
from hypothesis import strategies as st

from core.enums import EndReason, Filters, Hearing
from core.limits import best
from core.linking import join, part
from core.people import is_present
from core.room import Room
from core.types import (
    Entry,
    EntryId,
    Limits,
    PersonId,
    PlaceId,
    Playing,
    Poll,
    Presence,
    RoomId,
    Settings,
    Turn,
    Undo,
    Vote,
)
from tests.core.conftest import GUILD
from tests.fakes import track

CHAT = PlaceId("telegram:1")
CHATS = {CHAT, PlaceId("web:c")}
"""The chat, and the page of its own room."""
NOW = 1_000_000


@st.composite
def rooms(draw: st.DrawFn, place: PlaceId, prefix: str) -> Room:
    """A room with a queue, maybe something on air, a locked next, a bin."""
    room = Room(RoomId(prefix), place, prefix, voice_channel=draw(st.sampled_from([None, 5])))
    for number in range(1, draw(st.integers(0, 6)) + 1):
        at = draw(st.integers(1, 50))
        way = draw(st.sampled_from([place, PlaceId(f"web:{prefix}")]))
        entry = Entry(EntryId(number), track(f"{prefix}{number}"), draw(people), "x", way, at, at)
        entry.forced, entry.seat = draw(st.booleans()), draw(st.none() | st.integers(0, 9))
        entry.votes = {draw(people): Vote(1, 0)} if draw(st.booleans()) else {}
        room.entries[entry.id] = entry
    room.next_entry = 10
    if room.entries and draw(st.booleans()):
        room.current = Playing(room.entries.pop(EntryId(1)))
        room.turns[EntryId(1)] = Turn(EntryId(1), room.current.entry.person, 1)
        room.locked = draw(st.sampled_from([None, *room.entries]))
    if room.entries and room.locked is None and draw(st.booleans()):
        thrown = max(room.entries)
        room.bin = {thrown: room.entries.pop(thrown)}
        room.undo = Undo("remove", PersonId("a"), "A", NOW, entries=(thrown,))
    return room


people = st.sampled_from([PersonId(name) for name in "abc"])


def titles(*rooms: Room) -> list[str]:
    on_air = [room.current.entry.track.title for room in rooms if room.current]
    return sorted([*on_air, *(entry.track.title for room in rooms for entry in room.entries.values())])


def check(room: Room) -> None:
    assert all(key == entry.id < room.next_entry for key, entry in room.entries.items())
    assert room.current is None or room.current.entry.id not in room.entries
    assert room.locked is None or (room.current is not None and room.locked in room.entries)
    assert (room.undo, room.bin) == (None, {})


@given(rooms(CHAT, "c"), rooms(GUILD, "g"))
def test_no_entry_is_lost_or_doubled(guest: Room, host: Room) -> None:
    on_air = guest.current.entry.track.title if guest.current else None
    waiting = sorted(guest.entries.values(), key=lambda it: (it.requested_at, it.id))
    before, current = titles(guest, host), host.current
    join(guest, host, NOW)
    check(guest)
    check(host)
    assert titles(host) == sorted(title for title in before if title != on_air)
    assert (guest.current, guest.entries, guest.turns) == (None, {}, {})
    assert [(it.title, it.reason) for it in guest.changes.plays] == ([(on_air, EndReason.STOPPED)] if on_air else [])
    joined = [it for it in host.entries.values() if it.place in CHATS]
    joined += [host.current.entry] if host.current and host.current.entry.place in CHATS else []
    assert [it.track.title for it in sorted(joined, key=lambda it: it.id)] == [it.track.title for it in waiting]
    assert all((it.votes, it.forced, it.seat) == ({}, False, None) for it in joined)
    assert {it.id for it in joined} <= host.changes.entries
    assert current is None or host.current is current

    together, on_air = titles(host), host.current
    part(host, guest, CHAT, NOW)
    check(guest)
    check(host)
    assert titles(host, guest) == together
    assert host.current is on_air
    assert CHATS.isdisjoint(it.place for it in host.entries.values())
    assert CHATS.issuperset(it.place for it in guest.entries.values())


def test_questions_of_the_chat_end_and_its_people_are_in_the_other_room() -> None:
    guest, host = Room(RoomId("c"), CHAT, "c"), Room(RoomId("g"), GUILD, "g", settings=Settings(dj_role=7))
    tom, sue, web = PersonId("tom"), PersonId("sue"), PersonId("web")
    guest.polls["mode"] = Poll("mode", None, tom, NOW, NOW + 100, {tom: NOW}, "fifo")
    guest.people = {
        (tom, CHAT): Presence(tom, CHAT, Hearing.CHAT, "Tom", NOW - 1),
        (sue, CHAT): Presence(sue, CHAT, Hearing.CHAT, "Sue", 1, left_at=NOW - 1),
        (web, CHAT): Presence(web, CHAT, Hearing.STREAM, "Web", 1),
    }
    join(guest, host, NOW)
    assert (guest.polls, guest.changes.polls) == ({}, {"mode"})
    assert [*guest.people] == [(web, CHAT)]
    assert is_present(host, tom, NOW)
    assert not is_present(host, sue, NOW)
    assert host.changes.people == {(tom, CHAT), (sue, CHAT)}
    part(host, guest, CHAT, NOW)
    assert host.people == {}
    assert is_present(guest, tom, NOW)


def test_the_best_of_the_plans_counts_field_by_field() -> None:
    basic, presets = Filters.BASIC, Filters.PRESETS
    free = Limits("free", 5, 50, 9, panel=False, history_days=7, filters=presets, crossfade=0, bitrate=96_000)
    pro = Limits("pro", 4, 80, 8, history_days=90, filters=basic, crossfade=5_000, loudness=False, bitrate=64_000)
    assert best([free]) is free
    best_of_both = Limits("pro", 5, 80, 9, history_days=90, filters=presets, crossfade=5_000, bitrate=96_000)
    assert best([free, pro]) == best_of_both
    assert best([pro, free]) == best([free, pro])
    assert best([free, Limits(history_days=None)]).history_days is None
    small, high = Limits("small", queue=9), Limits("high", queue=5, rank=1)
    assert best([small, high]) == Limits("high", queue=9, rank=1), "it has the name of the higher one"
