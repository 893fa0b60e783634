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
    runs = [await starts() for _ in range(RUNS)]
    return {name: judged(median(one[name] for one in runs), 3) for name in runs[0]}


async def starts() -> dict[str, float]:
    """Seconds of a first and of a second start, and of a first one on PostgreSQL."""
    with scratch() as folder, database() as env:
        product = Product(folder / "data")
        return {
            "first_s": await timed(product),
            "again_s": await timed(product),
            "first_postgres_s": await timed(Product(folder / "other", env)),
        }


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
