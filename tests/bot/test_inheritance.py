"""Two instances on one node: what becomes of the music when one of them goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import pytest

from audio.inheritance import Inheritance
from audio.managed import ManagedNode
from audio.node import Health, Node, NodeAddress
from bot.ownership import Ownership
from core.enums import Guests, Hearing, Surface
from core.ports.places import RoomRef
from core.types import LOBBY, Actor, PersonId, PlaceId, Presence, RoomId, Settings
from db.engine import Database
from db.leases import SqlLeases, buckets, slot
from db.migrate import migrate
from db.node_sessions import SqlNodeSessions
from tests.audio.rig import Ear, Rig, World, tone
from tests.waiting import until

pytestmark = pytest.mark.heard

TTL = 2.5


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as world:
        yield world


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
async def node(world: World, tmp_path: Path) -> AsyncIterator[NodeAddress]:
    node = ManagedNode(tmp_path / "node", media_origins=[world.media.host.url])
    await node.start()
    assert node.info is not None
    yield NodeAddress("n", node.info.uri, node.info.password)
    await node.stop()


class Process:
    """One instance: its leases, its players, its session with the node."""

    def __init__(self, name: str, world: World, database: Database, node: NodeAddress) -> None:
        self.leases = SqlLeases(database, name, ttl=TTL)
        self.ownership = Ownership(self.leases)
        self.rig = Rig(world, addresses=[node], managed=False, instance=name, owns=self.ownership.owns)
        self.rig.book._rows = SqlNodeSessions(database, name)
        self.ownership.heir = Inheritance(self.rig.nodes, self.rig.players, self.rig.book, holds=self.ownership.holds)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.rig)
        await self.rig.up("n")
        self._keeping = asyncio.create_task(self.ownership.keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await self._stack.aclose()

    async def crash(self) -> None:
        """Its lease runs out, and its session with the node waits for it."""
        self._keeping.cancel()
        await self.rig.crash()

    @property
    def node(self) -> Node:
        found = self.rig.nodes.get("n")
        assert found is not None
        return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ownership.RENEW", 0.3)


LOBBY_REF = RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby")
DEN = RoomRef(RoomId("den"), PlaceId("web:den"), "Den")


async def begin(world: World, *processes: Process) -> str:
    """The first one plays two rooms, the others wait for its slots; its session."""
    world.places._known(DEN, Settings(guests=Guests.ADD))
    first, *others = processes
    await first.ownership.want(buckets())
    for process in others:
        await process.ownership.want(buckets())
    await sing(world, world.lobby, 440)
    await sing(world, DEN.room, 880)
    for other in others:
        assert not await other.node.players()
    assert first.node.session_id is not None
    return first.node.session_id


async def sing(world: World, room: RoomId, hz: int) -> None:
    state = world.rooms.rooms[room]
    presence = Presence(PersonId("ann"), state.place, Hearing.STREAM, "Ann", world.clock.now())
    await world.reports.arrived(room, presence)
    await world.jukebox.add(room, Actor(PersonId("ann"), "Ann", state.place, Surface.WEB, dj=True), [tone(hz)])
    await until(lambda: state.current and state.current.started_at, what=f"{hz} Hz begins")


def acts(process: Process, room: RoomRef) -> bool:
    return process.ownership.owns(room)


async def count(process: Process) -> int:
    """How many players play on the node, in whatever session."""
    return (await process.node.wave.send("GET", path="v4/stats"))["playingPlayers"]


async def test_who_took_all_slots_resumes_the_session_and_the_music_never_stops(
    world: World, database: Database, node: NodeAddress
) -> None:
    async with Process("one", world, database, node) as one, Process("two", world, database, node) as two:
        session = await begin(world, one, two)
        began = [world.rooms.rooms[room].clock.running_since for room in (world.lobby, DEN.room)]
        asked = len(world.media.host.requests)
        await one.crash()
        await until(lambda: acts(two, DEN) and two.node.health is Health.UP)
        assert two.node.session_id == session
        async with Ear(two.rig, world.lobby) as ear, Ear(two.rig, DEN.room) as other:
            await ear.hears(440, within=20)
            await other.hears(880, within=20)
        assert len(world.media.host.requests) == asked, "a file was opened again: the music had stopped"
        assert [world.rooms.rooms[room].clock.running_since for room in (world.lobby, DEN.room)] == pytest.approx(
            began, abs=3000
        )
        rows = await SqlNodeSessions(database, "two").all()
        assert [(row.instance, row.session) for row in rows] == [("two", session)]


async def test_those_who_listened_at_the_heir_hear_the_same_session(
    world: World, database: Database, node: NodeAddress
) -> None:
    async with Process("one", world, database, node) as one, Process("two", world, database, node) as two:
        session = await begin(world, one, two)
        began = world.room.clock.running_since
        async with Ear(two.rig, world.lobby) as ear:
            await ear.hears(440, within=20)
            await one.crash()
            await until(lambda: acts(two, DEN) and two.node.health is Health.UP)
            assert two.node.session_id == session
            heard = len(ear.packets)
            await until(lambda: len(ear.packets) > heard + 50, what="sound again")
            await ear.hears(440, within=20)
        assert world.room.clock.running_since == pytest.approx(began, abs=3000), "the clock goes on, as it ran"
        await until(lambda: _only_leads(two), what="nothing follows any more")


async def _only_leads(process: Process) -> bool:
    return await count(process) == 2


async def test_one_that_starts_in_its_place_resumes_the_session_too(
    world: World, database: Database, node: NodeAddress
) -> None:
    async with Process("one", world, database, node) as one:
        session = await begin(world, one)
        await one.crash()
    two = Process("two", world, database, node)
    await until(lambda: _granted(two), within=20, what="the leases of the dead run out")
    async with two:
        assert two.node.session_id == session
        async with Ear(two.rig, DEN.room) as ear:
            await ear.hears(880, within=20)
    assert not world.rooms.played


async def _granted(process: Process) -> bool:
    await process.ownership.want(buckets())
    return all(process.leases.holds(bucket) for bucket in buckets())


async def test_who_plays_already_starts_the_rooms_anew_and_ends_the_old_players(
    world: World, database: Database, node: NodeAddress
) -> None:
    async with Process("one", world, database, node) as one, Process("two", world, database, node) as two:
        session = await begin(world, one, two)
        await two.node.patch(7, {"track": {"identifier": world.media.host.tone(660, 60)}})
        own = two.node.session_id
        await one.crash()
        await until(lambda: acts(two, DEN))
        async with Ear(two.rig, world.lobby) as ear, Ear(two.rig, DEN.room) as other:
            await ear.hears(440, within=20)
            await other.hears(880, within=20)
        assert two.node.session_id == own
        assert await count(two) == 3, "those of the one that is gone have ended"
        assert await two.node.former_session(session).players() is None
        assert [row.instance for row in await SqlNodeSessions(database, "two").all()] == ["two"]


async def test_a_part_is_started_anew_and_the_rest_plays_on_where_it_was(
    world: World, database: Database, node: NodeAddress
) -> None:
    async with Process("one", world, database, node) as one, Process("two", world, database, node) as two:
        session = await begin(world, one, two)
        began = world.room.clock.running_since
        one.ownership._wanted.discard(slot(DEN))

        def neglected() -> bool:
            one.leases._held.pop(slot(DEN), None)  # as if it could not be renewed
            return acts(two, DEN)

        await until(neglected)
        async with Ear(two.rig, DEN.room) as ear:
            await ear.hears(880, within=20)
        assert acts(one, LOBBY_REF)
        assert one.node.session_id == session
        assert two.node.session_id != session
        assert len(await one.node.players()) == len(await two.node.players()) == 1
        assert world.room.clock.running_since == pytest.approx(began, abs=3000), "the clock goes on, as it ran"
        assert not world.rooms.played


async def test_an_instance_that_was_taken_for_dead_goes_on_by_a_new_session(
    world: World, database: Database, node: NodeAddress
) -> None:
    async with Process("one", world, database, node) as one:
        session = await begin(world, one)
        await SqlNodeSessions(database, "one").remove("one", "n")
        heir = one.ownership.heir
        assert heir is not None
        await heir.lose()
        await until(lambda: one.node.health is Health.UP and one.node.session_id != session)
        async with Ear(one.rig, world.lobby) as ear:
            await ear.hears(440, within=20)
