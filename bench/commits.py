"""What the database does by itself: one row, one commit, through the bare driver. The floor beside every figure."""

import asyncio
import time

import asyncpg
from sqlalchemy import make_url

SECONDS = 1.0
TOGETHER = 4
"""Connections at a time: as many as the store writes with."""


async def commits_per_second(url: str) -> dict[str, float]:
    """Commits/s of one connection and of several, on PostgreSQL with its settings as they are."""
    connections = [await _connect(url) for _ in range(TOGETHER)]
    try:
        await connections[0].execute("CREATE TABLE IF NOT EXISTS bench_commits (number bigint)")
        alone = await _count(connections[:1])
        together = await _count(connections)
        await connections[0].execute("DROP TABLE bench_commits")
    finally:
        for connection in connections:
            await connection.close()
    return {"one_connection": round(alone), f"{TOGETHER}_connections": round(together)}


async def _connect(url: str) -> asyncpg.Connection:
    parsed = make_url(url)
    host = parsed.query.get("host") or parsed.host
    return await asyncpg.connect(user=parsed.username, database=parsed.database, host=str(host), port=parsed.port)


async def _count(connections: list[asyncpg.Connection]) -> float:
    begun = time.perf_counter()
    counts = await asyncio.gather(*(_insert(connection, begun + SECONDS) for connection in connections))
    return sum(counts) / (time.perf_counter() - begun)


async def _insert(connection: asyncpg.Connection, end: float) -> int:
    count = 0
    while time.perf_counter() < end:
        await connection.execute("INSERT INTO bench_commits VALUES ($1)", count)
        count += 1
    return count
