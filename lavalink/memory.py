"""What nothing needs any more: looked for and given back often, so that each time is short."""

import asyncio
import ctypes
import gc
import time

ARENA_MAX, ARENAS = -8, 2
"""M_ARENA_MAX of malloc.h: with a heap for each thread, which is glibc's way, busy rooms take twice the memory."""
EVERY = 10.0
"""Seconds between two rounds. Python by itself looks once in a minute or more, and for 50 ms no packet leaves; what
players come and go by leaves holes in the heap, which within an hour would be a third of it."""
SHARE = 0.001
"""Of the time that a round may take: with hundreds of players one is 70 ms, and has to be rare again."""

_libc = ctypes.CDLL(None)


def share_heaps() -> None:
    """Let threads share heaps. Before they start; where the C library is not glibc nothing happens."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(ARENA_MAX, ARENAS)


async def tidy() -> None:
    """Rounds until cancelled; free memory goes back to the system where the C library is glibc.

    While glibc gives back, whoever wants memory has to wait, and the loop is among them.
    """
    trim = getattr(_libc, "malloc_trim", None)
    took = 0.0
    while True:
        await asyncio.sleep(max(EVERY, took / SHARE))
        begun = time.monotonic()
        gc.collect()
        if trim is not None:
            await asyncio.to_thread(trim, 0)
        took = time.monotonic() - begun
