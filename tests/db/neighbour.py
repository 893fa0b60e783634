"""Another process on the same database: `python -m tests.db.neighbour URL [REDIS_URL STREAM]`.

Says one JSON line for each event it hears; a line on its standard input makes it queue something.
"""

import asyncio
import json
import sys
import time
from typing import Any
from uuid import uuid4

import structlog

from core.bus import LocalBus
from core.types import LOBBY, CommandId
from db.engine import Database
from db.redis_bus import RedisBus
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, queue
from tests.db.victim import ask


def say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main(url: str, redis_url: str = "", stream: str = "") -> None:
    redis = RedisBus(redis_url, stream=stream) if redis_url else None
    bus = redis or LocalBus()
    rooms = SqlRooms(Database(url), bus, MovedClock())
    bus.subscribe(lambda it: say(event=it.name, version=it.version, at=time.monotonic()))
    tasks = [asyncio.create_task(rooms.attend())]
    if redis:
        tasks.append(asyncio.create_task(redis.follow(rooms.notice)))
    await rooms.read(LOBBY)
    say(ready=True)
    while await asyncio.to_thread(sys.stdin.readline):
        await ask(rooms, queue("from next door"), CommandId(uuid4().hex))
        say(wrote=(await rooms.read(LOBBY)).version, at=time.monotonic())
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(*sys.argv[1:]))
