"""The real rules on the real store: whatever a command changes is noted, written and read back the same."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from core.enums import Duplicates, EndReason, Hearing, Leavers, Loop, Mode, Surface, TurnMeasure
from core.errors import ChorusError
from core.filters import PRESETS
from core.jukebox import Jukebox
from core.ports.tracks import Attachment, Chapter, Found, ListLine, Show
from core.reports import Reports
from core.room import Room
from core.types import Actor, EntryId, PersonId, PlaceId, Presence, Track
from db.engine import Database
from db.places import SqlPlaces
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from tests.db.commands import MovedClock, Recorder, track

STEPS = 150
ROUNDS = int(os.environ.get("SOAK", "1"))
PEOPLE = 5


class Resolver:
    async def resolve(self, query: str | Attachment, *, limit: int) -> Found:
        return Found((track(str(query)),))

    async def chapters(self, track: Track) -> Sequence[Chapter]:
        return ()

    async def episodes(self, link: str) -> Show | None:
        return None

    async def look_up(self, lines: Sequence[ListLine]) -> Sequence[Track]:
        return [track(line.title) for line in lines]

    def local(self, query: str) -> bool:
        return True


class Walk:
    """People and players do whatever comes to their minds."""

    def __init__(self, database: Database, seed: int, place: PlaceId) -> None:
        self.dice = random.Random(seed)
        self.clock = MovedClock()
        self.place = place
        self.database = database
        self.rooms = self.again()
        self.jukebox = Jukebox(self.rooms, self.clock, Resolver(), SqlShelf(database, self.clock))
        self.reports = Reports(self.rooms, self.clock)

    def again(self) -> SqlRooms:
        return SqlRooms(self.database, Recorder(), self.clock, fallback=lambda _room: (track("house"),))

    def actor(self) -> Actor:
        person, dice = self.dice.randrange(PEOPLE), self.dice
        discord = self.place.startswith("discord")
        return Actor(
            PersonId(f"p{person}"),
            f"P{person}",
            self.place,
            Surface.DISCORD if discord else Surface.WEB,
            voice_channel=dice.choice([7, 8]) if discord else None,
            dj=dice.random() < 0.2,
            admin=dice.random() < 0.2,
        )

    def presence(self) -> Presence:
        person = PersonId(f"p{self.dice.randrange(PEOPLE)}")
        hearing = self.dice.choice([*Hearing])
        deaf = self.dice.random() < 0.2
        return Presence(
            person, self.place, hearing, "x", self.clock.now(), deaf=deaf, address=self.dice.choice([None, "a"])
        )

    def entry(self, room: Room) -> EntryId:
        known = [*room.entries, *([room.current.entry.id] * 3 if room.current else []), EntryId(99_999)]
        return self.dice.choice(known)

    def settings(self) -> dict[str, Any]:
        dice = self.dice
        return {
            "skip_threshold": dice.choice([0.3, 0.7]),
            "leavers": dice.choice([*Leavers]),
            "duplicates": dice.choice([*Duplicates]),
            "turns": dice.choice([*TurnMeasure]),
        }

    def next(self, room: Room) -> Callable[[], Awaitable[Any]]:
        """Something to do; refusals are as welcome as anything."""
        dice, actor, entry = self.dice, self.actor(), self.entry(room)
        commands, reports = self.jukebox, self.reports
        choices: list[tuple[int, Callable[[], Awaitable[Any]]]] = [
            (
                8,
                lambda: (
                    commands.play(room.id, actor, "x")
                    if dice.random() < 0.5
                    else commands.add(room.id, actor, [track("a"), track("b")])
                ),
            ),
            (8, lambda: commands.vote(room.id, actor, entry, dice.choice([-1, 0, 1]))),
            (3, lambda: commands.remove(room.id, actor, entry)),
            (3, lambda: commands.skip(room.id, actor)),
            (2, lambda: commands.clear(room.id, actor)),
            (2, lambda: commands.shuffle(room.id, actor)),
            (4, lambda: commands.undo(room.id, actor)),
            (4, lambda: commands.move(room.id, actor, entry, dice.randrange(1 + len(room.entries)))),
            (2, lambda: commands.swap(room.id, actor, entry, self.entry(room))),
            (2, lambda: commands.remove_many(room.id, actor, [entry, self.entry(room)])),
            (1, lambda: commands.remove_many(room.id, actor, person=self.actor().person)),
            (2, lambda: commands.jump(room.id, actor, entry)),
            (2, lambda: commands.previous(room.id, actor)),
            (2, lambda: commands.again(room.id, actor)),
            (1, lambda: commands.loop(room.id, actor, dice.choice([*Loop]))),
            (1, lambda: commands.set_mode(room.id, actor, dice.choice([*Mode]))),
            (1, lambda: commands.close(room.id, actor, dice.random() < 0.2)),
            (2, lambda: commands.add(room.id, actor, [track("n")], next=True)),
            (2, lambda: commands.add(room.id, actor, [track("at")], at=self.clock.now() + dice.randrange(100_000))),
            (1, lambda: commands.stop(room.id, actor)),
            (2, lambda: commands.pause(room.id, actor)),
            (2, lambda: commands.resume(room.id, actor)),
            (1, lambda: commands.seek(room.id, actor, dice.randrange(60_000))),
            (1, lambda: commands.volume(room.id, actor, dice.randrange(200))),
            (1, lambda: commands.set_filter(room.id, actor, dice.choice([*PRESETS, "off", '{"volume": 2}']))),
            (1, lambda: commands.set_crossfade(room.id, actor, dice.randrange(12_000))),
            (1, lambda: commands.set_loudness(room.id, actor, dice.random() < 0.5)),
            (1, lambda: commands.join(room.id, actor)),
            (1, lambda: commands.leave(room.id, actor)),
            (2, lambda: commands.configure(room.id, actor, self.settings())),
            (5, lambda: reports.track_started(room.id, entry, node="one")),
            (4, lambda: reports.track_ended(room.id, entry, EndReason.FINISHED)),
            (1, lambda: reports.track_failed(room.id, entry, "corrupt")),
            (2, lambda: reports.position(room.id, entry, dice.randrange(60_000))),
            (2, lambda: reports.lock_next(room.id)),
            (4, lambda: reports.arrived(room.id, self.presence())),
            (3, lambda: reports.left(room.id, actor.person, self.place)),
            (1, lambda: reports.people(room.id, self.place, [self.presence()])),
            (1, lambda: reports.voice_lost(room.id, "kicked")),
            (1, lambda: reports.voice_moved(room.id, 9)),
            (1, lambda: reports.nobody(room.id)),
            (1, lambda: reports.somebody(room.id)),
            (1, lambda: reports.interrupted(room.id)),
            (3, lambda: reports.tick(room.id)),
            (2, lambda: reports.wake(room.id)),
        ]
        return dice.choices([it for _, it in choices], [weight for weight, _ in choices])[0]


@pytest.mark.soak
@pytest.mark.timeout(60 * ROUNDS)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_what_the_rules_change_is_what_is_stored(database: Database, seed: int) -> None:
    places = SqlPlaces(database, MovedClock())
    for ref in (await places.lobby(), await places.guild_room(1, 2, "Guild")):
        walk = Walk(database, seed, ref.place)
        for _ in range(STEPS):
            before = await walk.rooms.read(ref.room)
            together = [walk.next(before)() for _ in range(walk.dice.choice([1, 1, 1, 3]))]
            results = await asyncio.gather(*together, return_exceptions=True)
            assert all(isinstance(it, ChorusError) for it in results if isinstance(it, BaseException)), results
            assert await walk.again().read(ref.room) == await walk.rooms.read(ref.room)
            walk.clock.time += walk.dice.choice([0, 1, 1_000, 30_000, 700_000])
