"""What nothing needs any more: looked for often, so that each look is short, and given back while nobody plays."""

import asyncio
import ctypes
import gc
from collections.abc import Callable

EVERY = 10.0
"""Seconds between two rounds. Python by itself looks once in a minute or more, and for 50 ms no packet leaves."""


async def tidy(playing: Callable[[], bool]) -> None:
    """Rounds until cancelled; free memory goes back to the system (where the C library is glibc) if nothing plays.

    While glibc gives back (for up to 70 ms) whoever wants memory has to wait, and the loop is among them.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while True:
        await asyncio.sleep(EVERY)
        gc.collect()
        if trim is not None and not playing():
            await asyncio.to_thread(trim, 0)
