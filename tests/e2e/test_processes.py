"""Two products on one PostgreSQL and one Redis: what is done in one is seen in the other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.db.redis_server import RedisServer
from tests.e2e.product import Product
from tests.e2e.visitor import Visitor, session
from tests.e2e.world import write_tones
from tests.waiting import until

AT_ONCE = 1.0
"""Seconds; far above the figure to reach, because two whole products start up beside this. (See tests/db for it.)"""


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = await RedisServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
async def pair(tmp_path: Path, postgres_url: str, redis: RedisServer) -> AsyncIterator[tuple[Product, Product]]:
    (tmp_path / "music").mkdir()
    music = write_tones(tmp_path / "music")
    env = {"DATABASE_URL": postgres_url, "REDIS_URL": redis.url, "LIBRARY_PATHS": str(music)}
    one, other = [Product(tmp_path / name, env) for name in ("one", "other")]
    await one.start()
    await other.start()
    yield one, other
    await asyncio.gather(one.stop(), other.stop())


@pytest.mark.timeout(120)
async def test_what_is_queued_in_one_process_is_seen_on_the_page_of_the_other(
    pair: tuple[Product, Product], redis: RedisServer
) -> None:
    one, other = pair
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(session()) for _ in pair]
        here, there = Visitor(one, sessions[0]), Visitor(other, sessions[1])
        for visitor in (here, there):
            await visitor.open()
            await until(lambda visitor=visitor: visitor.seen)
        for first, second in ((here, there), (there, here)):
            second.seen = ""
            await first.add("Long")
            added = time.monotonic()
            await second.sees("Long")
            assert time.monotonic() - added < AT_ONCE
        redis.kill()
        there.seen = ""
        await here.add("Long")
        await there.sees("Long")
        for visitor in (here, there):
            await visitor.stop()
    assert not one.logs(level="error")
    assert not other.logs(level="error")
