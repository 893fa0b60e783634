"""Rooms that leave a node: it is drained, full, or has lost their players; and where they go."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path

import pytest

from audio.drains import follow
from audio.managed import ManagedNode
from audio.node import NodeAddress
from audio.player_ids import lead_id
from audio.probe import Probe
from core.enums import Surface
from core.errors import StoreUnavailableError
from core.events import PlayFailed
from core.live import Live
from core.ports.places import RoomRef
from core.types import LOBBY, EntryId, Limits, PlaceId, RoomId
from tests.audio.fake_node import PASSWORD, FakeNode, track
from tests.audio.rig import Ear, Rig, World, tone
from tests.waiting import crowding, until

PLAYER = lead_id(RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby"))
ROOMS = 30


class Drains:
    """What an operator wants, in memory; `away`: it cannot be read."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.away = False

    async def all(self) -> Collection[str]:
        if self.away:
            raise StoreUnavailableError
        return frozenset(self.names)

    async def put(self, node: str) -> bool:
        self.names.add(node)
        return True

    async def remove(self, node: str) -> bool:
        self.names.discard(node)
        return True


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.drains.LOOK", 0.1)


@pytest.fixture
async def fakes() -> AsyncIterator[tuple[FakeNode, FakeNode]]:
    async with FakeNode() as one, FakeNode() as two:
        yield one, two


def addresses(*fakes: FakeNode) -> list[NodeAddress]:
    return [NodeAddress(name, fake.uri, PASSWORD) for name, fake in zip("ab", fakes, strict=False)]


async def up(rig: Rig, *names: str) -> None:
    for name in names:
        await rig.up(name)


def plays(fake: FakeNode) -> int:
    """How many tracks the node was given."""
    return sum("identifier" in body.get("track", {}) for body in fake.patches)


async def starts(fake: FakeNode, entry: int = 1) -> None:
    await fake.event("TrackStartEvent", PLAYER, track=track({"room": "lobby", "entry": entry}))


async def busy(world: World, rooms: int) -> list[RoomId]:
    """Rooms of guilds, each with a track."""
    made = [(await world.places.guild_room(1, 2**60 + number, f"guild {number}")).room for number in range(rooms)]
    for room in made:
        place = world.rooms.rooms[room].place
        actor = replace(world.actor, place=place, surface=Surface.DISCORD, voice_channel=5)
        await world.jukebox.add(room, actor, [tone(440)])
    return made


