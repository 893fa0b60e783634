"""Waiting on conditions, never on time."""

import asyncio
import inspect
import os
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], *, within: float = 10, every: float = 0.02, what: str = ""
) -> T:
    """The first truthy value of `condition` (sync or async); AssertionError after `within` seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        found = condition()
        value = cast("T", await found if inspect.isawaitable(found) else found)
        if value:
            return value
        if loop.time() > end:
            raise AssertionError(f"not within {within} s: {what or condition}")
        await asyncio.sleep(every)


def crowding() -> float:
    """How many processes want each core of this machine, at least 1: so many times as long may things take."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
