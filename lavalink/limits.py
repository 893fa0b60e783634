"""What a node takes on at most. Beyond that new players and tracks are refused; what plays is left alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lavalink.protocol import ApiError
from lavalink.stats import resident

if TYPE_CHECKING:
    from collections.abc import Callable

    from lavalink.traffic import Traffic

FULL = 503
FRESH = 1.0
"""Seconds that a measure of the memory holds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """None: as much as there is. `bandwidth` in bytes a second, both ways; `memory` in bytes."""

    players: int | None = None
    sources: int | None = None
    bandwidth: int | None = None
    memory: int | None = None

    def share(self, number: int, count: int) -> Limits:
        """The part of one of `count` processes, counted from 0: all parts make the whole, but each has one at least."""
        wholes: dict[str, int | None] = {field.name: getattr(self, field.name) for field in fields(self)}
        return Limits(
            **{name: whole and max(1, whole // count + (number < whole % count)) for name, whole in wholes.items()}
        )

    def options(self) -> list[str]:
        """As a node's command line names them."""
        named = {
            "--max-players": self.players,
            "--max-sources": self.sources,
            "--max-bandwidth": self.bandwidth,
            "--memory-limit": self.memory,
        }
        return [word for name, value in named.items() if value is not None for word in (name, str(value))]


UNLIMITED = Limits()


class Gate:
    """Refuses what is too much, by ApiError 503 with a message for people."""

    def __init__(self, limits: Limits, traffic: Traffic, *, memory: Callable[[], int] = resident) -> None:
        self._limits = limits
        self._traffic = traffic
        self._measure = memory
        self._memory, self._measured = 0, -FRESH

    def admit_player(self, players: int) -> None:
        """One more beside so many; raises ApiError."""
        limits = self._limits
        if limits.players is not None and players >= limits.players:
            raise ApiError(FULL, f"This node is full: it plays for {players} rooms, its limit")
        self.check_load()

    def admit_source(self, sources: int) -> None:
        """One more open track beside so many; raises ApiError."""
        if self._limits.sources is not None and sources >= self._limits.sources:
            raise ApiError(FULL, f"This node is full: {sources} tracks are open, its limit")

    def check_load(self) -> None:
        """Whether the process may take on more at all; raises ApiError."""
        limits = self._limits
        if limits.memory is not None and self._resident() >= limits.memory:
            raise ApiError(FULL, f"This node is full: it uses {self._memory >> 20} MB of memory, its limit")
        if limits.bandwidth is not None and self._traffic.rate() >= limits.bandwidth:
            raise ApiError(FULL, "This node is full: its bandwidth is used up")

    def _resident(self) -> int:
        if time.monotonic() - self._measured >= FRESH:
            self._memory, self._measured = self._measure(), time.monotonic()
        return self._memory
