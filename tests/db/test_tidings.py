"""Entitlements told by a real Redis: it goes away, comes back empty, and is shared (12 of the fault table)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from core.records.grants import Entitlement, Span
from core.types import PlaceId
from db.tidings import RedisTidings
from tests.db.redis_server import RedisServer
from tests.waiting import until

PLACE = PlaceId("discord:7")
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def entitled(version: int, plan: str = "pro", place: PlaceId = PLACE) -> Entitlement:
    return Entitlement(place, version, (Span(plan, 5, 10), Span("elite", 10)))


class Process:
    """One that listens, and what it heard."""

    def __init__(self, url: str, key: bytes = KEY) -> None:
        self.tidings = RedisTidings(url, key)
        self.heard: list[Entitlement | None] = []

    def note(self, news: Any) -> None:
        self.heard += [*news] or [None]

    async def follow(self, stack: AsyncExitStack) -> "Process":
        task = asyncio.create_task(self.tidings.follow(self.note))

        async def stop() -> None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        stack.push_async_callback(stop)
        return self

    async def listening(self) -> "Process":
        await until(lambda: None in self.heard, what="it listens")
        self.heard.clear()
        return self


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = await RedisServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Any]:
    client = cast("Any", Redis.from_url(server.url, decode_responses=True))  # pyright: ignore[reportUnknownMemberType]
    async with client:
        yield client


async def pair(server: RedisServer, stack: AsyncExitStack) -> tuple[Process, Process]:
    one, other = [await Process(server.url).follow(stack) for _ in range(2)]
    return await one.listening(), await other.listening()


async def test_others_hear_it_whole_and_once(server: RedisServer, stack: AsyncExitStack) -> None:
    one, other = await pair(server, stack)
    news = [entitled(1), entitled(2, place=PlaceId("telegram:-5"))]
    one.tidings.tell(news)
    await until(lambda: len(other.heard) == 2)
    assert other.heard == news
    other.tidings.tell(news)  # every process that finds it in the store does
    one.tidings.tell([last := entitled(3)])
    await until(lambda: last in other.heard)
    assert other.heard == [*news, last]


async def test_who_is_late_replaces_nothing_newer(server: RedisServer, redis: Any, stack: AsyncExitStack) -> None:  # 12
    one, other = await pair(server, stack)
    one.tidings.tell([new := entitled(5, "elite")])
    await until(lambda: new in other.heard)
    one.tidings.tell([entitled(4, "free"), last := entitled(6, place=PlaceId("web:x"))])
    await until(lambda: last in other.heard)
    assert other.heard == [new, last]
    (kept,) = [await redis.get(key) for key in await redis.keys("chorus:plans:*discord:7")]
    assert kept.startswith("5 ")
    assert 0 < await redis.ttl((await redis.keys("chorus:plans:*discord:7"))[0]) <= 300


async def test_what_is_not_what_was_told_is_asked_of_the_store(
    server: RedisServer, redis: Any, stack: AsyncExitStack
) -> None:
    one, other = await pair(server, stack)
    news = [entitled(5), entitled(9, place=PlaceId("web:else")), entitled(9, "pro")]
    kept: list[str] = []
    for told in news:
        one.tidings.tell([told])
        await until(lambda told=told: told in other.heard)
        (at,) = await redis.keys(f"chorus:plans:*:{told.place}")
        kept.append(await redis.get(at))
    (key,) = await redis.keys(f"chorus:plans:*:{PLACE}")
    channel, (old, elsewhere, good) = key.removesuffix(f":{PLACE}"), kept
    bad = {
        "another version": old,
        "nothing": None,
        "altered": good.replace("elite", "elitf"),
        "another place's": elsewhere,
        "nonsense": "9",
        "not ours": "9 " + "0" * 64 + ' {"place": "discord:7"}',
    }
    for what, value in bad.items():
        other.heard.clear()
        await (redis.set(key, value) if value else redis.delete(key))
        await redis.publish(channel, "9 discord:7")
        await until(lambda: other.heard, what=what)
        assert other.heard == [None], what
    await redis.set(key, good)
    await redis.publish(channel, "9 discord:7")
    await until(lambda: news[-1] in other.heard)


async def test_another_installation_is_not_heard(server: RedisServer, stack: AsyncExitStack) -> None:
    one, other = await pair(server, stack)
    stranger = await (await Process(server.url, OTHER_KEY).follow(stack)).listening()
    stranger.tidings.tell([entitled(99, "elite")])
    one.tidings.tell([ours := entitled(1)])
    await until(lambda: ours in other.heard)
    assert other.heard == [ours]
    await until(lambda: stranger.heard)
    assert stranger.heard == [entitled(99, "elite")]


async def test_after_redis_was_away_the_store_is_looked_at(
    server: RedisServer, stack: AsyncExitStack, capsys: pytest.CaptureFixture[str]
) -> None:  # 12
    one, other = await pair(server, stack)
    server.kill()
    await until(lambda: "redis away" in capsys.readouterr().out)
    one.tidings.tell([entitled(1)])
    await server.start()
    await one.listening()
    await other.listening()
    one.tidings.tell([late := entitled(2)])
    await until(lambda: late in other.heard)
