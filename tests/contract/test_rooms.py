"""What every store of rooms promises, on each database."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Table, event, func, select

from core.enums import EndReason, Hearing
from core.errors import NoSuchEntryError, NoSuchRoomError
from core.events import EntryQueued, Event, VoteCast
from core.ports.places import RoomRef
from core.records.results import Changed, Queued, Removed, Skipped, Voted
from core.room import Room
from core.types import LOBBY, CommandId, EntryId, PersonId, PlaceId, Presence, RoomId, Settings
from db.engine import Database
from db.models import commands, entries, votes
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import (
    ANN,
    BEN,
    MovedClock,
    Recorder,
    clear,
    configure,
    empty_bin,
    everything,
    nothing,
    play,
    put_back,
    put_on_air,
    queue,
    remove,
    take_off_air,
    throw_away,
    track,
    vote,
)


class Store:
    """A store, what it published, and its clock; `again` is another process on the same database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.bus = Recorder()
        self.clock = MovedClock()
        self.rooms = SqlRooms(database, self.bus, self.clock)

    def again(self) -> SqlRooms:
        return SqlRooms(self.database, Recorder(), self.clock)

    async def count(self, table: Table) -> int:
        async with self.database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
async def lobby(database: Database) -> RoomRef:
    return await SqlPlaces(database, MovedClock()).lobby()


@pytest.fixture
async def store(database: Database, lobby: RoomRef) -> AsyncIterator[Store]:
    store = Store(database)
    yield store
    await store.rooms.close()


async def test_a_command_answers_and_what_it_changed_is_stored(store: Store) -> None:
    assert await store.rooms.apply(LOBBY, queue()) == Queued((EntryId(1),), track(), 0, None)
    room = await store.again().read(LOBBY)
    assert room.entries[EntryId(1)].track == track()
    assert (room.next_entry, room.version) == (2, 2)


async def test_every_field_survives(store: Store) -> None:
    await store.rooms.apply(LOBBY, everything)
    kept = await store.rooms.read(LOBBY)
    assert kept.current
    assert kept.current.entry.votes.keys() == {ANN, BEN}
    assert await store.again().read(LOBBY) == kept


async def test_what_is_removed_is_gone(store: Store) -> None:
    await store.rooms.apply(LOBBY, everything)
    await store.rooms.apply(LOBBY, nothing)
    room = await store.again().read(LOBBY)
    assert room == await store.rooms.read(LOBBY)
    assert not any((room.entries, room.people, room.polls, room.turns, room.current))
    assert await store.count(votes) == 0


async def test_what_is_in_the_bin_comes_back_with_its_votes(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(count=3))
    await store.rooms.apply(LOBBY, vote(EntryId(2)))
    before = (await store.again().read(LOBBY)).entries
    for away in (throw_away(EntryId(2), EntryId(3)), clear):
        await store.rooms.apply(LOBBY, away)
        room = await store.again().read(LOBBY)
        assert room == await store.rooms.read(LOBBY)
        assert EntryId(2) in room.bin
        assert EntryId(2) not in room.entries
        await store.rooms.apply(LOBBY, put_back)
        assert (await store.again().read(LOBBY)).entries == before


async def test_an_entry_that_is_queued_and_thrown_away_at_once_is_in_the_bin(store: Store) -> None:
    await asyncio.gather(store.rooms.apply(LOBBY, queue()), store.rooms.apply(LOBBY, throw_away(EntryId(1))))
    assert list((await store.again().read(LOBBY)).bin) == [1]


async def test_the_rows_of_a_cleared_queue_are_swept_but_for_what_is_on_air(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(count=2))
    await store.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    await store.rooms.apply(LOBBY, clear)
    await store.rooms.apply(LOBBY, queue())
    await store.rooms.prune()
    assert await store.count(entries) == 3, "it can still come back"
    await store.rooms.apply(LOBBY, empty_bin)
    await store.rooms.prune()
    assert await store.count(entries) == 2
    room = await store.again().read(LOBBY)
    assert (room.current and room.current.entry.id, list(room.entries)) == (1, [3])


async def test_an_entry_goes_on_air_with_its_votes_and_leaves(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(count=2))
    await store.rooms.apply(LOBBY, vote(EntryId(1)))
    await store.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    room = await store.again().read(LOBBY)
    assert room.current
    assert BEN in room.current.entry.votes
    assert list(room.entries) == [EntryId(2)]
    await store.rooms.apply(LOBBY, take_off_air)
    room = await store.again().read(LOBBY)
    assert room.current is None
    assert list(room.entries) == [EntryId(2)]
    assert await store.count(votes) == 0


