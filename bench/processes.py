"""Other processes as /proc shows them: their CPU, their memory, their cores."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil

TICK = os.sysconf("SC_CLK_TCK")
SLEEPER = "import asyncio, json; from bench.figures import bare_sleep; print(json.dumps(asyncio.run(bare_sleep({}))))"


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of all threads of these processes so far."""
    return sum(_cpu(pid) for pid in pids)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def cpu_share(pids: Sequence[int], *, seconds: float = 2.0, times: int = 5) -> float:
    """The percentage of a core that they use from now on: the median of some stretches."""
    shares: list[float] = []
    for _ in range(times):
        begun, before = time.perf_counter(), cpu_seconds(pids)
        await asyncio.sleep(seconds)
        shares.append((cpu_seconds(pids) - before) / (time.perf_counter() - begun) * 100)
    return median(shares)


def memory(pid: int) -> float:
    """Its share of the memory in MB: what is its own, and its part of what is shared (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)


def listener(url: str) -> int:
    """The process behind an address of this machine; raises LookupError."""
    port = urlsplit(url).port
    for it in psutil.net_connections("tcp"):
        if it.status == psutil.CONN_LISTEN and it.pid and it.laddr and it.laddr.port == port:
            return it.pid
    raise LookupError(url)


@contextmanager
def pinned(core: int) -> Generator[None]:
    """Children started meanwhile run on this core alone, if it is there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def bare_sleep_beside(seconds: float) -> dict[str, float]:
    """`bare_sleep` in a process of its own, which has nothing else to do."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SLEEPER.format(seconds)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    return json.loads(output)
