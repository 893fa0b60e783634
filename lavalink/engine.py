"""The engine: one pacer on the loop and the threads that decode, shared by all players."""

import asyncio
import gc
import os
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from lavalink.libav import log_libav
from lavalink.opus import COMPLEXITY, LEAST_COMPLEXITY, LOW_COMPLEXITY
from lavalink.pacer import Pacer
from lavalink.workers import Workers

DECODERS = 1 if (os.cpu_count() or 1) <= 2 else 2  # noqa: PLR2004
"""Two fight with the loop for the interpreter's lock, which costs 6 %: worth it where there are cores to fill."""
OPENERS = 2
RELIEF_SECONDS = 30.0
LATE, VERY_LATE = 0.06, 0.12
"""Seconds that a job waits for a thread when the threads have nearly too much to do, and when a ring may run dry."""

log = structlog.get_logger()


class Engine:
    """Time and hands for all players of a process; about 50 that encode is what one process bears."""

    def __init__(self) -> None:
        self.pacer = Pacer()
        self.decoders = Workers(DECODERS, "decode")
        """For what plays: short jobs that refill rings."""
        self.openers = Workers(OPENERS, "open")
        """For opening and closing files, so that many at once do not make the others wait."""
        self.encoders = Workers(1, "encode")
        """For streams in other formats than Opus."""
        self._strained_until = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def complexity(self) -> int:
        """The effort that encoders may spend now."""
        return LOW_COMPLEXITY if time.monotonic() < self._strained_until else COMPLEXITY

    def effort(self, asked: float) -> int:
        """The effort for a job that was asked for at that monotonic time: less if it had to wait. From any thread."""
        waited = time.monotonic() - asked
        if waited > LATE:
            self.strain()
        return LEAST_COMPLEXITY if waited > VERY_LATE else self.complexity

    def strain(self) -> None:
        """A ring ran nearly dry because decoding came late: spend less for a while. From any thread."""
        if time.monotonic() >= self._strained_until:
            log.warning("engine strained", seconds=RELIEF_SECONDS)
        self._strained_until = time.monotonic() + RELIEF_SECONDS

    async def start(self) -> None:
        """Begin to keep time on the running loop."""
        self._loop = asyncio.get_running_loop()
        log_libav()
        self.pacer.start(self._loop)
        gc.collect()
        gc.freeze()  # what lives from the start on is never garbage: shorter pauses of the loop

    async def stop(self) -> None:
        """End the threads; players should have been closed before."""
        self.pacer.stop()
        await asyncio.to_thread(self.openers.stop)
        await asyncio.to_thread(self.decoders.stop)
        await asyncio.to_thread(self.encoders.stop)

    def call(self, callback: Callable[[], None]) -> None:
        """Have something done on the loop. From any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nothing plays any more
                self._loop.call_soon_threadsafe(callback)
