"""A player on a node that hangs, refuses, stays silent or speaks of the past."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from audio.listeners import NOBODY_AFTER
from audio.node import NodeAddress
from audio.player_ids import lead_id
from audio.watchdog import START_LIMIT
from core.enums import PauseReason, Surface
from core.events import Event, PlayerChanged, PlayFailed
from core.live import Live
from core.ports.places import RoomRef
from core.types import LOBBY, PlaceId, RoomId
from tests.audio.fake_node import PASSWORD, FakeNode, track
from tests.audio.rig import Rig, World, tone
from tests.waiting import free_port, until

PLAYER = lead_id(RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby"))


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    async with FakeNode() as node:
        yield node


@pytest.fixture
async def rig(world: World, fake: FakeNode) -> AsyncIterator[Rig]:
    async with Rig(world, addresses=[NodeAddress("fake", fake.uri, PASSWORD)], managed=False) as rig:
        await rig.up("fake")
        await world.listen()
        yield rig


def user_data(entry: int) -> dict[str, Any]:
    return {"room": "lobby", "entry": entry}


async def starts(fake: FakeNode, entry: int) -> None:
    await fake.event("TrackStartEvent", PLAYER, track=track(user_data(entry)))


async def ends(fake: FakeNode, entry: int, reason: str = "finished") -> None:
    await fake.event("TrackEndEvent", PLAYER, track=track(user_data(entry)), reason=reason)


def plays(fake: FakeNode) -> list[int]:
    """The entries whose tracks the node was given."""
    return [body["track"]["userData"]["entry"] for body in fake.patches if "identifier" in body.get("track", {})]


def reasons(world: World) -> list[str]:
    return [event.reason for event in world.rooms.events if isinstance(event, PlayFailed)]


def current(world: World) -> int | None:
    return world.room.current.entry.id if world.room.current else None


async def test_one_patch_starts_a_track(world: World, fake: FakeNode, rig: Rig) -> None:
    await world.add(tone(440))
    await until(lambda: fake.patches)
    body = fake.patches[0]
    assert body["track"]["userData"] == user_data(1)
    assert body["track"]["identifier"].startswith("http://")
    assert (body["position"], body["volume"], body["paused"]) == (0, 100, False)
    assert len(fake.patches) == 1


async def test_a_patch_that_is_never_answered_is_asked_about_and_not_sent_twice(
    world: World, fake: FakeNode, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.node.PATCH_TIMEOUT", 0.3)
    fake.hang_patches = True
    await world.add(tone(440))
    await until(lambda: fake.patches)
    await until(lambda: world.room.current and world.room.current.started_at)
    assert plays(fake) == [1]


async def test_a_track_on_which_the_node_hangs_twice_is_skipped(
    world: World, fake: FakeNode, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.node.PATCH_TIMEOUT", 0.3)
    fake.hang_patches = fake.forget_patches = True
    await world.add(tone(440), tone(880))
    await until(lambda: current(world) == 2)
    assert plays(fake)[:2] == [1, 1]
    assert reasons(world) == ["timeout"]


async def test_a_track_that_never_starts_is_skipped(
    world: World, fake: FakeNode, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert START_LIMIT == 10  # which the test has no time for
    monkeypatch.setattr("audio.watchdog.START_LIMIT", 0.3)
    await world.add(tone(440), tone(880))
    await until(lambda: current(world) == 2)
    assert reasons(world) == ["timeout"]
    await until(lambda: plays(fake) == [1, 2])


async def test_a_stuck_track_is_skipped(world: World, fake: FakeNode, rig: Rig) -> None:
    await world.add(tone(440), tone(880))
    await until(lambda: fake.patches)
    await starts(fake, 1)
    await fake.event("TrackStuckEvent", PLAYER, track=track(user_data(1)), thresholdMs=10_000)
    await until(lambda: current(world) == 2)
    assert reasons(world) == ["stuck"]


async def test_a_track_that_breaks_is_skipped_once(world: World, fake: FakeNode, rig: Rig) -> None:
    await world.add(tone(440), tone(880), tone(660))
    await until(lambda: fake.patches)
    await starts(fake, 1)
    fault = {"message": "The file is damaged", "severity": "fault", "cause": "", "causeStackTrace": ""}
    await fake.event("TrackExceptionEvent", PLAYER, track=track(user_data(1)), exception=fault)
    await ends(fake, 1, "loadFailed")
    await until(lambda: plays(fake) == [1, 2])
    assert reasons(world) == ["corrupt"]
    assert current(world) == 2


async def test_reports_of_the_past_change_nothing(world: World, fake: FakeNode, rig: Rig) -> None:
    await world.add(tone(440), tone(880), tone(660))
    await until(lambda: fake.patches)
    await starts(fake, 1)
    await until(lambda: world.room.current and world.room.current.started_at)
    await world.jukebox.skip(world.lobby, world.actor)
    await until(lambda: plays(fake) == [1, 2])
    await ends(fake, 1, "replaced")
    await ends(fake, 1)
    await starts(fake, 2)
    await until(lambda: world.room.current and world.room.current.started_at)
    await ends(fake, 99)
    await starts(fake, 98)
    await until(lambda: plays(fake) == [1, 2, 2], what="what should not play is put right")
    assert current(world) == 2


async def test_a_track_that_the_node_drops_is_started_again_where_it_was_but_not_for_ever(
    world: World, fake: FakeNode, rig: Rig
) -> None:
    await world.add(tone(440), tone(880))
    for count in range(1, 5):
        await until(lambda n=count: plays(fake) == [1] * n)
        await starts(fake, 1)
        await ends(fake, 1, "cleanup")
    await until(lambda: current(world) == 2)
    assert reasons(world) == ["stuck"]


async def test_a_node_without_the_extension_does_not_play_rooms_without_voice(world: World) -> None:
    async with FakeNode() as java:
        java.plugins = []
        async with Rig(world, addresses=[NodeAddress("java", java.uri, PASSWORD)], managed=False) as rig:
            await rig.up("java")
            await world.listen()
            await world.add(tone(440))
            await until(lambda: rig.players.status(world.lobby) == "waiting")
            assert not java.patches


async def test_who_shows_a_room_is_told_at_once_that_it_waits_for_a_node_and_that_it_goes_on(world: World) -> None:
    told: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, PlayerChanged):
            told.append(event.status)

    world.bus.subscribe(hear)
    fake = FakeNode(free_port())
    async with Rig(world, addresses=[NodeAddress("fake", fake.uri, PASSWORD)], managed=False):
        async with fake:
            await world.listen()
            await world.add(tone(440))
            await until(lambda: told[-1:] == ["playing"])
        await until(lambda: told[-1:] == ["waiting"], within=3)
        async with FakeNode(fake.port):
            await until(lambda: told[-1:] == ["playing"])
    assert [status for status in told if status != "idle"][-3:] == ["playing", "waiting", "playing"]


async def test_all_rooms_move_but_ten_at_a_time(world: World, fake: FakeNode) -> None:
    async with FakeNode() as other:
        other.patch_seconds = 0.05
        addresses = [NodeAddress("fake", fake.uri, PASSWORD), NodeAddress("other", other.uri, PASSWORD)]
        async with Rig(world, addresses=addresses, managed=False) as rig:
            await rig.up("fake")
            await rig.up("other")
            away = rig.nodes.get("other")
            assert away is not None
            away.draining = True
            rooms = [(await world.places.guild_room(1, 2**60 + number, f"guild {number}")).room for number in range(25)]
            for room in rooms:
                actor = replace(
                    world.actor, place=world.rooms.rooms[room].place, surface=Surface.DISCORD, voice_channel=5
                )
                await world.jukebox.add(room, actor, [tone(440)])
            await until(lambda: len(fake.patches) == 25)
            for player_id, body in zip(list(fake.players), fake.patches, strict=True):
                await fake.event("TrackStartEvent", player_id, track=track(body["track"]["userData"]))
            await until(lambda: all(_started(world, room) for room in rooms))
            away.draining = False
            fake.go.clear()
            fake.abort()
            await until(lambda: len(other.patches) == 25)
            assert other.most_patches_at_once == 10
            assert sorted(body["track"]["userData"]["room"] for body in other.patches) == sorted(rooms)


def _started(world: World, room: RoomId) -> bool:
    current = world.rooms.rooms[room].current
    return current is not None and current.started_at is not None


async def test_a_join_that_is_not_heard_of_is_asked_about(world: World, fake: FakeNode, rig: Rig) -> None:
    await world.add(tone(440, 5), tone(880))
    await until(lambda: fake.patches)
    await starts(fake, 1)
    await until(lambda: any("next" in body.get("chorus", {}) for body in fake.patches))
    fake.players[PLAYER]["track"] = track(user_data(2))  # it joined, and the event is lost
    await ends(fake, 1)
    await until(lambda: current(world) == 2)
    await until(lambda: world.room.current and world.room.current.started_at)
    assert plays(fake) == [1]


async def test_a_room_without_a_node_for_long_is_interrupted_where_it_was(
    world: World, fake: FakeNode, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.placement.DEAD", 100)
    await world.add(tone(440))
    await until(lambda: fake.patches)
    await starts(fake, 1)
    await until(lambda: world.room.current and world.room.current.started_at)
    fake.go.clear()
    fake.abort()
    await until(lambda: rig.players.status(world.lobby) == "waiting")
    (player,) = rig.players.all()
    world.clock.ahead += 60_000

    def interrupted() -> bool:
        player.wake()
        return world.room.paused is PauseReason.INTERRUPTED

    await until(interrupted)
    assert world.room.clock.offset < 5_000, "what nobody heard does not count"


@pytest.mark.parametrize("by", ["an Icecast server", "a push"])
async def test_who_hears_a_room_elsewhere_keeps_it_awake(world: World, fake: FakeNode, by: str) -> None:
    async with Rig(world, addresses=[NodeAddress("fake", fake.uri, PASSWORD)], managed=False) as rig:
        await rig.up("fake")
        await world.add(tone(440))
        await until(lambda: plays(fake) == [1])
        await starts(fake, 1)
        live, admin = Live(world.rooms, world.pushes, world.bus, world.clock), replace(world.actor, admin=True)
        push = await live.push(world.lobby, admin, "rtmp://127.0.0.1/live/key") if by == "a push" else None
        if push is not None:
            await until(lambda: rig.players.pushes(world.lobby))
        else:
            rig.players.passed_on(world.lobby, 3)
            assert rig.players.elsewhere() == {world.lobby: 3}
        for _ in range(3):
            world.clock.ahead += NOBODY_AFTER + 1_000
            rig.players.wake()
            await asyncio.sleep(0.1)
            assert world.room.paused is None
        if push is not None:
            await live.switch(world.lobby, admin, push.id, on=False)
        else:
            rig.players.passed_on(world.lobby, 0)

        def asleep() -> bool:
            world.clock.ahead += NOBODY_AFTER
            rig.players.wake()
            return world.room.paused is PauseReason.NOBODY

        await until(asleep, every=0.1)
