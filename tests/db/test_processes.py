"""Two real processes on one database: what one writes, the other sees soon, with Redis and without."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import pytest

from core.bus import LocalBus
from core.errors import StoreUnavailableError
from core.types import LOBBY, CommandId
from db.engine import Database
from db.migrate import migrate
from db.places import SqlPlaces
from db.redis_bus import RedisBus
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, queue
from tests.db.redis_server import RedisServer
from tests.db.victim import ask
from tests.waiting import until

AT_ONCE = 0.1
"""Seconds after the commit, with Redis; the median, because this machine may be busy."""
BY_POLLING = 2.0


class Neighbour:
    """The other process, and what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[dict[str, Any]] = []
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self.said.append(json.loads(line))

    async def heard(self, version: int) -> float:
        """When it heard of a version (monotonic seconds, which are the same in all processes)."""
        found = await until(lambda: [it["at"] for it in self.said if "event" in it and it["version"] >= version])
        return found[0]

    async def write(self) -> tuple[int, float]:
        """Let it queue something: the version, and when that was committed."""
        assert self._process.stdin
        before = len(self.said)
        self._process.stdin.write(b"\n")
        done = await until(lambda: [it for it in self.said[before:] if "wrote" in it])
        return done[0]["wrote"], done[0]["at"]

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._listening


class House:
    """This process and its neighbour."""

    def __init__(self, url: str, redis_url: str | None) -> None:
        self._stream = uuid4().hex
        self._arguments = (url, redis_url, self._stream) if redis_url else (url,)
        self._redis = RedisBus(redis_url, stream=self._stream) if redis_url else None
        self._bus = self._redis or LocalBus()
        self._database = Database(url)
        self.rooms = SqlRooms(self._database, self._bus, MovedClock())
        self.heard: list[tuple[int, float]] = []
        self._bus.subscribe(lambda it: self.heard.append((it.version, time.monotonic())))
        self._tasks: list[asyncio.Task[None]] = []
        self.neighbour: Neighbour

    async def open(self) -> None:
        await migrate(self._database)
        await SqlPlaces(self._database, MovedClock()).lobby()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.db.neighbour", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.neighbour = Neighbour(process)
        self._tasks.append(asyncio.create_task(self.rooms.attend()))
        if self._redis:
            self._tasks.append(asyncio.create_task(self._redis.follow(self.rooms.notice)))
        await until(lambda: {"ready": True} in self.neighbour.said)
        await self.delays(2)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.neighbour.stop()
        await self.rooms.close()
        await self._database.close()

    async def delays(self, times: int) -> list[float]:
        """How long each side waited to hear of what the other had committed."""
        delays: list[float] = []
        for _ in range(times):
            await ask(self.rooms, queue("from here"), CommandId(uuid4().hex))
            committed = time.monotonic()
            version = (await self.rooms.read(LOBBY)).version
            delays.append(await self.neighbour.heard(version) - committed)
            version, committed = await self.neighbour.write()
            delays.append(await self._hear(version) - committed)
        return delays

    async def _hear(self, version: int) -> float:
        found = await until(lambda: [at for seen, at in self.heard if seen >= version])
        return found[0]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = await RedisServer(tmp_path).start()
    yield server
    server.kill()


async def test_with_redis_the_other_process_sees_a_change_at_once(database_url: str, redis: RedisServer) -> None:
    house = House(database_url, redis.url)
    await house.open()
    try:
        assert median(await house.delays(10)) < AT_ONCE
    finally:
        await house.close()


async def test_without_redis_the_other_process_sees_it_by_looking(database_url: str) -> None:
    house = House(database_url, None)
    await house.open()
    try:
        assert max(await house.delays(3)) < BY_POLLING
    finally:
        await house.close()


async def test_while_redis_is_away_the_other_process_sees_it_by_looking(postgres_url: str, redis: RedisServer) -> None:
    house = House(postgres_url, redis.url)
    await house.open()
    try:
        redis.kill()
        assert max(await house.delays(2)) < BY_POLLING
        await redis.start()
        await until(lambda: _soon(house), within=15, what="news come at once again")
    finally:
        await house.close()


async def _soon(house: House) -> bool:
    try:
        return max(await house.delays(3)) < AT_ONCE
    except StoreUnavailableError:
        return False
