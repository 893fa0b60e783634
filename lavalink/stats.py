"""The node's load as Lavalink reports it: players, memory, processor."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lavalink.minute import frame_stats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lavalink.sessions import Session

PAGE = os.sysconf("SC_PAGE_SIZE")
CORES = os.cpu_count() or 1
REFRESH = 5.0
"""Seconds that a measure of the processor holds."""


class Load:
    """Shares (0 to 1, of all cores) that this process and the machine used between two measures."""

    def __init__(self) -> None:
        self.process = self.system = 0.0
        self._at, self._spent, self._ticks = time.monotonic(), time.process_time(), _machine_ticks()

    def measure(self) -> None:
        """Measures again when the last measure is too old."""
        at, spent, ticks = time.monotonic(), time.process_time(), _machine_ticks()
        if at - self._at < REFRESH:
            return
        self.process = _share(spent - self._spent, (at - self._at) * CORES)
        self.system = _share(ticks[0] - self._ticks[0], ticks[1] - self._ticks[1])
        self._at, self._spent, self._ticks = at, spent, ticks


class Stats:
    """Collects `/v4/stats` and the websocket's `stats`."""

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._sessions = sessions
        self._started = time.monotonic()
        self._load = Load()

    def wire(self) -> dict[str, Any]:
        """The stats object; `frameStats` is null until somebody has played for a whole minute."""
        players = [player for session in self._sessions for player in session.players.values()]
        self._load.measure()
        return {
            "frameStats": frame_stats(player.minute for player in players),
            "players": len(players),
            "playingPlayers": sum(player.playing for player in players),
            "uptime": int((time.monotonic() - self._started) * 1000),
            "memory": _memory(),
            "cpu": {"cores": CORES, "systemLoad": self._load.system, "lavalinkLoad": self._load.process},
        }


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole else 0.0


def _machine_ticks() -> tuple[int, int]:
    """Busy and all ticks of the machine since it started (zeros where there is no /proc)."""
    try:
        ticks = [int(tick) for tick in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _memory() -> dict[str, int]:
    """In bytes: `used` is what the process holds in memory, `free` and `reservable` are the machine's."""
    used = resident()
    return {
        "free": os.sysconf("SC_AVPHYS_PAGES") * PAGE,
        "used": used,
        "allocated": used,
        "reservable": os.sysconf("SC_PHYS_PAGES") * PAGE,
    }


def resident() -> int:
    """Bytes of memory that this process holds; 0 where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0
