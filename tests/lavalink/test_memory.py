"""What nothing needs any more goes back to the system while the node works."""

import asyncio
import gc
import resource
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lavalink.memory import tidy
from tests.waiting import until

BLOCK = 60_000
"""Bytes that come from the heap itself, not from a mapping of their own."""
MB = 1_000_000


class Ring:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.memory.EVERY", 0.01)
    monkeypatch.setattr("lavalink.memory.SHARE", 1.0)


@asynccontextmanager
async def rounds() -> AsyncGenerator[None]:
    chore = asyncio.create_task(tidy())
    try:
        yield
    finally:
        chore.cancel()
        await asyncio.wait([chore])


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MB


async def test_rings_are_found_though_python_does_not_look() -> None:
    gc.disable()
    try:
        ring = weakref.ref(Ring())
        async with rounds():
            await until(lambda: ring() is None)
    finally:
        gc.enable()


async def test_holes_in_the_heap_are_given_back() -> None:
    blocks = [b"x" * BLOCK for _ in range(2500)]
    last = blocks.pop()  # at the top of the heap, which alone would shrink by itself
    blocks.clear()
    full = resident()
    async with rounds():
        await until(lambda: resident() < full - 100)
    assert len(last) == BLOCK