async def test_votes_change_and_are_withdrawn(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue())
    for value in (1, -1):
        assert (await store.rooms.apply(LOBBY, vote(EntryId(1), BEN, value))).score == value
        assert (await store.again().read(LOBBY)).entries[EntryId(1)].votes[BEN].value == value
    await store.rooms.apply(LOBBY, vote(EntryId(1), BEN, 0))
    assert not (await store.again().read(LOBBY)).entries[EntryId(1)].votes


async def test_a_refusal_reaches_its_caller_and_stores_nothing(store: Store) -> None:
    before = await store.again().read(LOBBY)
    with pytest.raises(NoSuchEntryError) as caught:
        await store.rooms.apply(LOBBY, remove(EntryId(5)), command_id=CommandId("x"))
    assert caught.value.entry == 5
    assert await store.again().read(LOBBY) == before
    assert store.bus.events == []


async def test_an_unknown_room_is_refused(store: Store) -> None:
    for attempt in (store.rooms.apply(RoomId("nowhere"), queue()), store.rooms.read(RoomId("nowhere"))):
        with pytest.raises(NoSuchRoomError):
            await attempt


async def test_a_command_that_changes_nothing_leaves_the_version(store: Store) -> None:
    assert await store.rooms.apply(LOBBY, lambda room: room.next_entry) == 1
    assert (await store.again().read(LOBBY)).version == 1


async def test_commands_run_in_order_and_each_raises_the_version_by_one(store: Store) -> None:
    titles = [f"{number}" for number in range(200)]
    queued = await asyncio.gather(*(store.rooms.apply(LOBBY, queue(title)) for title in titles))
    assert [it.entries[0] for it in queued] == list(range(1, 201))
    room = await store.again().read(LOBBY)
    assert [entry.track.title for entry in room.entries.values()] == titles
    assert room.version == 201
    assert [it.version for it in store.bus.events] == list(range(2, 202))


async def test_those_who_wait_together_commit_together(store: Store) -> None:
    commits: list[object] = []
    await store.rooms.apply(LOBBY, queue())
    event.listen(store.database.writer.sync_engine, "commit", commits.append)
    people = [PersonId(f"p{number}") for number in range(640)]
    results = await asyncio.gather(*(store.rooms.apply(LOBBY, vote(EntryId(1), person)) for person in people))
    assert results[-1].score == 640
    assert len(commits) <= 11


async def test_a_refusal_among_others_harms_nobody(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue())
    outcomes = await asyncio.gather(
        store.rooms.apply(LOBBY, remove(EntryId(1))),
        store.rooms.apply(LOBBY, remove(EntryId(1))),
        store.rooms.apply(LOBBY, queue("next")),
        return_exceptions=True,
    )
    assert [type(it) for it in outcomes] == [Removed, NoSuchEntryError, Queued]
    assert list((await store.again().read(LOBBY)).entries) == [EntryId(2)]


async def test_an_event_tells_what_can_be_read_already(store: Store) -> None:
    looks: list[asyncio.Task[Room]] = []

    def publish(event: Event) -> None:
        store.bus.events.append(event)
        looks.append(asyncio.create_task(store.again().read(LOBBY)))

    store.rooms = SqlRooms(store.database, store.bus, store.clock)
    store.bus.publish = publish
    await asyncio.gather(*(store.rooms.apply(LOBBY, queue(f"{number}")) for number in range(10)))
    assert len(looks) == 10  # each reads the whole room anew: more would ask how fast the machine is
    for happened, read in zip(store.bus.events, await asyncio.gather(*looks), strict=True):
        assert read.version >= happened.version


RESULTS = [
    Queued((EntryId(1), EntryId(2)), track(), 3, None, 4),
    Removed(2, "Un été"),
    Voted(EntryId(1), "x", -1, 5, 6),
    Skipped(done=False, title="x", votes=1, needed=2),
    Changed(changed=True, value=9),
    Settings(max_queue=4, dj_role=2**60),
    True,
    7,
    "text",
    None,
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda it: type(it).__name__)
async def test_a_repeat_gets_the_first_result(store: Store, result: object) -> None:
    def first(room: Room) -> object:
        queue()(room)
        return result

    assert await store.rooms.apply(LOBBY, first, command_id=CommandId("a")) == result
    for rooms in (store.rooms, store.again()):
        assert await rooms.apply(LOBBY, never, command_id=CommandId("a")) == result
    assert (await store.rooms.read(LOBBY)).version == 2


