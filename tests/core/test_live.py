"""Pushes: admins alone, addresses that can be pushed to, as many as the plan has."""

from dataclasses import dataclass, replace

import pytest

from core.bus import LocalBus
from core.enums import Surface
from core.errors import BadAddressError, ForbiddenError, NoSuchPushError, NoSuchRoomError, NotInPlanError
from core.events import Event, PushesChanged
from core.live import Live, server_of
from core.types import Actor, PersonId, PlaceId
from tests.core.conftest import GUILD, ROOM, World
from tests.fake_pushes import FakePushes
from tests.waiting import until

ADDRESS = "rtmps://live.example/app/s3cr3t"


@dataclass
class Stage:
    """A room that can be pushed, and its admin."""

    world: World
    pushes: FakePushes
    live: Live
    admin: Actor
    events: list[Event]


@pytest.fixture
async def stage() -> Stage:
    world, pushes, bus, events = World(GUILD), FakePushes(), LocalBus(), list[Event]()
    bus.subscribe(events.append)
    return Stage(world, pushes, Live(world.rooms, pushes, bus, world.clock), world.member("Ann", admin=True), events)


async def test_an_admin_pushes_stops_and_forgets(stage: Stage) -> None:
    made = await stage.live.push(ROOM, stage.admin, ADDRESS, picture=True)
    assert (made.server, made.on, made.picture) == ("rtmps://live.example/app", True, True)
    again = await stage.live.push(ROOM, stage.admin, f" {ADDRESS} ")
    assert again.id == made.id
    assert [it.id for it in await stage.live.pushes(ROOM, stage.admin)] == [made.id]
    assert (await stage.live.switch(ROOM, stage.admin, made.id, on=False)).changed
    assert not (await stage.live.switch(ROOM, stage.admin, made.id, on=False)).changed
    await stage.live.forget(ROOM, stage.admin, made.id)
    assert not await stage.live.pushes(ROOM, stage.admin)
    await until(lambda: len(stage.events) == 4)
    assert all(event == PushesChanged(room=ROOM) for event in stage.events)
    assert [audit.action for audit in stage.pushes.audits] == ["push.added"] * 2 + ["push.switched", "push.removed"]


async def test_nothing_that_is_shown_or_written_down_holds_the_key(stage: Stage) -> None:
    made = await stage.live.push(ROOM, stage.admin, ADDRESS)
    assert "s3cr3t" not in repr((made, made.server, stage.pushes.audits, stage.events))
    with pytest.raises(BadAddressError) as refused:
        await stage.live.push(ROOM, stage.admin, "file:///s3cr3t/a/b")
    assert "s3cr3t" not in repr(refused.value)


async def test_others_may_not_even_look(stage: Stage) -> None:
    made = await stage.live.push(ROOM, stage.admin, ADDRESS)
    dj = stage.world.member("Ben", dj=True)
    stranger = Actor(PersonId("Cyd"), "Cyd", PlaceId("discord:2"), Surface.DISCORD, admin=True)
    for actor, error in ((dj, ForbiddenError), (stranger, NoSuchRoomError)):
        for command in (
            stage.live.pushes(ROOM, actor),
            stage.live.push(ROOM, actor, ADDRESS),
            stage.live.switch(ROOM, actor, made.id, on=False),
            stage.live.forget(ROOM, actor, made.id),
        ):
            with pytest.raises(error):
                await command
    assert [it.on for it in await stage.live.pushes(ROOM, stage.admin)] == [True]


async def test_a_plan_has_room_for_some(stage: Stage) -> None:
    stage.world.room.limits = replace(stage.world.room.limits, rtmp=1)
    await stage.live.push(ROOM, stage.admin, ADDRESS)
    with pytest.raises(NotInPlanError):
        await stage.live.push(ROOM, stage.admin, f"{ADDRESS}2")
    stage.world.room.limits = replace(stage.world.room.limits, rtmp=0)
    with pytest.raises(NotInPlanError):
        await stage.live.push(ROOM, stage.admin, f"{ADDRESS}2")


async def test_an_unknown_push_is_told(stage: Stage) -> None:
    with pytest.raises(NoSuchPushError):
        await stage.live.switch(ROOM, stage.admin, "p", on=True)
    with pytest.raises(NoSuchPushError):
        await stage.live.forget(ROOM, stage.admin, "p")


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("rtmp://a.example/live2/key", "rtmp://a.example/live2"),
        ("rtmps://a.example:443/app/instance/key?x=1/2", "rtmps://a.example:443/app/instance"),
        ("rtmp://[2001:db8::1]:1935/s/key", "rtmp://[2001:db8::1]:1935/s"),
    ],
)
def test_the_key_is_what_follows_the_last_slash(address: str, server: str) -> None:
    assert server_of(address) == server


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("file:///etc/passwd", "scheme"),
        ("https://a.example/live/key", "scheme"),
        ("rtmpt://a.example/live/key", "scheme"),
        ("a.example/live/key", "scheme"),
        ("rtmp://a.example/key", "form"),
        ("rtmp://a.example/live/", "form"),
        ("rtmp:///live/key", "form"),
        ("rtmp://me:pw@a.example/live/key", "form"),
        ("rtmp://a.example:x/live/key", "form"),
        ("rtmp://a.example/live/key -f null", "form"),
        ("rtmp://a.example/live/k\x00y", "form"),
        ("rtmp://a.example/live/" + "k" * 3000, "form"),
    ],
)
def test_other_addresses_are_refused(address: str, reason: str) -> None:
    with pytest.raises(BadAddressError) as refused:
        server_of(address)
    assert refused.value.reason == reason
