"""The plan's places for listeners: who is inside stays, who comes too late is told, all processes count as one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.enums import Meter
from core.errors import UsedUpError
from core.ports.usage import Nothing
from core.room import Room
from core.types import LOBBY, RoomId
from tests.db.redis_server import RedisServer
from tests.fakes import FakeClock
from tests.waiting import free_port, until
from tests.web.conftest import Browser
from tests.web.harness import Site, make_site
from web.turnstile import StreamFullError, Turnstile


async def enter(turnstile: Turnstile, stack: AsyncExitStack, limit: int = 2, room: RoomId = LOBBY) -> None:
    await stack.enter_async_context(turnstile.inside(room, limit))


async def limited(site: Site, listeners: int) -> None:
    room = await site.rooms.read(site.lobby.room)
    room.limits = replace(room.limits, listeners=listeners)


async def test_who_listens_goes_on_and_who_comes_when_it_is_full_is_told(site: Site, browsers: list[Browser]) -> None:
    one, other = browsers
    await limited(site, 1)
    sound = await one.client.get("/r/lobby/stream.ogg")
    await sound.content.readany()
    for kind in ("ogg", "mp3"):
        refused = await other.client.get(f"/r/lobby/stream.{kind}", headers={"HX-Request": "true"})
        assert refused.status == 403
        assert "1 listen already, as many as this room’s plan has places for." in await refused.text()
    refused = await other.client.get("/r/lobby/stream.ogg", headers={"Accept-Language": "es"})
    assert "Ya escuchan 1" in await refused.text()
    assert await sound.content.readany(), "who was inside hears on"
    sound.close()

    async def heard() -> bool:
        return (await other.client.get("/r/lobby/stream.ogg")).status == 200

    await until(heard)


class UsedUp(Nothing):
    """Nobody new may listen."""

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        raise UsedUpError(meter, 0)


async def test_where_the_minutes_are_used_up_nobody_new_hears(tmp_path: Path) -> None:
    site = await make_site(tmp_path, clock=FakeClock(), quotas=UsedUp(), hls=True)
    async with TestClient(TestServer(site.app)) as client:
        for path in ("stream.ogg", "live.m3u8"):
            refused = await client.get(f"/r/lobby/{path}")
            assert refused.status == 403
            assert "heard here for as long as its plan has" in await refused.text()
        assert (await client.get("/r/lobby")).status == 200


async def test_a_lower_plan_sends_nobody_away(site: Site, browsers: list[Browser]) -> None:
    sounds = [await it.client.get("/r/lobby/stream.ogg") for it in browsers]
    await limited(site, 1)
    assert [it.status for it in sounds] == [200, 200]
    assert (await browsers[0].client.get("/r/lobby/stream.ogg")).status == 403
    assert [bool(await it.content.readany()) for it in sounds] == [True, True]


async def test_who_looks_at_the_list_of_segments_is_counted_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.hls.FIRST_WAIT", 0.1)  # this stream is too short for a segment
    site = await make_site(tmp_path, clock=FakeClock(), hls=True)
    await limited(site, 1)
    async with TestClient(TestServer(site.app)) as client:
        sound = await client.get("/r/lobby/stream.ogg")
        refused = await client.get("/r/lobby/live.m3u8")
        assert (refused.status, sound.status) == (403, 200)
        sound.close()

        async def listed() -> bool:
            return (await client.get("/r/lobby/live.m3u8")).status != 403

        await until(listed)
        assert (await client.get("/r/lobby/stream.ogg")).status == 403
        assert (await client.get("/r/lobby/live.m3u8")).status != 403, "the same person looks again"


async def test_a_thousand_at_once_fill_the_last_place_once() -> None:
    turnstile = Turnstile()

    async def come(stack: AsyncExitStack) -> bool:
        try:
            await enter(turnstile, stack, 10)
        except StreamFullError:
            return False
        return True

    async with AsyncExitStack() as stack:
        for _ in range(9):
            await enter(turnstile, stack, 10)
        let_in = sum(await asyncio.gather(*(come(stack) for _ in range(1_000))))
        assert let_in == 1
        await enter(turnstile, stack, 1, RoomId("other"))
    async with AsyncExitStack() as stack:
        assert sum(await asyncio.gather(*(come(stack) for _ in range(20)))) == 10, "all places are free again"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = await RedisServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
async def processes(redis: RedisServer) -> AsyncIterator[list[Turnstile]]:
    both = [Turnstile(redis.url, renewed=0.05) for _ in range(2)]
    yield both
    for each in both:
        await each.close()


async def test_two_processes_count_together(processes: list[Turnstile]) -> None:
    one, other = processes
    async with AsyncExitStack() as inside:
        async with AsyncExitStack() as leaves:
            await enter(one, inside)
            await enter(other, leaves)
            with pytest.raises(StreamFullError):
                await enter(one, inside)
        await enter(one, inside)
        with pytest.raises(StreamFullError):
            await enter(other, inside)


async def test_a_redis_that_forgot_learns_again_who_is_here(processes: list[Turnstile], redis: RedisServer) -> None:
    one, other = processes
    async with AsyncExitStack() as inside, AsyncExitStack() as more:
        await enter(one, inside)
        redis.kill()
        await enter(other, inside)
        await enter(other, more)
        with pytest.raises(StreamFullError):
            await enter(other, more)  # it knows of its own at least
        await more.aclose()
        await redis.start()

        async def full() -> bool:
            try:
                async with other.inside(LOBBY, 2):
                    return False
            except StreamFullError:
                return True

        await until(full)


async def test_nobody_is_refused_because_redis_is_away() -> None:
    turnstile = Turnstile(f"redis://127.0.0.1:{free_port()}")
    async with AsyncExitStack() as stack:
        await enter(turnstile, stack)
    await turnstile.close()