def never(_room: Room) -> None:
    raise AssertionError


async def test_a_repeat_at_the_same_moment_runs_once(store: Store) -> None:
    repeats = (store.rooms.apply(LOBBY, queue(), command_id=CommandId("a")) for _ in range(100))
    assert {it.entries for it in await asyncio.gather(*repeats)} == {(EntryId(1),)}
    assert list((await store.again().read(LOBBY)).entries) == [EntryId(1)]


async def test_a_repeat_to_two_processes_runs_once(store: Store) -> None:
    both = (store.rooms, store.again())
    repeats = (rooms.apply(LOBBY, queue(), command_id=CommandId("a")) for rooms in both for _ in range(20))
    assert {it.entries for it in await asyncio.gather(*repeats)} == {(EntryId(1),)}


async def test_a_refused_command_may_be_tried_again(store: Store) -> None:
    with pytest.raises(NoSuchEntryError):
        await store.rooms.apply(LOBBY, remove(EntryId(1)), command_id=CommandId("a"))
    await store.rooms.apply(LOBBY, queue())
    assert await store.rooms.apply(LOBBY, remove(EntryId(1)), command_id=CommandId("a")) == Removed(1, "Un été")


async def test_one_id_in_two_rooms_is_two_commands(store: Store, database: Database) -> None:
    other = await SqlPlaces(database, store.clock).guild_room(1, 2, "Guild")
    for room in (LOBBY, other.room):
        assert (await store.rooms.apply(room, queue(), command_id=CommandId("a"))).entries == (1,)
        assert len((await store.again().read(room)).entries) == 1


async def test_ids_are_kept_for_fifteen_minutes(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(), command_id=CommandId("old"))
    store.clock.time += 10 * 60_000
    await store.rooms.apply(LOBBY, queue(), command_id=CommandId("young"))
    store.clock.time += 5 * 60_000 + 1
    await store.rooms.prune()
    async with store.database.read() as connection:
        assert (await connection.scalars(select(commands.c.id))).all() == ["young"]


async def test_writers_in_two_processes_lose_nothing(store: Store) -> None:
    both = (store.rooms, store.again())
    await asyncio.gather(*(rooms.apply(LOBBY, queue(f"{n}")) for n in range(150) for rooms in both))
    room = await store.again().read(LOBBY)
    assert list(room.entries) == list(range(1, 301))
    assert room.version == 301
    assert [await rooms.read(LOBBY) for rooms in both] == [room, room]


async def test_a_reader_who_was_told_of_a_version_gets_it_from_memory(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue())
    await store.again().apply(LOBBY, queue())
    assert (await store.rooms.read(LOBBY, known=2)).version == 2
    assert (await store.rooms.read(LOBBY, known=3)).version == 3
    assert (await store.rooms.read(LOBBY)).version == 3


async def test_a_reader_sees_what_another_process_wrote(store: Store) -> None:
    other = store.again()
    assert not (await other.read(LOBBY)).entries
    await store.rooms.apply(LOBBY, queue())
    assert list((await other.read(LOBBY)).entries) == [EntryId(1)]
    await other.apply(LOBBY, vote(EntryId(1)))
    assert (await store.rooms.read(LOBBY)).entries[EntryId(1)].votes


async def test_a_reader_among_writers_sees_whole_commits(store: Store) -> None:
    async def write(number: int) -> None:
        await store.rooms.apply(LOBBY, queue(f"{number}", count=2))

    async def read() -> tuple[int, int]:
        room = await store.rooms.read(LOBBY)
        return len(room.entries), room.version

    tasks = [work for number in range(50) for work in (write(number), read())]
    for result in await asyncio.gather(*tasks):
        if result:
            entries, version = result
            assert entries == 2 * (version - 1)


async def test_settings_reach_the_other_rooms_of_the_place(store: Store, database: Database) -> None:
    here, there = await two_rooms_of_a_place(database, store.clock)
    await store.rooms.read(there)
    await store.rooms.apply(here, configure(Settings(max_queue=3)))
    assert (await store.rooms.read(there)).settings == Settings(max_queue=3)
    assert await store.rooms.apply(there, lambda room: room.settings.max_queue) == 3


