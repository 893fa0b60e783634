"""What nothing needs any more: looked for often, so that each look is short, and given back while nobody plays."""

import asyncio
import ctypes
import gc
from collections.abc import Callable

ARENA_MAX, ARENAS = -8, 2
"""M_ARENA_MAX of malloc.h: with a heap for each thread, which is glibc's way, busy rooms take twice the memory."""
EVERY = 10.0
"""Seconds between two rounds. Python by itself looks once in a minute or more, and for 50 ms no packet leaves."""

_libc = ctypes.CDLL(None)


def share_heaps() -> None:
    """Let threads share heaps. Before they start; where the C library is not glibc nothing happens."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(ARENA_MAX, ARENAS)


async def tidy(playing: Callable[[], bool]) -> None:
    """Rounds until cancelled; free memory goes back to the system (where the C library is glibc) if nothing plays.

    While glibc gives back (for up to 70 ms) whoever wants memory has to wait, and the loop is among them.
    """
    trim = getattr(_libc, "malloc_trim", None)
    while True:
        await asyncio.sleep(EVERY)
        gc.collect()
        if trim is not None and not playing():
            await asyncio.to_thread(trim, 0)
