"""What is used, on each database: counted once, in the right period, and never more than there is."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from billing.entitlements import Entitlements
from billing.plans import Plans
from billing.usage import Metering, Usage
from core.enums import EndReason, GrantSource, Meter, PauseReason
from core.errors import StoreUnavailableError, UsedUpError
from core.records.grants import Subject
from core.records.rows import Play
from core.records.usage import Use
from core.room import Room
from core.types import HOUSE, LOBBY, EntryId, Limits, PersonId, PlaceId, RoomId, TrackRef
from core.usage import period
from db.chats import SqlChats
from db.engine import Database
from db.entitlements import SqlEntitlements
from db.grants import SqlGrants
from db.places import SqlPlaces
from db.rooms import SqlRooms
from db.usage import SqlUsage
from tests.db.commands import ANN, MovedClock, Recorder, put_on_air, queue

PLACE, DAY, LIMIT = PlaceId("web:lobby"), 86_400_000, 1_000
FREE = Limits("free", plays=5, listening=LIMIT, pushing=LIMIT, uploads=LIMIT)
PRO = replace(FREE, plan="pro", plays=50, uploads=None)
PLANS = Plans({"free": FREE, "pro": PRO}, "free")


class Process:
    """What one process has."""

    def __init__(self, database: Database, clock: MovedClock) -> None:
        self.database, self.clock = database, clock
        self.ledger = SqlUsage(database)
        self.entitlements = Entitlements(SqlEntitlements(database), PLANS, clock)
        self.usage = Usage(self.ledger, self.entitlements, PLANS, clock)
        self.rooms = SqlRooms(database, Recorder(), clock, limits=self.entitlements.limits)
        self.here: dict[Meter, dict[RoomId, int]] = {Meter.LISTENING: {}, Meter.PUSHING: {}}
        gauges = {meter: (lambda meter=meter: self.here[meter]) for meter in self.here}
        self.metering = Metering(self.usage, self.ledger, self.rooms, clock, gauges)

    async def room(self) -> Room:
        return await self.rooms.read(LOBBY)

    async def used(self) -> Mapping[str, int]:
        """What was used of each meter, those of which nothing was left out."""
        await self.usage.refresh()
        return {it.meter: it.used for it in await self.usage.used(PLACE) if it.used}

    async def look(self, seconds: float) -> None:
        self.clock.time += round(seconds * 1000)
        await self.metering.look()


@pytest.fixture
async def one(database: Database) -> Process:
    process = Process(database, MovedClock())
    await SqlPlaces(database, process.clock).lobby()
    return process


async def spends(process: Process, amount: int, key: str) -> bool:
    try:
        await process.usage.spend(await process.room(), Meter.UPLOADS, amount, key)
    except UsedUpError:
        return False
    return True


async def test_of_a_thousand_at_once_exactly_one_gets_the_last_piece(one: Process) -> None:
    # 36: a burst at limit - 1, from two processes
    other = Process(one.database, one.clock)
    assert await spends(one, LIMIT - 1, "before")
    room = await one.room()
    assert (await other.room()).limits == room.limits

    async def spend(number: int) -> bool:
        try:
            await (one, other)[number % 2].usage.spend(room, Meter.UPLOADS, 1, f"file {number}")
        except UsedUpError:
            return False
        return True

    passed = await asyncio.gather(*(spend(number) for number in range(1_000)))
    assert sum(passed) == 1
    assert await one.used() == {"uploads": LIMIT}
    winner = passed.index(True)
    assert await spend(winner), "the one that passed is repeated: it passes again"  # 36: a retry
    assert await one.used() == {"uploads": LIMIT}, "and is counted once"


async def test_repeats_at_once_are_counted_once(one: Process) -> None:
    # 36: a retry of a counted action
    assert all(await asyncio.gather(*(spends(one, 600, "file") for _ in range(50))))
    assert await one.used() == {"uploads": 600}
    assert not await spends(one, 401, "larger"), "it would be too much"
    assert await spends(one, 400, "fits")
    assert not await spends(one, 401, "larger")


async def test_a_better_plan_counts_at_once_and_a_new_period_from_its_beginning(one: Process) -> None:
    assert await spends(one, LIMIT, "all")
    assert not await spends(one, 1, "more")
    grants = SqlGrants(one.database, one.clock)
    given = await grants.give(GrantSource.STRIPE, Subject(PLACE), "pro", until=one.clock.time + 40 * DAY)
    one.rooms.replan(await one.entitlements.refresh())
    assert await spends(one, 10 * LIMIT, "more"), "Pro has no end"
    (uploads,) = [it for it in await one.usage.used(PLACE) if it.meter == "uploads"]
    assert (uploads.used, uploads.limit, uploads.since) == (10 * LIMIT, None, given.starts_at)
    one.clock.time += 31 * DAY
    assert await one.used() == {}, "a month later"
    one.clock.time += 10 * DAY
    one.rooms.replan(await one.entitlements.refresh())
    assert await spends(one, 1, "on Free again")
    assert not await spends(one, LIMIT, "on Free again, too much")


def play(number: int, **values: object) -> Play:
    made = Play(
        LOBBY, PLACE, EntryId(number), PersonId("ann"), TrackRef("library:1"), "Song", None, "stream", 1,
        1_800_000_000_000, 60_000, 0, 0, EndReason.FINISHED, 0, 0,
    )  # fmt: skip
    return replace(made, **values)  # pyright: ignore[reportArgumentType]


async def test_plays_are_counted_in_the_transaction_that_ends_them(one: Process) -> None:
    def ends(room: Room) -> None:
        room.changes.plays += [
            play(1),
            play(2, reason=EndReason.SKIPPED),
            play(2, reason=EndReason.SKIPPED, ended_at=1_800_000_000_001),  # played again
            play(3, person=HOUSE),
            play(4, heard=0, reason=EndReason.FAILED),
            play(5, reason=EndReason.SONG),
        ]

    await one.rooms.apply(LOBBY, ends)
    other = Process(one.database, one.clock)
    await asyncio.gather(*(it.usage.refresh() for it in (one, other) for _ in range(5)))
    assert await one.used() == {"plays": 3}
    one.usage.require(await one.room(), Meter.PLAYS)
    one.usage.require(await one.room(), Meter.PLAYS, 2)
    with pytest.raises(UsedUpError):
        one.usage.require(await one.room(), Meter.PLAYS, 3)
    one.clock.time += 32 * DAY
    one.usage.require(await one.room(), Meter.PLAYS, 5)


async def test_a_play_that_was_not_committed_is_not_counted(one: Process) -> None:
    def fails(room: Room) -> None:
        room.changes.plays.append(play(1))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await one.rooms.apply(LOBBY, fails)
    assert await one.used() == {}


async def test_minutes_are_counted_while_somebody_hears_music(one: Process) -> None:
    one.here[Meter.LISTENING][LOBBY] = 3
    await one.look(10)
    await one.rooms.apply(LOBBY, queue("song", ANN))
    await one.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    await one.look(10)
    one.here[Meter.LISTENING][LOBBY] = 1
    one.here[Meter.PUSHING][LOBBY] = 2
    await one.look(5)

    def pause(room: Room) -> None:
        room.paused = PauseReason.PERSON
        room.changes.header = True

    await one.rooms.apply(LOBBY, pause)
    await one.look(10)
    await one.metering.tell()
    assert await one.used() == {"listening": 35_000, "pushing": 30_000}
    one.here[Meter.LISTENING].clear()
    await one.look(3_600)
    await one.metering.tell()
    assert await one.used() == {"listening": 35_000, "pushing": 70_000}, "who slept for an hour sent for 20 s at most"


async def test_what_could_not_be_written_is_written_later_once(one: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    await one.rooms.apply(LOBBY, queue("song", ANN))
    await one.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    one.here[Meter.LISTENING][LOBBY] = 1
    await one.look(10)
    note = one.ledger.note

    async def lost(uses: list[Use]) -> None:
        await note(uses)
        raise StoreUnavailableError  # it was committed, but nobody said so

    monkeypatch.setattr(one.ledger, "note", lost)
    with pytest.raises(StoreUnavailableError):
        await one.metering.tell()
    monkeypatch.undo()
    await one.look(5)
    await one.metering.close()
    assert await one.used() == {"listening": 15_000}


async def test_who_used_it_up_is_known_and_nobody_else_stops(one: Process) -> None:
    await one.ledger.note([Use(PLACE, Meter.LISTENING, "a", LIMIT, one.clock.now())])
    room = await one.room()
    one.usage.require(room, Meter.LISTENING)
    await one.usage.refresh()
    with pytest.raises(UsedUpError) as used_up:
        one.usage.require(room, Meter.LISTENING)
    assert used_up.value.until == period(one.clock.now(), None)[1]
    one.usage.require(room, Meter.PUSHING)
    one.usage.require(Room(RoomId("other"), PlaceId("web:other"), "Other", limits=FREE), Meter.LISTENING)


async def test_a_chat_that_gets_another_id_takes_along_what_it_used(one: Process) -> None:
    old, now = PlaceId("telegram:-1"), one.clock.now()
    await one.ledger.note([Use(place, Meter.PLAYS, "a", 2, now) for place in (old, PLACE)])
    await one.ledger.note([Use(old, Meter.PLAYS, "b", 3, now)])
    await one.usage.refresh()
    await one.ledger.note([Use(old, Meter.PLAYS, "c", 4, now)])
    for _ in range(2):
        await SqlChats(one.database).move(old, PLACE)
    assert await one.used() == {"plays": 11}


async def test_uses_are_forgotten_and_their_sums_are_not(one: Process) -> None:
    now = one.clock.now()
    assert await spends(one, 1, "a")
    await one.ledger.note([Use(PLACE, Meter.PLAYS, "not counted yet", 1, now)])
    assert await one.ledger.prune(now) == 0
    assert await one.ledger.prune(now + 1) == 1
    assert await one.used() == {"uploads": 1, "plays": 1}