async def test_settings_changed_in_two_rooms_at_once_lose_nothing(store: Store, database: Database) -> None:
    pair = await two_rooms_of_a_place(database, store.clock)

    def raise_cap(room: Room) -> Settings:
        return configure(Settings(max_queue=(room.settings.max_queue or 0) + 1))(room)

    both = (store.rooms, store.again())
    await asyncio.gather(*(rooms.apply(room, raise_cap) for _ in range(10) for room in pair for rooms in both))
    assert (await store.again().read(pair[0])).settings.max_queue == 40


async def two_rooms_of_a_place(database: Database, clock: MovedClock) -> tuple[RoomId, RoomId]:
    """A guild with two bot accounts."""
    places = SqlPlaces(database, clock)
    return (await places.guild_room(1, 9, "Guild")).room, (await places.guild_room(2, 9, "Guild")).room


@pytest.mark.parametrize("mistake", [KeyError, NoSuchEntryError])
async def test_a_command_that_breaks_half_way_changes_nothing(store: Store, mistake: Callable[..., Exception]) -> None:
    def broken(room: Room) -> None:
        queue("half")(room)
        raise mistake(EntryId(1))

    before, refused, after = await asyncio.gather(
        store.rooms.apply(LOBBY, queue("before")),
        store.rooms.apply(LOBBY, broken),
        store.rooms.apply(LOBBY, queue("after")),
        return_exceptions=True,
    )
    assert isinstance(refused, Exception)
    assert not isinstance(before, BaseException)
    assert not isinstance(after, BaseException)
    room = await store.rooms.read(LOBBY)
    assert [it.track.title for it in room.entries.values()] == ["before", "after"]
    assert room == await store.again().read(LOBBY)


async def test_an_answer_that_cannot_be_stored_is_the_commands_mistake(store: Store) -> None:
    def odd(room: Room) -> object:
        queue()(room)
        return object()

    with pytest.raises(TypeError):
        await store.rooms.apply(LOBBY, odd, command_id=CommandId("a"))
    assert not (await store.rooms.read(LOBBY)).entries


async def test_a_command_whose_caller_left_does_not_run(store: Store) -> None:
    task = asyncio.create_task(store.rooms.apply(LOBBY, never))
    await asyncio.sleep(0)
    task.cancel()
    await store.rooms.apply(LOBBY, queue())
    assert task.cancelled()


def join(person: PersonId, left_at: int | None = None) -> Callable[[Room], None]:
    def command(room: Room) -> None:
        room.people[person, room.place] = Presence(person, room.place, Hearing.STREAM, "x", 1, left_at)
        room.changes.people.add((person, room.place))

    return command


async def test_active_rooms_have_a_track_a_channel_or_people(store: Store, database: Database) -> None:
    def channel(room: Room) -> None:
        room.voice_channel = 5
        room.changes.header = True

    places = SqlPlaces(database, store.clock)
    guilds = [(await places.guild_room(1, number, "Guild")).room for number in range(5)]
    await store.rooms.apply(guilds[0], queue())
    assert await store.rooms.active() == []
    await store.rooms.apply(guilds[0], put_on_air(EntryId(1)))
    await store.rooms.apply(guilds[1], channel)
    await store.rooms.apply(guilds[2], join(ANN))
    await store.rooms.apply(guilds[2], join(BEN))
    await store.rooms.apply(guilds[3], join(ANN, left_at=3))
    assert sorted(await store.rooms.active()) == sorted(guilds[:3])


async def test_checkpoints_are_kept_beside_the_version(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(count=2))
    await store.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    version = (await store.rooms.read(LOBBY)).version
    await store.rooms.checkpoint({LOBBY: 4_321})
    for rooms in (store.rooms, store.again()):
        room = await rooms.read(LOBBY)
        assert room.checkpoint
        assert (room.checkpoint.position, room.checkpoint.at) == (4_321, store.clock.time)
        assert room.version == version


async def test_a_checkpoint_does_not_outlive_its_entry(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue(count=2))
    await store.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    await store.rooms.checkpoint({LOBBY: 1})
    await store.rooms.apply(LOBBY, put_on_air(EntryId(2)))
    for rooms in (store.rooms, store.again()):
        assert (await rooms.read(LOBBY)).checkpoint is None
    stale = store.again()
    await stale.read(LOBBY)
    await store.rooms.apply(LOBBY, take_off_air)
    await stale.checkpoint({LOBBY: 2})
    assert (await store.again().read(LOBBY)).checkpoint is None


