"""From exec to /readyz, the built-in node included: a first start on an empty data folder, and another one."""

import asyncio
import time
from statistics import median
from typing import Any

from bench.figures import judged
from bench.product import database, scratch
from tests.e2e.product import Product
from tests.waiting import until

RUNS = 5


async def run() -> dict[str, Any]:
    """Medians of five, on SQLite as it is started by default and on PostgreSQL."""
    sqlite = [await both() for _ in range(RUNS)]
    postgres: list[tuple[float, float]] = []
    for _ in range(RUNS):
        with database() as env:
            postgres.append(await both(env))
    return {
        "first_s": judged(median(one[0] for one in sqlite), 3),
        "again_s": judged(median(one[1] for one in sqlite), 3),
        "first_postgres_s": judged(median(one[0] for one in postgres), 3),
        "again_postgres_s": judged(median(one[1] for one in postgres), 3),
    }


async def both(env: dict[str, str] | None = None) -> tuple[float, float]:
    """Seconds of a first and of a second start."""
    with scratch() as folder:
        product = Product(folder / "data", env)
        return await timed(product), await timed(product)


async def timed(product: Product) -> float:
    """Seconds from exec to ready; then it is stopped."""
    begun = time.monotonic()
    try:
        await product.start(ready=False)
        await until(product.is_ready, within=20, every=0.01, what="/readyz")
        taken = time.monotonic() - begun
        await asyncio.sleep(0.3)
        return taken
    finally:
        await product.stop()
