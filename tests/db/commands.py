"""Small commands that change a room the way that the rules do, for tests of the store alone."""

from collections.abc import Callable

from core.enums import BlockKind, EndReason, Hearing, Loop, Mode, PauseReason
from core.errors import NoSuchEntryError
from core.events import EntryQueued, EntryRemoved, Event, VoteCast
from core.records.results import Queued, Removed, Voted
from core.records.rows import Audit, Play
from core.room import Room
from core.types import (
    Block,
    Entry,
    EntryId,
    Filter,
    PersonId,
    PlaceId,
    Playing,
    Poll,
    PositionClock,
    Presence,
    Settings,
    Shuffle,
    Song,
    Track,
    TrackRef,
    Turn,
    Undo,
    Vote,
)

PLACE = PlaceId("web:lobby")
ANN = PersonId("ann")
BEN = PersonId("ben")


class MovedClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = 1_800_000_000_000

    def now(self) -> int:
        return self.time


class Recorder:
    """A bus that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        self.events.append(event)

    def subscribe(self, handler: Callable[[Event], None]) -> Callable[[], None]:
        raise NotImplementedError


def track(title: str = "Un été") -> Track:
    return Track(TrackRef(f"library:{title}"), title, "Somebody", 60_000, "cover", "#aabbcc", "https://example.org/x")


def queue(title: str = "Un été", person: PersonId = ANN, *, count: int = 1) -> Callable[[Room], Queued]:
    def command(room: Room) -> Queued:
        added: list[EntryId] = []
        for _ in range(count):
            key = EntryId(room.next_entry)
            room.next_entry += 1
            room.entries[key] = Entry(key, track(title), person, f"{person}!", PLACE, 5, 4)
            room.changes.entries.add(key)
            room.changes.events.append(EntryQueued(room=room.id, entry=key, person=person))
            added.append(key)
        room.changes.header = True
        return Queued(tuple(added), track(title), len(room.entries) - 1, None)

    return command


def vote(entry: EntryId, person: PersonId = BEN, value: int = 1) -> Callable[[Room], Voted]:
    def command(room: Room) -> Voted:
        found = room.entries.get(entry)
        if found is None:
            raise NoSuchEntryError(entry)
        if value:
            found.votes[person] = Vote(value, 7)
        else:
            found.votes.pop(person, None)
        room.changes.votes.add((entry, person))
        room.changes.events.append(VoteCast(room=room.id, entry=entry, person=person, value=value))
        return Voted(entry, found.track.title, value, sum(it.value for it in found.votes.values()), 0)

    return command


def remove(*entries: EntryId) -> Callable[[Room], Removed]:
    def command(room: Room) -> Removed:
        for entry in entries:
            if entry not in room.entries:
                raise NoSuchEntryError(entry)
        for entry in entries:
            del room.entries[entry]
            room.changes.entries.add(entry)
            room.changes.events.append(EntryRemoved(room=room.id, entry=entry))
        return Removed(len(entries), "Un été")

    return command


def put_on_air(entry: EntryId) -> Callable[[Room], None]:
    """By the header alone, as a fallback track is."""

    def command(room: Room) -> None:
        room.current = Playing(room.entries.pop(entry), chosen_at=8, started_at=9, node="one", listeners=2, heard=3)
        room.clock = PositionClock(100, 200, 1.25)
        room.changes.header = True

    return command


def take_off_air(room: Room) -> None:
    room.current = None
    room.clock = PositionClock()
    room.changes.header = True


def configure(settings: Settings) -> Callable[[Room], Settings]:
    def command(room: Room) -> Settings:
        room.settings = settings
        room.changes.settings = True
        room.changes.audits.append(Audit(11, ANN, "web", room.place, "settings", {"a": 1}, {"a": [2, None, "ü"]}))
        return settings

    return command


def everything(room: Room) -> None:
    """Use every column."""
    queue(count=5)(room)
    vote(EntryId(1))(room)
    vote(EntryId(2), ANN, -1)(room)
    vote(EntryId(2), BEN, -1)(room)
    put_on_air(EntryId(2))(room)
    room.entries[EntryId(3)].forced = room.entries[EntryId(3)].parked = True
    room.entries[EntryId(3)].track = Track(TrackRef("url:x"), "", length=None)
    room.entries[EntryId(3)].seat, room.entries[EntryId(3)].starts_at = -5, 99
    room.entries[EntryId(3)].begins = 2**40
    assert room.current
    room.current.song = Song("Hello", "Ann", 7, 2**40)
    room.mode, room.loop, room.closed, room.shuffle = Mode.DJ, Loop.QUEUE, True, Shuffle(2**60, EntryId(4))
    throw_away(EntryId(4), EntryId(5))(room)
    room.locked = EntryId(1)
    room.voice_channel, room.volume, room.paused = 2**63 - 1, 150, PauseReason.INTERRUPTED
    room.voice_lost = "kicked"
    room.filter, room.crossfade, room.loudness = Filter("custom", {"lowPass": {"smoothing": 2.5}}), 1500, False
    room.emptied_at, room.fallback_at = 12, 3
    for presence in (
        Presence(ANN, PLACE, Hearing.STREAM, "Ann", 1, 2, True, "hash"),
        Presence(BEN, PlaceId("discord:1"), Hearing.VOICE, "Ben", 3),
    ):
        room.people[presence.person, presence.place] = presence
        room.changes.people.add((presence.person, presence.place))
    room.polls["skip"] = Poll("skip", EntryId(2), BEN, 1, 2, {BEN: 1, ANN: 2}, "80")
    room.changes.polls.add("skip")
    room.turns[EntryId(2)] = Turn(EntryId(2), ANN, 9, counted=False, airtime=7, approvers=(BEN,), start=3, forced=True)
    room.changes.turns.add(EntryId(2))
    room.changes.plays.append(play(room, EntryId(9)))
    blocks = (Block(BlockKind.WORD, "été"),)
    configure(Settings(skip_threshold=0.25, max_queue=7, dj_role=2**60, blocks=blocks, policy={"skip": ("dj",)}))(room)


def throw_away(*ids: EntryId) -> Callable[[Room], None]:
    """Into the bin, one by one."""

    def command(room: Room) -> None:
        room.bin |= {it: room.entries.pop(it) for it in ids}
        room.undo = Undo("remove", ANN, "Ann", 5, entries=ids, before={ids[0]: (3, True)}, shuffle=Shuffle(1, ids[0]))
        room.changes.header = True
        room.changes.bin.update(ids)

    return command


def clear(room: Room) -> None:
    """Everything that waits into the bin, without touching a row of it."""
    room.undo = Undo("clear", ANN, "Ann", 5, cleared=room.cleared)
    room.bin, room.entries = room.entries, {}
    room.cleared = EntryId(room.next_entry - 1)
    room.changes.header = True


def put_back(room: Room) -> None:
    """The bin is emptied into the queue."""
    assert room.undo
    if room.undo.cleared is not None:
        room.cleared = room.undo.cleared
    room.changes.bin.update(room.undo.entries)
    room.entries |= room.bin
    room.bin, room.undo = {}, None
    room.changes.header = True


def empty_bin(room: Room) -> None:
    """What is in the bin is gone for good."""
    assert room.undo
    room.changes.entries.update(room.undo.entries)
    room.bin, room.undo = {}, None
    room.changes.header = True


def nothing(room: Room) -> None:
    """Remove it all again."""
    remove(*room.entries)(room)
    empty_bin(room)
    take_off_air(room)
    room.locked = room.voice_channel = room.paused = None
    for rows, noted in (
        (room.people, room.changes.people),
        (room.polls, room.changes.polls),
        (room.turns, room.changes.turns),
    ):
        noted.update(rows)  # type: ignore[arg-type]
        rows.clear()


def play(room: Room, entry: EntryId, reason: EndReason = EndReason.VOTED) -> Play:
    ref = TrackRef("library:1")
    return Play(room.id, room.place, entry, ANN, ref, "Un été", None, "voice", 1, 2, 3, 4, 5, reason, 6, 7)