async def test_plays_and_audit_rows_come_back_newest_first(store: Store) -> None:
    def ended(reason: EndReason) -> Callable[[Room], None]:
        return lambda room: room.changes.plays.append(play(room, EntryId(1), reason))

    reasons = list(EndReason)
    for reason in reasons:
        await store.rooms.apply(LOBBY, ended(reason))
    assert [it.reason for it in await store.rooms.plays(LOBBY)] == reasons[::-1]
    assert (await store.rooms.plays(LOBBY, limit=1))[0] == play(await store.rooms.read(LOBBY), EntryId(1), reasons[-1])
    await store.rooms.apply(LOBBY, configure(Settings()))
    rows = await store.rooms.audit(PlaceId("web:lobby"))
    assert [(it.audit.action, it.audit.after) for it in rows] == [("settings", {"a": [2, None, "ü"]})]
    assert rows == await store.rooms.audit(None)
    await store.rooms.apply(LOBBY, configure(Settings(max_queue=3)))
    (newest,) = await store.rooms.audit(None, limit=1)
    assert newest.id > rows[0].id
    assert await store.rooms.audit(None, before=newest.id) == rows
    assert await store.rooms.audit(None, before=rows[0].id) == []
    assert not await store.rooms.audit(PlaceId("discord:1"))


async def test_references_of_queues_and_of_what_is_on_air(store: Store, database: Database) -> None:
    other = await SqlPlaces(database, store.clock).guild_room(1, 2, "Guild")
    await store.rooms.apply(LOBBY, queue("a"))
    await store.rooms.apply(LOBBY, put_on_air(EntryId(1)))
    await store.rooms.apply(other.room, queue("b", count=2))
    await store.rooms.apply(other.room, queue("gone"))
    await store.rooms.apply(other.room, remove(EntryId(3)))
    assert await store.rooms.references("library") == {"library:a", "library:b"}
    assert not await store.rooms.references("upload")


async def test_what_another_process_wrote_is_noticed(store: Store) -> None:
    await store.rooms.read(LOBBY)
    await store.rooms.notice()
    assert store.bus.events == []
    await store.again().apply(LOBBY, queue())
    await store.rooms.notice()
    await store.rooms.notice()
    assert store.bus.events == [Event(room=LOBBY, version=2)]
    await store.rooms.apply(LOBBY, queue())
    await store.rooms.notice()
    assert [type(it) for it in store.bus.events] == [Event, EntryQueued]


async def test_what_another_process_wrote_is_published_by_whoever_sees_it_first(store: Store) -> None:
    await store.rooms.read(LOBBY)
    await store.again().apply(LOBBY, queue())
    await store.rooms.read(LOBBY)
    await store.again().apply(LOBBY, queue())
    await store.rooms.apply(LOBBY, lambda room: len(room.entries))
    assert store.bus.events == [Event(room=LOBBY, version=2), Event(room=LOBBY, version=3)]


async def test_the_house_list_is_always_todays(store: Store) -> None:
    lists = [(track("a"),), (track("b"),)]
    rooms = SqlRooms(store.database, store.bus, store.clock, fallback=lambda _room: lists[0])
    assert (await rooms.read(LOBBY)).fallback == lists.pop(0)
    assert await rooms.apply(LOBBY, lambda room: room.fallback) == lists[0]


async def test_text_of_every_kind_survives(store: Store) -> None:
    titles = ["🎉" * 1000, "שלום עולם", "<b>@everyone</b> *x* `y`", "'; DROP TABLE rooms; --", "\x7f\u200f\u0301"]
    for title in titles:
        await store.rooms.apply(LOBBY, queue(title), command_id=CommandId(title[:40]))
    room = await store.again().read(LOBBY)
    assert [it.track.title for it in room.entries.values()] == titles


async def test_votes_publish_what_was_cast(store: Store) -> None:
    await store.rooms.apply(LOBBY, queue())
    await store.rooms.apply(LOBBY, vote(EntryId(1), BEN, -1))
    assert store.bus.events[-1] == VoteCast(room=LOBBY, version=3, entry=EntryId(1), person=BEN, value=-1)
