"""Opus files played untouched: CPU of each room, lateness and underruns at 400 rooms with voice on one node.

The simulator takes 20,000 packets a second; it decrypts them on the other core.
"""

import asyncio
from typing import Any

from bench.node import measured
from bench.rig import rig, write_music

ROOMS = 400


async def run() -> dict[str, Any]:
    """All figures."""
    async with rig() as one:
        await asyncio.to_thread(write_music, one.folder / "music.opus")
        return await measured(one, [one.room() for _ in range(ROOMS)], "music.opus", cpu_bar=0.08)
