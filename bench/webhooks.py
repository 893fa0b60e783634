"""Signed webhooks accepted over HTTP and kept on PostgreSQL with real fsync, one in ten a repeat. Bar: 500/s.

Whoever posts them is in the same process, so the product alone is faster than that.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import stripe
from aiohttp import web
from sqlalchemy import func, select

from bench.commits import commits_per_second
from bench.figures import judged, settle, spread
from billing.webhooks import webhook_app
from core.records.payments import InboxStatus
from db.engine import Database
from db.migrate import migrate
from db.models import inbox
from db.payments_books import SqlBooks
from db.payments_inbox import SqlInbox
from tests.fakes import FakeClock
from tests.servers import Postgres

RUNS = 5
EVENTS = 2_000
REPEATED = 0.1
CUSTOMERS = 200
CONNECTIONS = 32
SECRET = "whsec_bench"
BAR = 500.0


@dataclass(frozen=True)
class Taken:
    """One run: webhooks/s, CPU seconds of both ends for one, and how long each was under way."""

    rate: float
    busy: float
    answered: Sequence[float]


async def run() -> dict[str, Any]:
    """Webhooks/s (the median of five runs), how long each took, the CPU of both ends; commits/s of the same disk."""
    server = Postgres(uuid4().hex[:12])
    try:
        url = server.create()
        floor = await commits_per_second(url)
        runs = [await _run(url, number) for number in range(RUNS)]
    finally:
        server.stop()
    return {
        "accepted_per_s": judged(median(one.rate for one in runs), BAR, least=True),
        "answered": spread([took for one in runs for took in one.answered]),
        "cpu_ms": round(median(one.busy for one in runs) * 1000, 3),
        "commits": floor,
    }


async def _run(url: str, number: int) -> Taken:
    database = Database(url)
    requests = _requests(number)
    taken: list[float] = []
    try:
        await migrate(database)
        async with _serving(database) as port:
            settle()
            begun, busy = time.perf_counter(), time.process_time()
            shares = [requests[offset::CONNECTIONS] for offset in range(CONNECTIONS)]
            await asyncio.gather(*(_post(port, share, taken) for share in shares))
            seconds, busy = time.perf_counter() - begun, time.process_time() - busy
        await _check(database, number)
    finally:
        await database.close()
    return Taken(len(requests) / seconds, busy / len(requests), taken)


def _requests(number: int) -> list[bytes]:
    """Whole requests, signed before the clock runs; repeats come anywhere after the first."""
    chance = random.Random(number)
    once = [_request(f"evt_{number}_{event}", f"cus_{chance.randrange(CUSTOMERS)}") for event in range(EVENTS)]
    repeats = chance.sample(once, int(EVENTS * REPEATED))
    mixed = once + repeats
    chance.shuffle(mixed)
    return mixed


def _request(event: str, customer: str) -> bytes:
    thing = {"id": f"sub_{customer}", "object": "subscription", "customer": customer, "padding": "x" * 3000}
    body = json.dumps({
        "id": event, "object": "event", "api_version": stripe.api_version, "created": int(time.time()),
        "data": {"object": thing}, "livemode": False, "type": "customer.subscription.updated",
    })  # fmt: skip
    signed = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    head = f"POST /webhooks/stripe HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\nStripe-Signature: {signed}"
    return f"{head}\r\n\r\n{body}".encode()


async def _post(port: int, requests: Sequence[bytes], taken: list[float]) -> None:
    """One after another on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        taken.append(time.perf_counter() - begun)
        assert head.startswith(b"HTTP/1.1 200"), head
        assert b"Content-Length: 0" in head, head
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def _serving(database: Database) -> AsyncGenerator[int]:
    app = web.Application()
    hook = webhook_app(
        SqlInbox(database, FakeClock()), secrets=[SECRET], livemode=False, api_version=stripe.api_version
    )
    app.add_subapp("/webhooks/stripe", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _check(database: Database, number: int) -> None:
    """Each is kept once."""
    mine = inbox.c.event.like(f"evt_{number}_%") & (inbox.c.status == InboxStatus.PENDING.value)
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(inbox).where(mine)) == EVENTS
    assert (await SqlBooks(database).backlog()).dirty == CUSTOMERS
