"""A gift lifts a limit in the running product, its end brings the limit back, and nothing is lost."""

import asyncio
import sys
import time
from pathlib import Path

from sqlalchemy import func, select

from db.engine import Database
from db.models import entries
from tests.e2e.product import ROOT, Product
from tests.e2e.visitor import Visitor, session
from tests.waiting import until

OK, FULL = 200, 409


async def billing(product: Product, *words: str) -> None:
    """As the operator types it beside the running bot."""
    command = [sys.executable, "-m", "bot", "billing", *words]
    env = {"PATH": "/usr/bin:/bin", "DATA_DIR": str(product.data)}
    running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env)
    assert await running.wait() == 0


async def waiting(product: Product) -> int:
    """How many entries the Lobby has."""
    database = Database(f"sqlite:///{product.data}/chorus.db")
    async with database.read() as connection:
        count = await connection.scalar(select(func.count()).select_from(entries))
    await database.close()
    return count or 0


async def test_a_gift_lifts_the_limit_at_once_and_its_end_loses_nothing(tmp_path: Path) -> None:
    product = Product(tmp_path / "data", env={"DEFAULT_PLAN": "free"})
    await product.start()
    async with session() as browser:
        visitor = Visitor(product, browser)
        try:
            await visitor.open()
            await until(lambda: visitor.succeeds("a"), within=30, every=0.5, what="a track")  # posts are counted
            while (status := await visitor.post("a")) == OK:
                pass
            had = await waiting(product)
            assert (status, had) == (FULL, 10 + 1), "ten wait and one plays"
            await billing(product, "gift", "web:lobby", "pro")
            given = time.monotonic()
            await until(lambda: visitor.succeeds("a"), within=5, every=0.2, what="the limit is gone")
            assert time.monotonic() - given < 1
            await billing(product, "revoke", "1")
            await asyncio.sleep(1)  # by then it has to be known
            assert await visitor.post("a") == FULL
            assert await waiting(product) == had + 1, "what was added stays"
        finally:
            await visitor.stop()
            await product.stop()
