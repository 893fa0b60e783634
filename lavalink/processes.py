"""The processes among which a node of several spreads its players."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from lavalink.protocol import ApiError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ROOT = Path(__file__).resolve().parents[1]
PASSWORD_VARIABLE = "NODE_PASSWORD"  # noqa: S105 - the name of a variable
START_TIMEOUT = 20.0
STOP_TIMEOUT = 3.0
PROBE = 2.0
"""Seconds between two looks at a process, each of which may take as long."""
MISSES = 2
"""Looks in a row without an answer, one at once after the other, after which a process counts as frozen."""
BACK_OFF = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0)
SUMS = ("players", "playingPlayers")

log = structlog.get_logger()


class Process:
    """One `python -m lavalink` on loopback that ends with us; started again whenever it ends or freezes."""

    def __init__(self, number: int, arguments: Sequence[str], most: int | None = None) -> None:
        self.number = number
        self.most = most
        """How many players it takes; None: it has no limit of its own."""
        self.players = 0
        """How many are placed there; kept by whoever places them."""
        self.url: str | None = None
        """Where it listens; None while it does not."""
        self.stats: dict[str, Any] = {}
        """As it last answered."""
        self.hangs = False
        """Whether it did not answer when it was looked at last."""
        self._arguments = arguments
        self._child: asyncio.subprocess.Process | None = None
        self._password = secrets.token_urlsafe(24)
        self._listens = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether it would refuse one more player."""
        return self.most is not None and self.players >= self.most

    async def start(self) -> None:
        """Opens the way to it."""
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"Authorization": self._password},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
            auto_decompress=False,
        )
        self._task = asyncio.create_task(self._run(), name=f"process-{self.number}")

    async def listening(self) -> None:
        """Returns when it listens."""
        await self._listens.wait()

    async def stop(self) -> None:
        """Ends it; it gets three seconds before it is killed."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.http.close()
        if self._child is None:
            return
        with suppress(ProcessLookupError, TimeoutError):
            self._child.terminate()
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._child.communicate()
        await _killed(self._child)

    async def players_of(self, session_id: str) -> list[dict[str, Any]]:
        """A session's players there; none while it does not answer."""
        try:
            async with self.http.get(f"{self.url}/v4/sessions/{session_id}/players") as answer:
                return await answer.json() if answer.ok else []
        except (aiohttp.ClientError, ValueError):
            return []  # it ends just now: so do they

    async def _run(self) -> None:
        ends = 0
        while True:
            await asyncio.sleep(BACK_OFF[min(ends, len(BACK_OFF) - 1)])
            ends += 1
            try:
                child = self._child = await self._spawn()
            except OSError as error:  # out of memory or of processes: that may pass
                log.error("process not started", number=self.number, error=error.strerror)  # noqa: TRY400
                continue
            port = await _announced(child)
            if port is not None:
                ends, self.url, self.hangs = 0, f"http://127.0.0.1:{port}", False
                self._listens.set()
                log.info("process listens", number=self.number, pid=child.pid)
                await self._watch(child)
            self.url, self.stats = None, {}
            self._listens.clear()
            await _killed(child)
            log.error("process ended", number=self.number, code=child.returncode)

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lavalink", "--host", "127.0.0.1", "--port", "0"),
            *("--password-env", PASSWORD_VARIABLE, "--behind", *self._arguments),
            cwd=ROOT,
            env={**os.environ, PASSWORD_VARIABLE: self._password},
            stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone
            stdout=asyncio.subprocess.PIPE,
        )

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        """Returns when it has ended, or does not answer any more."""
        ended, misses = asyncio.create_task(child.wait()), 0
        try:
            while misses < MISSES and not ended.done():
                self.hangs = not await self.look()
                misses = misses + 1 if self.hangs else 0
                await asyncio.wait([ended], timeout=0 if misses else PROBE)
        finally:
            ended.cancel()

    async def look(self) -> bool:
        """Asks how it is, into `stats`; whether it answered."""
        limit = aiohttp.ClientTimeout(total=PROBE)
        try:
            async with self.http.get(f"{self.url}/v4/stats", timeout=limit, raise_for_status=True) as answer:
                self.stats = await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return False
        return True

    async def metrics(self) -> str:
        """What it tells Prometheus; nothing when it does not answer."""
        try:
            async with self.http.get(f"{self.url}/metrics", timeout=aiohttp.ClientTimeout(total=PROBE)) as answer:
                return await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return ""


class Processes:
    """All of them."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._all = processes

    async def start(self) -> None:
        """Returns when all of them listen, or those that do after 20 s; before that a limit would be reached too early.

        Raises TimeoutError if none does.
        """
        for process in self._all:
            await process.start()
        waits = [asyncio.create_task(process.listening()) for process in self._all]
        try:
            done, _ = await asyncio.wait(waits, timeout=START_TIMEOUT)
        finally:
            for wait in waits:
                wait.cancel()
        if not done:
            raise TimeoutError("none of the processes listens")

    async def stop(self) -> None:
        """Ends all of them."""
        await asyncio.gather(*(process.stop() for process in self._all))

    def best(self, but: Collection[Process | None] = ()) -> Process:
        """The one with the fewest players of those that listen, answer and have room, `but` these.

        Raises ApiError 503.
        """
        listening = [process for process in self._all if process.url is not None and process not in but]
        if not listening:
            raise ApiError(503, "The processes of this node are starting again")
        return min(listening, key=lambda process: (process.hangs, process.full, process.players))

    async def look(self) -> None:
        """Asks all of them how they are."""
        await asyncio.gather(*(process.look() for process in self._all if process.url is not None))

    async def metrics(self) -> dict[str, str]:
        """What those that listen tell Prometheus, by their numbers."""
        listening = [process for process in self._all if process.url is not None]
        texts = await asyncio.gather(*(process.metrics() for process in listening))
        return {str(process.number): text for process, text in zip(listening, texts, strict=True)}

    def add_to(self, own: dict[str, Any]) -> dict[str, Any]:
        """The whole node's load: our own stats, and what each process said last."""
        found = [process.stats for process in self._all if process.stats]
        used = own["memory"]["used"] + sum(stats["memory"]["used"] for stats in found)
        load = min(1.0, own["cpu"]["lavalinkLoad"] + sum(stats["cpu"]["lavalinkLoad"] for stats in found))
        return {
            **own,
            **{key: sum(stats[key] for stats in found) for key in SUMS},
            "frameStats": _average([stats for stats in found if stats["frameStats"]]),
            "memory": {**own["memory"], "used": used, "allocated": used},
            "cpu": {**own["cpu"], "lavalinkLoad": load},
        }


def _average(found: list[dict[str, Any]]) -> dict[str, int] | None:
    """How frames fare in all processes, by how much each one plays."""
    weights = [max(1, stats["playingPlayers"]) for stats in found]
    return (
        {
            key: sum(stats["frameStats"][key] * weight for stats, weight in zip(found, weights, strict=True))
            // sum(weights)
            for key in ("sent", "nulled", "deficit")
        }
        if found
        else None
    )


async def _announced(child: asyncio.subprocess.Process) -> int | None:
    """The port that a child names once it listens; None if it does not come to that."""
    assert child.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = await child.stdout.readline()
    except TimeoutError:
        return None
    return int(json.loads(line)["port"]) if line else None


async def _killed(child: asyncio.subprocess.Process) -> None:
    """Its pipe is read to its end, which closes it."""
    with suppress(ProcessLookupError):
        child.kill()
    await child.communicate()
