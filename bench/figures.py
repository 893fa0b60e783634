"""Percentiles, medians over runs, and the JSON that every benchmark prints."""

import asyncio
import gc
import json
import os
import platform
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0-1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Median, p99 and maximum in ms."""
    return {
        "p50_ms": round(percentile(seconds, 0.5) * 1000, 3),
        "p99_ms": round(percentile(seconds, 0.99) * 1000, 3),
        "max_ms": round(max(seconds) * 1000, 3),
    }


def judged(measured: float, bar: float, *, least: bool = False, **also: Any) -> dict[str, Any]:
    """A figure beside its bar, which it has to stay at or below (`least`: to reach)."""
    ok = measured >= bar if least else measured <= bar
    return {"measured": round(measured, 3), "bar": round(bar, 3), "ok": ok, **also}


async def repeated(run: Callable[[], Awaitable[dict[str, float]]], times: int) -> dict[str, float]:
    """The median of each figure over several runs."""
    runs = [await run() for _ in range(times)]
    return {name: round(median(one[name] for one in runs), 3) for name in runs[0]}


async def bare_sleep(seconds: float = 2.0, period: float = 0.02) -> dict[str, float]:
    """How late a plain 20 ms sleep loop is on this machine now: the floor of everything that keeps time."""
    late: list[float] = []
    due = time.perf_counter()
    for _ in range(int(seconds / period)):
        due += period
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late.append(time.perf_counter() - due)
    return spread(late)


def settle() -> None:
    """Before what is timed in this process: no pauses of 70 ms for the garbage of what was set up before.

    The product does the same once it has started, and simulators are none of its affair.
    """
    gc.collect()
    gc.freeze()


def machine() -> dict[str, Any]:
    """Where and on which commit this was measured."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    return {"cores": os.cpu_count(), "python": platform.python_version(), "commit": commit.strip()}


def show(name: str, figures: dict[str, Any]) -> None:
    """Print one benchmark's figures as a JSON line."""
    print(json.dumps({"bench": name, **figures}), flush=True)