async def test_a_drained_nodes_rooms_move_ten_at_a_time(world: World, fakes: tuple[FakeNode, FakeNode]) -> None:
    a, b = fakes
    wanted = Drains()
    wanted.names.add("b")
    async with Rig(world, addresses=addresses(a, b), managed=False) as rig:
        following = asyncio.create_task(follow(rig.nodes, wanted, rig.players.wake))
        await up(rig, "a", "b")
        await until(lambda: (b_node := rig.nodes.get("b")) and b_node.draining)
        rooms = await busy(world, ROOMS)
        await until(lambda: plays(a) == ROOMS, what="all rooms are on the one that is not drained")
        assert plays(b) == 0
        for player_id, body in zip(list(a.players), a.patches, strict=True):
            await a.event("TrackStartEvent", player_id, track=track(body["track"]["userData"]))
        await until(lambda: all((now := world.rooms.rooms[room].current) and now.started_at for room in rooms))
        b.patch_seconds = 0.1
        wanted.away = True
        await asyncio.sleep(0.2)
        wanted.away, wanted.names = False, {"a"}
        await until(lambda: plays(b) == ROOMS, what="all have moved")
        assert b.most_patches_at_once == 10
        await until(lambda: len(a.deleted) == ROOMS, what="the former players have ended")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_with_all_nodes_drained_what_plays_stays_where_it_is(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, _ = fakes
    async with Rig(world, addresses=addresses(a), managed=False) as rig:
        await rig.up("a")
        await world.listen()
        await world.add(tone(440), tone(880))
        await until(lambda: plays(a) == 1)
        await starts(a)
        assert rig.nodes.drain({"a"})
        assert not rig.nodes.drain({"a"})
        rig.players.wake()
        await world.jukebox.skip(world.lobby, world.actor)
        await until(lambda: plays(a) == 2, what="the next track, for lack of another node")


async def test_with_all_nodes_drained_who_listens_at_another_process_goes_on(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, b = fakes
    async with Rig(world, addresses=addresses(a, b), managed=False, owns=lambda _room: False) as rig:
        await up(rig, "a", "b")
        rig.nodes.drain({"b"})
        await world.listen()
        await world.add(tone(440))
        await world.reports.track_started(world.lobby, EntryId(1), node="elsewhere", position=0)
        async with Ear(rig, world.lobby):
            await until(lambda: plays(a) == 1)
            rig.nodes.drain({"a", "b"})
            await world.jukebox.volume(world.lobby, world.actor, 50)
            await until(lambda: a.patches[-1].get("volume") == 50, what="still there, for lack of another node")
            assert not a.deleted
            rig.nodes.drain({"a"})
            rig.players.wake()
            await until(lambda: plays(b) == 1 and a.deleted, what="to the other one, now that it may be used")


async def test_a_room_that_finds_no_place_for_its_next_track_leaves_nothing_behind(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, b = fakes
    async with Rig(world, addresses=addresses(a, b), managed=False) as rig, Ear(rig, world.lobby):
        await up(rig, "a", "b")
        rig.nodes.drain({"b"})
        await world.listen()
        await world.add(tone(440))
        await until(lambda: plays(a) == 1)
        await starts(a)
        a.players[PLAYER]["track"] = None
        await a.event("TrackEndEvent", PLAYER, track=track({"room": "lobby", "entry": 1}), reason="finished")
        await until(lambda: world.rooms.played)
        rig.nodes.drain(())
        a.refuse = 503, "This node is full: 10 tracks are open, its limit"
        await world.add(tone(880))
        await until(lambda: plays(a) == 2, what="it asks where it is")
        await until(lambda: plays(b) == 1, what="the other one takes it")
        await until(lambda: a.deleted == [PLAYER], what="its player here is gone")


async def test_a_full_node_sends_who_serves_streams_to_another_one(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, b = fakes
    a.refuse = 503, "This node is full: it plays for 50 rooms, its limit"
    async with Rig(world, addresses=addresses(a, b), managed=False, owns=lambda _room: False) as rig:
        await up(rig, "a", "b")
        await world.listen()
        await world.add(tone(440))
        await world.reports.track_started(world.lobby, EntryId(1), node="elsewhere", position=0)
        node = rig.nodes.get("b")
        assert node is not None
        node.fill()  # so that the other is asked first
        async with Ear(rig, world.lobby):
            await until(lambda: plays(a) == 1)
            await until(lambda: plays(b) == 1, what="the other one, as soon as it may be asked")


async def test_a_full_node_sends_new_rooms_to_another_one(world: World, fakes: tuple[FakeNode, FakeNode]) -> None:
    a, b = fakes
    a.refuse = 503, "This node is full: it plays for 50 rooms, its limit"
    async with Rig(world, addresses=addresses(a, b), managed=False) as rig:
        await up(rig, "a", "b")
        node = rig.nodes.get("b")
        assert node is not None
        node.fill()  # so that the other is asked first
        await world.listen()
        await world.add(tone(440))
        await until(lambda: plays(a) >= 1)
        await until(lambda: plays(b) == 1, what="the other one, as soon as it may be asked")
        assert not [event for event in world.rooms.events if isinstance(event, PlayFailed)]


async def test_while_all_are_full_a_room_waits_and_says_so(world: World, fakes: tuple[FakeNode, FakeNode]) -> None:
    a, _ = fakes
    a.refuse = 503, "full"
    async with Rig(world, addresses=addresses(a), managed=False) as rig:
        await rig.up("a")
        await world.listen()
        await world.add(tone(440))
        await until(lambda: rig.players.status(world.lobby) == "waiting")
        a.refuse = None
        refused = plays(a)
        await until(lambda: plays(a) == refused + 1, what="another try")
        await until(lambda: rig.players.status(world.lobby) == "playing")
        assert not world.rooms.played


async def test_a_command_that_a_frozen_node_never_answers_holds_up_no_move(
    world: World, fakes: tuple[FakeNode, FakeNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.probe.INTERVAL", 0.1)
    monkeypatch.setattr("audio.probe.TIMEOUT", 0.5)
    a, b = fakes
    async with Rig(world, addresses=addresses(a, b), managed=False) as rig:
        await up(rig, "a", "b")
        rig.nodes.drain({"b"})
        await world.listen()
        await world.add(tone(440))
        await until(lambda: plays(a) == 1)
        await starts(a)
        await until(lambda: world.room.current and world.room.current.started_at)
        rig.nodes.drain(())
        a.hang_patches = True
        a.go.clear()
        await world.jukebox.volume(world.lobby, world.actor, 50)
        await until(lambda: a.patches[-1].get("volume") == 50, what="somebody wonders why it is silent")
        await until(lambda: plays(b) == 1, within=8, what="the room moves before the request's time is over")
        assert b.patches[-1]["volume"] == 50
        assert not world.rooms.played


async def test_a_node_that_was_left_says_nothing_of_a_push_that_goes_on_elsewhere(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, b = fakes

    def told(fake: FakeNode) -> list[str]:
        return [tap["id"] for body in fake.patches for tap in body.get("chorus", {}).get("taps", ())]

    async with Rig(world, addresses=addresses(a, b), managed=False) as rig:
        await up(rig, "a", "b")
        rig.nodes.drain({"b"})
        await world.listen()
        await world.add(tone(440))
        live = Live(world.rooms, world.pushes, world.bus, world.clock)
        await live.push(world.lobby, replace(world.actor, admin=True), "rtmp://127.0.0.1:1935/live/key")
        (tap,) = await until(lambda: told(a))
        await starts(a)
        rig.nodes.drain({"a"})
        rig.players.wake()
        await until(lambda: told(b) == [tap])
        await b.event("ChorusTapEvent", PLAYER, id=tap, state="live")
        await until(lambda: list(rig.players.pushes(world.lobby).values()) == ["live"])
        await a.event("ChorusTapEvent", PLAYER, id=tap, state="failed", reason="closed")
        await asyncio.sleep(0.3)
        assert list(rig.players.pushes(world.lobby).values()) == ["live"]


async def begins(rig: Rig, world: World, a: FakeNode) -> None:
    """The room plays there, as the other node is drained."""
    await up(rig, "a", "b")
    assert rig.nodes.drain({"b"})
    await world.listen()
    await world.add(tone(440))
    await until(lambda: plays(a) == 1)
    await starts(a)
    await until(lambda: world.room.current and world.room.current.started_at)


async def test_a_drained_nodes_room_plays_on_there_when_the_other_turns_it_away(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, b = fakes
    b.refuse = 503, "This node is full: it plays for 50 rooms, its limit"
    async with Rig(world, addresses=addresses(a, b), managed=False) as rig:
        await begins(rig, world, a)
        rig.nodes.drain({"a"})
        rig.players.wake()
        await until(lambda: plays(b) >= 1, what="it asks")
        await world.jukebox.volume(world.lobby, world.actor, 50)
        await until(lambda: a.patches[-1].get("volume") == 50, what="it is where it was")
        assert not a.deleted
        assert plays(a) == 1, "nothing was started anew"
        assert rig.players.status(world.lobby) == "playing"
        b.refuse = None
        asked = plays(b)
        await until(lambda: plays(b) > asked and a.deleted, within=15, what="the room has moved")
        assert not world.rooms.played


@pytest.mark.parametrize("held_back_by", ["a full node", "a better plan"])
async def test_a_drained_nodes_room_looks_often_for_a_place(
    world: World, fakes: tuple[FakeNode, FakeNode], monkeypatch: pytest.MonkeyPatch, held_back_by: str
) -> None:
    a, b = fakes
    async with Rig(world, addresses=addresses(a, b), managed=False) as rig:
        await begins(rig, world, a)
        other = rig.nodes.get("b")
        assert other is not None
        if held_back_by == "a better plan":
            monkeypatch.setattr("audio.node.FULL_SECONDS", 0.0)
            rig.nodes.line.wait(RoomId("better"), 9)
        other.fill()
        rig.nodes.drain({"a"})
        rig.players.wake()
        await until(lambda: plays(b) == 1, what="the room has moved")


async def test_a_lost_player_is_made_anew_where_it_was(world: World, fakes: tuple[FakeNode, FakeNode]) -> None:
    a, _ = fakes
    async with Rig(world, addresses=addresses(a), managed=False) as rig:
        await rig.up("a")
        await world.listen()
        await world.add(tone(440))
        await until(lambda: plays(a) == 1)
        await starts(a)
        await a.send(
            op="playerUpdate",
            guildId=str(PLAYER),
            state={"time": 0, "position": 20_000, "connected": False, "ping": -1},
        )
        await until(lambda: rig.players.all() and all((p.checkpoint() or 0) >= 20_000 for p in rig.players.all()))
        a.players.clear()
        data = {"room": "lobby", "entry": 1}
        await a.event("TrackEndEvent", PLAYER, track=track(data), reason="cleanup")
        await until(lambda: plays(a) == 2)
        assert 20_000 <= a.patches[-1]["position"] < 22_000
        assert not world.rooms.played


async def test_the_node_near_the_voice_server_is_best(fakes: tuple[FakeNode, FakeNode], world: World) -> None:
    a, b = fakes
    near = NodeAddress("near", b.uri, PASSWORD, ("rotterdam", "fra"))
    async with Rig(world, addresses=[*addresses(a), near], managed=False) as rig:
        await up(rig, "a", "near")
        node = rig.nodes.get("near")
        assert node is not None
        for player in range(3):
            await node.patch(player, {"track": {"identifier": "x", "userData": {}}})  # it is the busier one
        for region, best in {"": "a", "rotterdam1234": "near", "c-fra05-ab12": "near", "us-east9": "a"}.items():
            found = rig.nodes.best(region=region)
            assert found is not None
            assert found.name == best, region


@pytest.mark.parametrize(
    ("stats", "penalty"),
    [
        ({"playingPlayers": 7, "cpu": {"systemLoad": 0.0}, "frameStats": None}, 7),
        ({"playingPlayers": 0, "cpu": {"systemLoad": 0.5}}, 1.05**50 * 10 - 10),
        ({"playingPlayers": 1, "frameStats": {"deficit": 300, "nulled": 0}}, 1 + 1.03**50 * 600 - 600),
        ({"playingPlayers": 1, "frameStats": {"deficit": 0, "nulled": 300}}, 1 + 2 * (1.03**50 * 300 - 300)),
        ({"playingPlayers": 1, "frameStats": {"deficit": -1, "nulled": -1}}, 1),
    ],
)
def test_the_penalty_is_the_clients_formula(stats: dict[str, object], penalty: float) -> None:
    probe = Probe(None, answered=lambda: None, down=lambda: None, frozen=lambda: None)  # type: ignore[arg-type]
    probe._load = stats
    assert probe.penalty == pytest.approx(penalty)


@pytest.mark.heard
async def test_a_rolling_change_of_nodes_is_hardly_heard(world: World, tmp_path: Path) -> None:
    """The new node first; then the old one is drained, and ended when nothing plays there any more."""
    wanted = Drains()
    old = ManagedNode(tmp_path / "old", media_origins=[world.media.host.url])
    new = ManagedNode(tmp_path / "new", media_origins=[world.media.host.url])
    await old.start()
    await new.start()
    assert old.info is not None
    assert new.info is not None
    nodes = [NodeAddress(name, it.uri, it.password) for name, it in (("old", old.info), ("new", new.info))]
    wanted.names.add("new")
    try:
        async with Rig(world, addresses=nodes, managed=False) as rig, Ear(rig, world.lobby) as ear:
            following = asyncio.create_task(follow(rig.nodes, wanted, rig.players.wake))
            await up(rig, "old", "new")
            await world.listen()
            await world.add(tone(440))
            await ear.hears(440)
            assert world.room.current is not None
            assert world.room.current.node == "old"
            begun = len(ear.packets)
            wanted.names = {"old"}
            await until(lambda: world.room.current and world.room.current.node == "new", what="the room has moved")
            former = rig.nodes.get("old")
            assert former is not None

            async def left() -> bool:
                return not await former.players()

            await until(left, what="the old one is empty")
            await old.stop()
            await until(lambda: len(ear.packets) > begun + 75)
            assert ear.longest_gap(begun) < 0.5 * crowding()
            await ear.hears(440)
            assert abs(world.room.clock.at(world.clock.now()) - 20 * len(ear.packets)) < 1_500
            assert not world.rooms.played
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    finally:
        await old.stop()
        await new.stop()


@pytest.mark.heard
async def test_a_dead_process_of_a_large_node_is_hardly_heard(world: World, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lavalink", "--port", "0", "--password-env", "NODE_PASSWORD", "--processes", "2"]
    with (tmp_path / "log").open("wb") as log:
        large = await asyncio.create_subprocess_exec(
            *(*command, "--announce"),
            env={**os.environ, "NODE_PASSWORD": PASSWORD},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert large.stdout is not None
    try:
        port = json.loads(await large.stdout.readline())["port"]
        await until(lambda: (tmp_path / "log").read_text().count("'process listens'") == 2, within=30)
        address = NodeAddress("large", f"http://127.0.0.1:{port}", PASSWORD)
        async with Rig(world, addresses=[address], managed=False) as rig, Ear(rig, world.lobby) as ear:
            await rig.up("large")
            await world.listen()
            await world.add(tone(440))
            await ear.hears(440)
            begun = len(ear.packets)
            before, at = world.room.clock.at(world.clock.now()), world.clock.now()
            os.kill(await _player_of(large.pid), signal.SIGKILL)
            await until(lambda: len(ear.packets) > begun + 75, what="sound again")
            assert ear.longest_gap(begun) < 1.5 * crowding()
            await ear.hears(440)
            ran = world.room.clock.at(world.clock.now()) - before
            assert abs(ran - (world.clock.now() - at)) < 1_500
            assert not world.rooms.played
    finally:
        large.terminate()
        await large.wait()


async def _player_of(front: int) -> int:
    """The process behind a front that spends time."""
    before = _spent(front)
    await asyncio.sleep(1.0)
    return max(before, key=lambda pid: _spent(front)[pid] - before[pid])


def _spent(front: int) -> dict[int, int]:
    """Ticks of the processor by child."""
    pids = Path(f"/proc/{front}/task/{front}/children").read_text().split()
    stats = {int(pid): Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids}
    return {pid: int(fields[11]) + int(fields[12]) for pid, fields in stats.items()}


async def test_when_nodes_are_full_rooms_with_better_plans_come_first(
    world: World, fakes: tuple[FakeNode, FakeNode]
) -> None:
    a, _ = fakes
    a.refuse = 503, "full"
    async with Rig(world, addresses=addresses(a), managed=False) as rig:
        await rig.up("a")
        rooms = await busy(world, 0)
        for rank in (0, 2, 1):
            place = await world.places.guild_room(1, 2**60 + rank, f"guild {rank}")
            world.rooms.rooms[place.room].limits = Limits(rank=rank)
            actor = replace(
                world.actor, place=world.rooms.rooms[place.room].place, surface=Surface.DISCORD, voice_channel=5
            )
            await world.jukebox.add(place.room, actor, [tone(440)])
            rooms.append(place.room)
        await until(lambda: all(rig.players.status(room) == "waiting" for room in rooms))
        a.patches.clear()
        a.refuse = None
        await until(lambda: plays(a) == 3, within=20, what="all have found a place")
        order = [body["track"]["userData"]["room"] for body in a.patches if "identifier" in body.get("track", {})]
        assert order == [rooms[1], rooms[2], rooms[0]]
