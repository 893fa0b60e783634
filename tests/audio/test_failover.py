"""Nodes that die, freeze, move and come back, and a client that dies."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from audio.managed import ManagedNode, NodeInfo
from audio.node import Health, Node, NodeAddress
from core.enums import PauseReason
from core.types import Checkpoint
from tests.audio.rig import Ear, Rig, World, tone
from tests.waiting import crowding, until

pytestmark = pytest.mark.heard


def info(rig: Rig) -> NodeInfo:
    assert rig.managed is not None
    assert rig.managed.info is not None
    return rig.managed.info


BOOT = 1.0
"""Seconds in which a node is up on a machine that has nothing else to do."""


async def slowness(folder: Path) -> float:
    """How many times as long as there everything takes on this machine now, at least 1."""
    node = ManagedNode(folder, media_origins=[])
    began = time.monotonic()
    await node.start()
    took = time.monotonic() - began
    await node.stop()
    return max(1.0, took / BOOT)


def position(world: World) -> int:
    return world.room.clock.at(world.clock.now())


@pytest.fixture
async def second(world: World, tmp_path: Path) -> AsyncIterator[NodeAddress]:
    """Another built-in node, which the rig knows as an outside one."""
    node = ManagedNode(tmp_path / "second", media_origins=[world.media.host.url])
    await node.start()
    assert node.info is not None
    yield NodeAddress("second", node.info.uri, node.info.password)
    await node.stop()


async def test_a_killed_node_is_started_again_and_the_music_goes_on_where_it_was(world: World, tmp_path: Path) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        first, heard, at = info(rig), len(ear.packets), position(world)
        os.kill(first.pid, signal.SIGKILL)
        killed = time.monotonic()
        await until(lambda: len(ear.packets) > heard + 25, what="sound again")
        silent = ear.times[heard + 5] - killed
        await ear.hears(440)
        assert info(rig).pid != first.pid
        elapsed = (time.monotonic() - killed) * 1000
        assert at < position(world) < at + elapsed + 600
        assert not world.rooms.played
        assert silent < 3.0 or silent < 3.0 * await slowness(tmp_path / "other")


async def test_a_killed_nodes_rooms_move_to_the_other_one(world: World, second: NodeAddress, tmp_path: Path) -> None:
    async with Rig(world, addresses=[second]) as rig, Ear(rig, world.lobby) as ear:
        await rig.up("second")
        await rig.up("builtin")
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        assert world.room.current is not None
        assert rig.managed is not None
        victim = world.room.current.node
        pid = info(rig).pid if victim == "builtin" else await _pid(world.folder / "second")
        heard = len(ear.packets)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await until(lambda: len(ear.packets) > heard + 30, what="sound again")
        silent = ear.times[heard + 5] - killed
        await ear.hears(440)
        await until(lambda: world.room.current and world.room.current.node not in {None, victim})
        assert not world.rooms.played
        assert silent < 1.5 or silent < 1.5 * await slowness(tmp_path / "other")


async def _pid(folder: Path) -> int:
    return json.loads((folder / "node.json").read_text())["pid"]


async def test_a_frozen_node_is_replaced(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        first, heard = info(rig).pid, len(ear.packets)
        os.kill(first, signal.SIGSTOP)
        frozen = time.monotonic()
        await until(lambda: info(rig).pid != first and len(ear.packets) > heard + 50, within=12, what="sound again")
        assert next(at for at in ear.times[heard:] if at > frozen + 0.5) - frozen < 9.0
        await ear.hears(440)


async def test_rooms_leave_a_frozen_node_and_do_not_play_twice_when_it_thaws(world: World, second: NodeAddress) -> None:
    async with Rig(world, addresses=[second], managed=False) as rig, Ear(rig, world.lobby) as ear:
        await rig.up("second")
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        pid = await _pid(world.folder / "second")
        os.kill(pid, signal.SIGSTOP)
        node = rig.nodes.get("second")
        assert node is not None
        await until(lambda: node.health is Health.DOWN, within=6)
        assert rig.players.status(world.lobby) == "waiting" or await until(
            lambda: rig.players.status(world.lobby) == "waiting"
        )
        os.kill(pid, signal.SIGCONT)
        await rig.up("second")
        await ear.hears(440)
        assert len(await node.players()) == 1
        assert not world.rooms.played


async def test_a_restarted_client_finds_its_player_and_the_music_never_stops(world: World) -> None:
    rig = Rig(world)
    async with rig:
        await world.listen()
        await world.add(tone(440), tone(880))
        await until(lambda: world.room.current and world.room.current.started_at)
        pid = info(rig).pid
        await asyncio.sleep(0.3)
        await rig.crash()
    version_before, started = world.room.version, world.room.clock.running_since
    requests = len(world.media.host.requests)
    async with Rig(world) as again, Ear(again, world.lobby) as ear:
        await ear.hears(440)
        assert info(again).pid == pid
        assert len(world.media.host.requests) == requests, "the file was opened again: the music had stopped"
        assert world.room.clock.running_since == started, "the clock was moved though nothing had happened"
        assert world.room.version == version_before


async def test_what_happened_while_the_client_was_away_is_made_up_for(world: World) -> None:
    rig = Rig(world)
    async with rig:
        await world.listen()
        await world.add(tone(440, 3), tone(880))
        await until(lambda: world.room.locked == 2 and world.room.current and world.room.current.started_at)
        await until(lambda: all(one.checkpoint() is not None for one in rig.players.all()))
        await asyncio.sleep(0.5)  # the next one is told to the node
        await rig.crash()
    await asyncio.sleep(3.5)
    async with Rig(world) as again, Ear(again, world.lobby) as ear:
        await ear.hears(880)
        await until(lambda: world.room.current and world.room.current.entry.id == 2)
        assert [play.reason for play in world.rooms.played] == ["finished"]
        assert position(world) > 500, "the node's own position wins"


async def test_without_its_player_a_room_goes_on_from_the_checkpoint(world: World) -> None:
    rig = Rig(world)
    async with rig:
        await world.listen()
        await world.add(tone(440))
        await until(lambda: world.room.current and world.room.current.started_at)
        pid = info(rig).pid
        await rig.crash()
    os.kill(pid, signal.SIGKILL)
    world.room.checkpoint = Checkpoint(20_000, world.clock.now())
    world.clock.ahead += 10_000
    async with Rig(world) as again, Ear(again, world.lobby) as ear:
        await ear.hears(440)
        assert 20_000 <= position(world) < 22_500


async def test_a_room_dead_for_long_comes_back_paused(world: World) -> None:
    rig = Rig(world)
    async with rig:
        await world.listen()
        await world.add(tone(440))
        await until(lambda: world.room.current and world.room.current.started_at)
        pid = info(rig).pid
        await rig.crash()
    os.kill(pid, signal.SIGKILL)
    world.room.checkpoint = Checkpoint(20_000, world.clock.now())
    world.clock.ahead += 301_000
    async with Rig(world) as again:
        await until(lambda: world.room.paused is PauseReason.INTERRUPTED)
        assert world.room.clock.offset == 20_000
        await again.up()
        assert again.players.status(world.lobby) != "playing"


async def test_a_node_that_says_goodbye_is_connected_to_again(world: World, second: NodeAddress) -> None:
    """A graceful restart: close frame 1001, then nobody, then another process."""
    async with Rig(world, addresses=[second], managed=False) as rig, Ear(rig, world.lobby) as ear:
        await rig.up("second")
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        os.kill(await _pid(world.folder / "second"), signal.SIGTERM)
        await until(lambda: rig.players.status(world.lobby) == "waiting")
        held = position(world)
        port = int(second.uri.rpartition(":")[2])
        environment = {**os.environ, "NODE_PASSWORD": second.password}
        command = ["-m", "lavalink", "--port", str(port), "--password-env", "NODE_PASSWORD"]
        child = await _child(command, environment)
        try:
            await ear.hears(440, within=15)
            assert position(world) < held + 4000
        finally:
            child.kill()
            await child.wait()


async def test_a_thawed_node_gives_up_what_plays_elsewhere_now(world: World, second: NodeAddress) -> None:
    async with Rig(world, addresses=[second]) as rig, Ear(rig, world.lobby) as ear:
        await rig.up("second")
        builtin = rig.nodes.get("builtin")
        assert builtin is not None
        builtin.draining = True  # so that the room begins on the other one
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        await rig.up("builtin")
        builtin.draining = False
        pid, heard = await _pid(world.folder / "second"), len(ear.packets)
        os.kill(pid, signal.SIGSTOP)
        frozen = time.monotonic()
        await until(lambda: ear.times[-1] > frozen + 1 and len(ear.packets) > heard + 50, what="sound again")
        assert next(at for at in ear.times[heard:] if at > frozen + 0.5) - frozen < 6.0
        os.kill(pid, signal.SIGCONT)
        await rig.up("second")
        node = rig.nodes.get("second")
        assert node is not None
        await until(lambda: _empty(node))
        await ear.hears(440)


async def _empty(node: Node) -> bool:
    return not await node.players()


async def test_rooms_move_from_a_node_of_another_version_before_it_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.nodes.DRAIN_TIMEOUT", 2.0)
    rig = Rig(world)
    async with rig:
        await world.listen()
        await world.add(tone(440))
        await until(lambda: world.room.current and world.room.current.started_at)
        old = info(rig)
        await rig.crash()
    file = world.folder / "data" / "node.json"
    file.write_text(json.dumps(asdict(replace(old, version="0.0.1"))))
    async with Rig(world) as again, Ear(again, world.lobby) as ear:
        await ear.hears(440)
        assert info(again).pid != old.pid
        await until(lambda: not Path(f"/proc/{old.pid}").exists() or _zombie(old.pid), what="the old one ends")
        await until(lambda: again.players.nodes() == {"builtin": "up"})
        begun = len(ear.packets)
        await until(lambda: len(ear.packets) > begun + 50)
        assert ear.longest_gap(begun) < 0.3 * crowding()
        assert not world.rooms.played


def _zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def _child(command: list[str], environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
