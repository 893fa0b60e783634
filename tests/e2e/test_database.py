"""PostgreSQL is killed under a running product, which says so, plays on, and is there again with it."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.db.own_postgres import OwnPostgres
from tests.e2e.product import Product
from tests.e2e.visitor import Visitor, session
from tests.e2e.world import write_tones
from tests.waiting import until

RECOVERY = 5.0


@pytest.mark.timeout(120)
async def test_a_killed_server_is_missed_and_nothing_is_lost(tmp_path: Path) -> None:
    server = await asyncio.to_thread(lambda: OwnPostgres().start())
    (tmp_path / "music").mkdir()
    music = write_tones(tmp_path / "music")
    product = Product(tmp_path / "data", {"DATABASE_URL": server.url, "LIBRARY_PATHS": str(music)})
    try:
        await product.start()
        await kill_and_return(product, server)
        assert await product.stop() == 0
    finally:
        await product.stop()
        await asyncio.to_thread(server.remove)


async def kill_and_return(product: Product, server: OwnPostgres) -> None:
    async with session() as cookies:
        visitor = Visitor(product, cookies)
        await visitor.open()
        await visitor.add("Long")
        await asyncio.to_thread(server.kill)
        assert await visitor.post("Long") == 503
        assert not await product.is_ready()
        await asyncio.to_thread(server.start)
        back = time.monotonic()
        await until(product.is_ready, within=RECOVERY, what="/readyz")
        await until(lambda: visitor.succeeds("Long"), within=RECOVERY)
        assert time.monotonic() - back < RECOVERY
        page = await visitor.open()
        assert page.count("Long") >= 2, "what was answered before, and what was answered afterwards"
        await visitor.stop()
