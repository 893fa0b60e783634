"""The clock that all players march to: 20 ms on an absolute schedule, in two slots of 10 ms."""

import asyncio
from typing import Protocol

import structlog

from lavalink.tally import TALLY

PERIOD = 0.020
SLOTS = 2
"""Each player has a slot of its own choice: it starts at once, and the work of many is spread."""
STEP = PERIOD / SLOTS
LATE = 10 * SLOTS
"""Steps of lateness (200 ms) after which the schedule moves; less is caught up with, or a stream would lag for ever."""
_EARLY = 0.01
"""A timer may fire that part of a step early, by the clock's resolution."""

log = structlog.get_logger()


class Paced(Protocol):
    """What is called every 20 ms."""

    def tick(self) -> None:
        """Do one frame's work, in some µs."""
        ...


class Pacer:
    """Calls `tick` of each member every 20 ms. All on the loop."""

    def __init__(self) -> None:
        self._slots: list[list[Paced]] = [[] for _ in range(SLOTS)]
        self._slot_of: dict[Paced, int] = {}
        self._step = 0
        self._epoch = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, member: Paced) -> bool:
        return member in self._slot_of

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep time by this loop's clock."""
        self._loop = loop
        self._epoch = loop.time()

    def stop(self) -> None:
        """Call nobody any more."""
        self._slot_of.clear()
        self._slots = [[] for _ in range(SLOTS)]
        self._disarm()
        self._loop = None

    def add(self, member: Paced) -> None:
        """Call a member now and every 20 ms from now on."""
        if self._loop is None or member in self._slot_of:
            return
        now = self._now(self._loop)
        if not self._slot_of:
            self._step = now + 1
        slot = min(now, self._step - 1) % SLOTS  # one whose turn has just been
        self._slot_of[member] = slot
        self._slots[slot].append(member)
        self._call(member)
        self._arm(self._loop)

    def discard(self, member: Paced) -> None:
        """Call a member no more."""
        slot = self._slot_of.pop(member, None)
        if slot is not None:
            self._slots[slot].remove(member)

    def _now(self, loop: asyncio.AbstractEventLoop) -> int:
        return int((loop.time() - self._epoch) / STEP + _EARLY)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the timer to the next step at which somebody is due."""
        self._disarm()
        for step in range(self._step, self._step + SLOTS):
            if self._slots[step % SLOTS]:
                self._timer = loop.call_at(self._epoch + step * STEP, self._run, loop)
                return

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        now = self._now(loop)
        TALLY.step(max(0.0, loop.time() - self._epoch - self._step * STEP))
        if now - self._step > LATE:
            self._epoch += (now - self._step) * STEP
            now = self._step
        while self._step <= now:
            members = self._slots[self._step % SLOTS]
            self._step += 1
            for member in tuple(members):
                try:
                    member.tick()
                except Exception:
                    log.exception("tick_failed")
        if self._loop is not None:
            self._arm(loop)

    def _call(self, member: Paced) -> None:
        try:
            member.tick()
        except Exception:
            log.exception("tick_failed")
