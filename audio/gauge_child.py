"""The measuring child process, started when it is needed and ended when it is not."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from audio.gauge import Request
from audio.managed import PASSED_ON

ROOT = Path(__file__).resolve().parents[1]
IDLE = 20.0
"""Seconds without a request after which it ends: it takes 60 MB."""
LOADING = 60.0
"""Seconds until it is ready, at most."""


class GaugeError(Exception):
    """The track cannot be measured; `late`: or not in the time that there was."""

    late = False


class GaugeTimeoutError(GaugeError):
    """There was no answer in time."""

    late = True


class GaugeChild:
    """One request at a time. Whoever is cancelled while waiting has the child killed; the next one starts another."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._resting: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def ask(self, request: Request, *, within: float) -> dict[str, Any]:
        """What `audio.gauge_answer.answer` says, after at most so many seconds. Raises GaugeError."""
        self._stay()
        try:
            found = await _exchange(self._process or await self._start(), request, within)
        except BaseException as error:
            await self.end()
            if isinstance(error, TimeoutError):
                raise GaugeTimeoutError("timeout") from None
            if isinstance(error, (OSError, ValueError)):
                raise GaugeError(type(error).__name__) from error
            raise
        if "error" in found:
            raise GaugeError(found["error"])
        return found

    async def rest(self) -> None:
        """Nothing is to be asked for now."""
        self._stay()
        if self._process is not None:
            self._resting = asyncio.get_running_loop().call_later(IDLE, self._kill)

    def _stay(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()

    async def end(self) -> None:
        """End it at once."""
        self._stay()
        process = self._process
        self._kill()
        if process is not None:
            await asyncio.shield(process.wait())

    async def _start(self) -> asyncio.subprocess.Process:
        """A child that is ready: on a busy machine that takes a while."""
        self._process = await _spawn()
        await _line(self._process, LOADING)
        return self._process


async def _exchange(process: asyncio.subprocess.Process, request: Request, within: float) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(request.line)
    return json.loads(await _line(process, within))


async def _line(process: asyncio.subprocess.Process, within: float) -> bytes:
    """What it says next. Raises TimeoutError; BrokenPipeError when it has died."""
    assert process.stdout is not None
    async with asyncio.timeout(within):
        line = await process.stdout.readline()
    if not line:
        raise BrokenPipeError
    return line


async def _spawn() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "audio.gauge"),
        cwd=ROOT,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is ours to hear
    )
