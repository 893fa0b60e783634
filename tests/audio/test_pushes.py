"""Pushes of rooms: from a row to a server that hears the tone, over node changes and restarts."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from audio.listeners import NOBODY_AFTER
from audio.push_guard import PushGuard
from audio.pushes import RoomPushes
from core.enums import Meter, PauseReason
from core.errors import UnplayableError, UsedUpError
from core.live import Live
from core.ports.pushes import Push
from core.ports.usage import Nothing
from core.room import Room
from core.types import Actor, Entry, EntryId, PersonId, PlaceId, RoomId
from tests import sound
from tests.audio.rig import Ear, Rig, World, tone
from tests.fakes import track
from tests.waiting import until

KEY = "s3cr3t"


class Names(AbstractResolver):
    """A name server that says what it is told to, and counts."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        if not self.addresses:
            raise OSError("no such host")
        made = [{"hostname": host, "host": it, "port": port, "family": family, "proto": 0, "flags": 0}
                for it in self.addresses]  # fmt: skip
        return cast("list[ResolveResult]", made)

    async def close(self) -> None:
        return


async def address(url: str, *addresses: str, allow: tuple[str, ...] = ()) -> str:
    return (await PushGuard(allow, resolver=Names(*addresses)).addresses(url))[0]


async def test_a_public_server_is_pushed_to_by_the_address_that_was_checked() -> None:
    assert await address("rtmp://live.example/app/k", "2606:4700::1", "93.184.216.34") == "93.184.216.34"
    assert await address("rtmps://live.example:8443/app/k", "93.184.216.34") == "93.184.216.34"
    assert await address("rtmp://nas.lan/app/k", "192.168.0.9", allow=("nas.lan",)) == "192.168.0.9"
    assert await address("rtmp://nas.lan/app/k", "192.168.0.9", allow=("192.168.0.0/24",)) == "192.168.0.9"


@pytest.mark.parametrize(
    ("url", "addresses", "reason"),
    [
        ("file:///etc/passwd", ["93.184.216.34"], "bad_link"),
        ("http://live.example/app/k", ["93.184.216.34"], "bad_link"),
        ("rtmp://live.example:6379/app/k", ["93.184.216.34"], "bad_link"),
        ("rtmp://live.example:22/app/k", ["93.184.216.34"], "bad_link"),
        ("rtmp://live.example/app/k", ["127.0.0.1"], "private_address"),
        ("rtmp://live.example/app/k", ["93.184.216.34", "10.0.0.1"], "private_address"),
        ("rtmp://live.example/app/k", ["::ffff:169.254.169.254"], "private_address"),
        ("rtmp://live.example/app/k", [], "unreachable"),
    ],
)
async def test_others_are_refused(url: str, addresses: list[str], reason: str) -> None:
    with pytest.raises(UnplayableError) as refused:
        await address(url, *addresses)
    assert refused.value.reason == reason


async def test_literal_addresses_are_checked_too() -> None:
    for host in ("127.0.0.1", "[::1]", "10.1.2.3", "localhost"):
        with pytest.raises(UnplayableError) as refused:
            await PushGuard().addresses(f"rtmp://{host}/app/k")
        assert refused.value.reason == "private_address"


def push(number: int = 1) -> Push:
    return Push(f"p{number}", RoomId("r"), "rtmp://live.example/app", f"rtmp://live.example/app/{KEY}{number}")


def a_room() -> Room:
    return Room(RoomId("r"), PlaceId("web:r"), "Room")


async def test_a_name_is_looked_up_once_and_again_only_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    names, woken = Names("93.184.216.34"), list[int]()
    pushes, room = RoomPushes(PushGuard(resolver=names), lambda: woken.append(1), Nothing()), a_room()
    pushes.want([push()])
    assert pushes.taps(room) == ()
    await until(lambda: pushes.taps(room))
    (tap,) = pushes.taps(room)
    assert (tap.url, tap.address, tap.cover) == (push().address, "93.184.216.34", None)
    assert names.asked == 1
    monkeypatch.setattr("audio.push_server.AGAIN", 0.0)
    names.addresses = ["93.184.216.35"]
    pushes.report(tap.id, "live", None)
    assert pushes.states({}) == {"p1": "live"}
    assert names.asked == 1
    pushes.report(tap.id, "failed", "refused")
    assert pushes.states({}) == {"p1": "refused"}
    await until(lambda: pushes.taps(room)[0].address == "93.184.216.35")
    assert pushes.taps(room)[0].id != tap.id, "another address is another push"
    pushes.report(tap.id, "live", None)
    assert pushes.states({}) == {"p1": "connecting"}, "the former one does not count"


async def test_a_private_server_is_never_told_to_a_node_and_plans_bound_them() -> None:
    pushes, room = RoomPushes(PushGuard(resolver=Names("10.0.0.1")), lambda: None, Nothing()), a_room()
    pushes.want([push()])
    pushes.taps(room)
    await until(lambda: pushes.states({}) == {"p1": "private_address"})
    assert pushes.taps(room) == ()
    public = RoomPushes(PushGuard(resolver=Names("93.184.216.34")), lambda: None, Nothing())
    room.limits = replace(room.limits, rtmp=2)
    public.want([push(number) for number in range(4)])
    public.taps(room)
    await until(lambda: len(public.taps(room)) == 2)
    assert KEY not in repr((public.taps(room), public._rows))


