"""The rules by which other bots order their queues, written anew from what their sources do, and ours through the
real core.
"""

from abc import ABC, abstractmethod
from collections import Counter

from bench.party import Party, Song
from core import playing, transport
from core.enums import EndReason, Hearing, Mode, TurnMeasure
from core.ordering import order_of
from core.room import Room
from core.types import Entry, EntryId, PersonId, PlaceId, Presence, RoomId, Settings, Track, TrackRef, Vote

PAGE = PlaceId("web:party")


class Rule(ABC):
    """A queue."""

    @abstractmethod
    def add(self, song: Song) -> None:
        """Somebody asks for a song, and its fans vote for it."""

    @abstractmethod
    def play(self) -> Song:
        """What was on air ends, and the next song starts."""


class Fifo(Rule):
    """First come, first served."""

    def __init__(self) -> None:
        self.waiting: list[Song] = []
        self.current: Song | None = None

    def add(self, song: Song) -> None:
        self.waiting.append(song)

    def play(self) -> Song:
        self.current = self.waiting.pop(0)
        return self.current


class MusicBot(Fifo):
    """JMusicBot's fair queue: behind one's own last song, before the first requester who comes a second time."""

    counts_current = False

    def add(self, song: Song) -> None:
        songs = [self.current] if self.counts_current and self.current else []
        songs += self.waiting
        at = max((index + 1 for index, other in enumerate(songs) if other.person == song.person), default=0)
        seen: set[str] = set()
        while at < len(songs) and songs[at].person not in seen:
            seen.add(songs[at].person)
            at += 1
        self.waiting.insert(at - (len(songs) - len(self.waiting)), song)


class Vocard(MusicBot):
    """Vocard's fair queue: the same, and the song on air counts as one's own."""

    counts_current = True


class Festify(Fifo):
    """Votes, then age."""

    def play(self) -> Song:
        self.current = min(self.waiting, key=lambda song: (-len(song.fans), song.number))
        self.waiting.remove(self.current)
        return self.current


class Pikaraoke(Fifo):
    """Pikaraoke's fair queue: by the turns somebody had tonight, at least the round that runs; no votes."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Counter[str] = Counter()

    def play(self) -> Song:
        now = self.turns[self.current.person] if self.current else 0
        own: Counter[str] = Counter()
        ranks: dict[int, tuple[int, int, int]] = {}
        for song in self.waiting:
            turns = self.turns[song.person] + own[song.person]
            ranks[song.number] = (max(self.turns[song.person], now) + own[song.person], turns, song.number)
            own[song.person] += 1
        self.current = min(self.waiting, key=lambda song: ranks[song.number])
        self.waiting.remove(self.current)
        self.turns[self.current.person] += 1
        return self.current


class Chorus(Rule):
    """A room of ours, with its order, its votes and its turns."""

    def __init__(self, party: Party, mode: Mode, measure: TurnMeasure = TurnMeasure.COUNT) -> None:
        self.now = 1_800_000_000_000
        self.room = Room(RoomId("party"), PAGE, "Party", mode=mode, settings=Settings(turns=measure))
        self.songs: dict[EntryId, Song] = {}
        for voter in party.voters:
            presence = Presence(PersonId(voter), PAGE, Hearing.STREAM, voter, self.now)
            self.room.people[PersonId(voter), PAGE] = presence

    def add(self, song: Song) -> None:
        person, track = PersonId(song.person), Track(TrackRef(f"library:{song.number}"), "Song", length=song.length)
        entry = Entry(EntryId(song.number), track, person, song.person, PAGE, self.now, self.now)
        order = order_of(self.room, self.now)
        order.add([entry])
        self.room.entries[entry.id] = entry
        self.songs[entry.id] = song
        for fan in song.fans:
            entry.votes[PersonId(fan)] = Vote(1, self.now)
            order.vote(entry, PersonId(fan), 0, 1)

    def play(self) -> Song:
        if self.room.current is None:
            playing.wake(self.room, self.now)
        else:
            self.now += self.room.current.entry.track.length or 0
            playing.advance(self.room, EndReason.FINISHED, self.now)
        transport.start(self.room, self.now, node="bench", position=0)
        self.room.take_changes()
        assert self.room.current is not None
        return self.songs[self.room.current.entry.id]
