"""Memory that nothing needs goes back to the system: the C library would keep all that it ever had for itself."""

import asyncio
import ctypes

EVERY = 20.0
"""Seconds between two rounds; with rooms that come and go it would be twice as much memory after some minutes."""


async def give_back() -> None:
    """Rounds until cancelled, in a thread: they take some ms. Does nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(EVERY)
        await asyncio.to_thread(trim, 0)
