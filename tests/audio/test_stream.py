"""Taps of a room's player."""

import asyncio
import io
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import av
import numpy as np
import pytest

from audio.node import Node
from core.ports.stream import Format
from core.types import RoomId
from tests.audio.rig import Ear, Rig, World, tone
from tests.sound import tones_in
from tests.waiting import until

pytestmark = pytest.mark.heard


async def taps_of(rig: Rig) -> int:
    """How many taps the node's only player feeds."""
    node = rig.nodes.get("builtin")
    assert node is not None
    players = await node.players()
    return sum(len(player["chorus"]["taps"]) for player in players.values())


async def test_two_listen_and_each_leaves_nothing_behind(world: World) -> None:
    async with Rig(world) as rig:
        async with Ear(rig, world.lobby) as one, Ear(rig, world.lobby) as other:
            await world.listen()
            await world.add(tone(440))
            await one.hears(440)
            await other.hears(440)
            assert await taps_of(rig) == 2
        await until(lambda: _no_taps(rig))


async def _no_taps(rig: Rig) -> bool:
    return await taps_of(rig) == 0


@pytest.mark.parametrize("form", ["mp3", "aac"])
async def test_other_formats_are_heard_over_a_change_of_nodes(world: World, form: Format) -> None:
    async with Rig(world) as rig:
        await world.listen()
        await world.add(tone(440))
        assert rig.managed is not None
        heard = list[bytes]()

        async def listen() -> None:
            while True:
                async for packet in rig.taps.packets(world.lobby, form=form):
                    heard.append(packet)
                await asyncio.sleep(0.05)

        listening = asyncio.create_task(listen())
        await until(lambda: len(heard) > 60, within=10)
        rig.managed.kill()
        before = len(heard)
        await until(lambda: len(heard) > before + 80, within=20)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        with av.open(io.BytesIO(b"".join(heard)), format=form) as file:
            frames = [frame.to_ndarray() for frame in cast("Any", file).decode(audio=0)]
        tones = tones_in(np.concatenate(frames, axis=1).T)
        assert {round(one.hz / 10) for one in tones} == {44}
        assert sum(one.length for one in tones) > 2.5
        await until(lambda: _no_taps(rig))


async def test_a_tap_before_the_music_hears_it_begin(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await until(lambda: _tapped(rig))
        assert not ear.packets
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)


async def _tapped(rig: Rig) -> bool:
    node = rig.nodes.get("builtin")
    return node is not None and node.session_id is not None and await taps_of(rig) == 1


async def test_a_room_that_does_not_exist_has_no_sound(world: World) -> None:
    async with Rig(world) as rig, aclosing(rig.taps.packets(RoomId("nowhere"))) as packets:
        assert [packet async for packet in packets] == []


async def test_without_a_node_the_stream_ends_instead_of_waiting_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.broadcast.TAP_TIMEOUT", 0.3)
    async with Rig(world, managed=False) as rig, asyncio.timeout(3):
        assert [packet async for packet in rig.taps.packets(world.lobby)] == []


async def test_the_stream_ends_when_the_node_dies(world: World) -> None:
    async with Rig(world) as rig:
        await world.listen()
        await world.add(tone(440))
        assert rig.managed is not None
        heard = 0
        async with asyncio.timeout(8):
            async for _ in rig.taps.packets(world.lobby):
                heard += 1
                if heard == 20:
                    rig.managed.kill()
        assert heard >= 20


async def test_who_listens_at_another_process_hears_the_room_too(world: World) -> None:
    async with Rig(world) as one, Ear(one, world.lobby) as there:
        await world.listen()
        await world.add(tone(440), tone(880))
        await there.hears(440)
        address = one.nodes.get("builtin")
        assert address is not None
        shared = replace(address.address, name="n")
        async with Rig(world, addresses=[shared], managed=False, instance="two", owns=lambda _room: False) as two:
            await two.up("n")
            async with Ear(two, world.lobby) as here:
                await here.hears(440)
                heard = len(there.packets)
                await world.jukebox.skip(world.lobby, world.actor)
                await here.hears(880)
                await there.hears(880)
                assert there.longest_gap(heard) < 0.5
                assert [play.reason for play in world.rooms.played] == ["skipped"]
            node = two.nodes.get("n")
            assert node is not None
            await until(lambda: _idle(node), what="nobody listens there any more")


async def _idle(node: Node) -> bool:
    return not await node.players()
