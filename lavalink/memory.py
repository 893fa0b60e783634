"""What nothing needs any more: looked for and given back often, so that each time is short."""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable
from functools import partial

ARENA_MAX, ARENAS = -8, 2
"""M_ARENA_MAX of malloc.h: with a heap for each thread, which is glibc's way, busy rooms take twice the memory."""
EVERY = 10.0
"""Seconds between two chores. Python by itself looks once in a minute or more, and for 50 ms no packet leaves; what
players come and go by leaves holes in the heap, which within an hour would be a third of it."""
SHARE = 0.002
"""Of the time that chores may take: with hundreds of players a look is 70 ms, and has to be rare again."""
RAREST = 600.0

_libc = ctypes.CDLL(None)


def share_heaps() -> None:
    """Let threads share heaps. Before they start; where the C library is not glibc nothing happens."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(ARENA_MAX, ARENAS)


async def tidy() -> None:
    """Chores in turns until cancelled; free memory goes back to the system where the C library is glibc.

    While glibc gives back, whoever wants memory has to wait, and the loop is among them: a look just before would make
    packets late.
    """
    trim: Callable[[int], int] | None = getattr(_libc, "malloc_trim", None)
    took = 0.0
    while True:
        await _rest(took)
        took = _timed(gc.collect)
        if trim is not None:
            await _rest(took)
            took = await asyncio.to_thread(_timed, partial(trim, 0))


async def _rest(took: float) -> None:
    await asyncio.sleep(min(max(EVERY, took / SHARE), RAREST))


def _timed(work: Callable[[], object]) -> float:
    """The seconds that it takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
