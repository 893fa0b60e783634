"""Further surfaces: those that installed packages offer by an entry point."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import cast

import structlog

from core.ports.surfaces import GROUP, Host, Make, Surface

RETRY = (1.0, 60.0)
"""The first and the longest pause in seconds before another try."""
STARTING = "starting"
PATIENCE = 5.0
"""Seconds that one may take to stop."""

log = structlog.get_logger()


def installed() -> Mapping[str, Make]:
    """The makers of surfaces by name. One that cannot be loaded is left out, and said."""
    found: dict[str, Make] = {}
    for point in entry_points(group=GROUP):
        try:
            found[point.name] = cast("Make", point.load())
        except Exception as error:  # noqa: BLE001 - somebody else's package is no reason to be silent everywhere
            log.warning("surface not loaded", surface=point.name, error=repr(error))
    return found


def slot(name: str) -> str:
    """The slot whose holder acts for a surface."""
    return f"surface:{name}"


@dataclass(slots=True)
class _Running:
    """A surface, and the task that starts it until it works."""

    surface: Surface
    trouble: str | None = STARTING
    task: asyncio.Task[None] | None = field(default=None)


class Surfaces:
    """Makes, starts and stops them. `host` is asked for each by its name."""

    def __init__(self, makers: Mapping[str, Make], host: Callable[[str], Host]) -> None:
        self._running: dict[str, _Running] = {}
        for name, make in makers.items():
            try:
                surface = make(host(name))
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("surface not made", surface=name, error=repr(error))
                continue
            if surface is not None:
                self._running[name] = _Running(surface)

    def start(self) -> None:
        """Begin to start them; returns at once."""
        for name, running in self._running.items():
            running.task = asyncio.create_task(_start(name, running), name=f"surface-{name}")

    async def stop(self) -> None:
        """Stop them all."""
        await asyncio.gather(*(_stop(name, running) for name, running in self._running.items()))

    @property
    def slots(self) -> list[str]:
        """What this process asks for, to act for them."""
        return [slot(name) for name in self._running]

    @property
    def starting(self) -> bool:
        """Whether any is being started for the first time."""
        return any(running.trouble == STARTING for running in self._running.values())

    def states(self) -> dict[str, str | None]:
        """What keeps each from working, if anything does."""
        return {name: running.trouble or running.surface.trouble for name, running in self._running.items()}


async def _start(name: str, running: _Running) -> None:
    pause, longest = RETRY
    while True:
        try:
            await running.surface.start()
        except Exception as error:  # noqa: BLE001 - as above
            running.trouble = f"cannot start ({type(error).__name__}), trying again"
            log.warning("surface not started", surface=name, error=repr(error), pause=pause)
            await _let_go(name, running)
        else:
            running.trouble = None
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest)


async def _stop(name: str, running: _Running) -> None:
    if running.task is None:
        return
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    await _let_go(name, running)


async def _let_go(name: str, running: _Running) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await running.surface.stop()
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("surface not stopped", surface=name, error=repr(error))