async def test_a_push_that_goes_on_is_kept_to_its_address_over_a_restart() -> None:
    names = Names("93.184.216.36", "93.184.216.34", "2606:4700::1", "93.184.216.35")
    before = RoomPushes(PushGuard(resolver=names), lambda: None, Nothing())
    before.want([push()])
    before.taps(a_room())
    await until(lambda: before.taps(a_room()))
    (first,) = before.taps(a_room())
    assert first.address == "93.184.216.34"
    for addresses in (["93.184.216.35", "93.184.216.34"], ["93.184.216.33", "93.184.216.34"]):
        after = RoomPushes(PushGuard(resolver=Names(*addresses)), lambda: None, Nothing())
        after.want([push()])
        after.taps(a_room())
        await until(lambda now=after: now.taps(a_room()))
        assert after.taps(a_room(), {first.id}) == (first,)
    after.report(first.id, "live", None)
    assert after.states({}) == {"p1": "live"}


@pytest.mark.parametrize(("reason", "moves"), [("refused", True), ("timeout", True), ("rejected", False)])
async def test_where_nobody_answers_the_next_address_is_tried(
    monkeypatch: pytest.MonkeyPatch, reason: str, moves: bool
) -> None:
    names, woken = Names("93.184.216.35", "93.184.216.34"), list[int]()
    pushes, room = RoomPushes(PushGuard(resolver=names), lambda: woken.append(1), Nothing()), a_room()
    pushes.want([push()])
    pushes.taps(room)
    await until(lambda: pushes.taps(room))
    tried = list[str]()
    for _ in range(3):
        (tap,) = pushes.taps(room)
        (tap,) = pushes.taps(room, {tap.id})
        tried.append(tap.address)
        asked = names.asked
        pushes.report(tap.id, "failed", reason)
        assert names.asked == asked, "no more than once in half a minute"
        monkeypatch.setattr("audio.push_server.AGAIN", 0.0)
        pushes.report(tap.id, "failed", reason)
        await until(lambda before=asked: names.asked > before)
        monkeypatch.setattr("audio.push_server.AGAIN", 30.0)
        await asyncio.sleep(0)
    assert tried == (["93.184.216.34", "93.184.216.35", "93.184.216.34"] if moves else ["93.184.216.34"] * 3)


async def test_what_a_node_says_before_its_player_was_looked_at_counts() -> None:
    pushes, room = RoomPushes(PushGuard(resolver=Names("93.184.216.34")), lambda: None, Nothing()), a_room()
    pushes.want([push()])
    pushes.taps(room)
    pushes.report("p1-whatever", "live", None)
    assert pushes.states({"p1-whatever": "connecting"}) == {"p1": "live"}


async def test_those_that_a_lowered_plan_has_not_say_so_and_are_no_listeners() -> None:
    pushes, room = RoomPushes(PushGuard(resolver=Names("93.184.216.34")), lambda: None, Nothing()), a_room()
    pushes.want([push(1), push(2)])
    room.limits = replace(room.limits, rtmp=2)
    pushes.taps(room)
    await until(lambda: len(pushes.taps(room)) == 2)
    room.limits = replace(room.limits, rtmp=1)
    assert len(pushes.taps(room)) == 1
    assert pushes.states({}) == {"p1": "connecting", "p2": "over_plan"}
    assert pushes.heard
    room.limits = replace(room.limits, rtmp=0)
    assert pushes.taps(room) == ()
    assert not pushes.heard
    room.limits = replace(room.limits, rtmp=2)
    assert len(pushes.taps(room)) == 2
    assert pushes.states({}) == {"p1": "connecting", "p2": "connecting"}
    assert pushes.heard


class Used:
    """Quotas of which nothing is left while `up`."""

    up = False
    asked = 0

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        self.asked += 1
        if self.up and meter is Meter.PUSHING:
            raise UsedUpError(meter, 0)

    async def spend(self, room: Room, meter: Meter, amount: int, key: str) -> None:
        raise NotImplementedError


async def test_a_room_that_is_pushed_nowhere_asks_for_no_quota() -> None:
    used, room = Used(), a_room()
    pushes = RoomPushes(PushGuard(resolver=Names()), lambda: None, used)
    assert pushes.taps(room) == ()
    assert used.asked == 0
    pushes.want([push()])
    pushes.taps(room)
    assert used.asked == 1
    pushes.stop()


async def test_a_room_that_was_sent_as_long_as_its_plan_has_rests_until_there_is_more() -> None:
    used, room = Used(), a_room()
    pushes = RoomPushes(PushGuard(resolver=Names("93.184.216.34")), lambda: None, used)
    pushes.want([push()])
    await until(lambda: len(pushes.taps(room)) == 1)
    used.up = True
    assert pushes.taps(room) == ()
    assert pushes.states({}) == {"p1": "used_up"}
    assert not pushes.heard, "nobody does"
    used.up = False
    assert len(pushes.taps(room)) == 1
    assert pushes.states({}) == {"p1": "connecting"}
    pushes.stop()


async def test_a_room_that_stopped_is_sent_no_more_until_there_is_music(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.pushes.STILL", 0.1)
    woken, room = asyncio.Event(), a_room()
    pushes = RoomPushes(PushGuard(resolver=Names("93.184.216.34")), woken.set, Nothing())
    pushes.want([push()])
    await until(lambda: len(pushes.taps(room)) == 1)
    woken.clear()
    await asyncio.wait_for(woken.wait(), 5)
    assert pushes.taps(room) == ()
    assert pushes.states({}) == {"p1": "waiting"}
    assert pushes.heard, "whoever waits for music is a listener"
    room.entries[EntryId(1)] = Entry(EntryId(1), track(), PersonId("a"), "A", room.place, 0, 0)
    assert len(pushes.taps(room)) == 1
    assert pushes.states({}) == {"p1": "connecting"}
    pushes.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def receiver(port: int, file: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    options = ["-loglevel", "quiet", "-y", "-listen", "1", "-i", f"rtmp://127.0.0.1:{port}/live/{KEY}"]
    process = await asyncio.create_subprocess_exec("ffmpeg", *options, "-c", "copy", "-flush_packets", "1", str(file))
    yield process
    if process.returncode is None:
        process.terminate()
        await process.wait()


def heard(file: Path) -> list[int]:
    with av.open(str(file)) as container:
        frames = [frame.to_ndarray() for frame in cast("Any", container).decode(audio=0)]
    return [round(one.hz) for one in sound.tones_in(np.concatenate(frames, axis=1).T)]


@pytest.fixture
def live(world: World) -> Live:
    return Live(world.rooms, world.pushes, world.bus, world.clock)


def admin(world: World) -> Actor:
    return replace(world.actor, admin=True)


def state(rig: Rig, world: World) -> Callable[[], bool]:
    return lambda: list(rig.players.pushes(world.lobby).values()) == ["live"]


@pytest.mark.heard
async def test_a_room_is_pushed_from_a_command_on_until_another(world: World, live: Live, tmp_path: Path) -> None:
    port = free_port()
    async with Rig(world) as rig, receiver(port, tmp_path / "out.flv") as ffmpeg:
        await rig.up()
        await world.listen()
        await world.add(tone(440))
        made = await live.push(world.lobby, admin(world), f"rtmp://127.0.0.1:{port}/live/{KEY}", picture=True)
        await until(state(rig, world), within=20)
        async with Ear(rig, world.lobby) as ear:
            await ear.hears(440)
        await asyncio.sleep(1)
        await live.switch(world.lobby, admin(world), made.id, on=False)
        await asyncio.wait_for(ffmpeg.wait(), 10)
        assert rig.players.pushes(world.lobby) == {}
    assert any(abs(hz - 440) < 5 for hz in heard(tmp_path / "out.flv"))


@pytest.mark.heard
async def test_a_push_is_a_listener_and_survives_a_restart_of_the_bot(world: World, live: Live, tmp_path: Path) -> None:
    port = free_port()
    async with receiver(port, tmp_path / "out.flv"):
        one = Rig(world)
        async with one:
            await one.up()
            await world.add(tone(440))
            await live.push(world.lobby, admin(world), f"rtmp://127.0.0.1:{port}/live/{KEY}")
            await until(state(one, world), within=20)
            world.clock.ahead += NOBODY_AFTER + 1000
            one.players.wake()
            await asyncio.sleep(0.5)
            assert world.room.paused is not PauseReason.NOBODY
            await one.crash()
        async with Rig(world) as two:
            await two.up()
            await until(state(two, world), within=20)
            assert _children(world.folder) == 1, "the node goes on with the push that there was"


def _children(folder: Path) -> int:
    """How many pushers the node has."""
    node = json.loads((folder / "data" / "node.json").read_text())["pid"]
    tasks = Path(f"/proc/{node}/task").glob("*/children")
    pids = {pid for task in tasks for pid in task.read_text().split()}
    return sum(b"lavalink.pusher" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


@pytest.mark.heard
async def test_a_push_begins_anew_when_the_node_dies(world: World, live: Live, tmp_path: Path) -> None:
    port = free_port()
    async with Rig(world) as rig:
        await rig.up()
        await world.listen()
        await world.add(tone(440))
        async with receiver(port, tmp_path / "one.flv") as ffmpeg:
            await live.push(world.lobby, admin(world), f"rtmp://127.0.0.1:{port}/live/{KEY}")
            await until(state(rig, world), within=20)
            assert rig.managed is not None
            rig.managed.kill()
            await asyncio.wait_for(ffmpeg.wait(), 20)  # the child goes with its node
        async with receiver(port, tmp_path / "two.flv"):
            await until(state(rig, world), within=40)
            await until(
                lambda: (tmp_path / "two.flv").exists() and (tmp_path / "two.flv").stat().st_size > 40_000, within=20
            )
    assert any(abs(hz - 440) < 5 for hz in heard(tmp_path / "two.flv"))
