"""`python -m lavalink`: starts a node (docs/nodes.md)."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from lavalink import __version__, info_file
from lavalink.logs import configure_logs
from lavalink.options import parse

if TYPE_CHECKING:
    import argparse

    from lavalink.sessions import Sessions

ORPHAN_POLL = 0.25
SHUTDOWN_TIMEOUT = 1.0
"""Seconds that open requests may take once the players have ended."""

LINGERING = 0.5
"""Seconds in which what a refused client is still sending is read and dropped, so that it sees the answer."""

log = structlog.get_logger()


async def run(options: argparse.Namespace) -> None:
    """Serves until a signal or the orphan's end; raises OSError when the address is taken."""
    password = os.environ[options.password_env] if options.password_env else secrets.token_urlsafe(24)
    app, sessions = _several(options, password) if options.processes > 1 else _one(options, password)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT, lingering_time=LINGERING)
    stop = _stop_signal()
    if options.behind:
        asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    told: asyncio.Task[None] | None = None
    try:
        await runner.setup()
        await web.TCPSite(runner, options.host, options.port).start()
        told = await _tell(options, runner.addresses[0][1], password)
        await _finished(sessions, stop, options.orphan_timeout)
    finally:
        await runner.cleanup()
        if told is not None:
            told.cancel()
        if options.info_file:
            info_file.remove(options.info_file)


def _one(options: argparse.Namespace, password: str) -> tuple[web.Application, Sessions]:
    from lavalink.node import Node
    from lavalink.server import make_app

    node = Node(origins=options.media_origin, limits=options.limits, behind=options.behind)
    return make_app(node, password), node.sessions


def _several(options: argparse.Namespace, password: str) -> tuple[web.Application, Sessions]:
    from lavalink.front import Front, make_front
    from lavalink.processes import Process, Processes

    origins = [word for origin in options.media_origin or () for word in ("--media-origin", origin)]
    count = options.processes
    shares = [options.limits.share(number, count) for number in range(count)]
    processes = [Process(number, [*origins, *share.options()], share.players) for number, share in enumerate(shares)]
    front = Front(Processes(processes))
    return make_front(front, password), front.sessions


async def _tell(options: argparse.Namespace, port: int, password: str) -> asyncio.Task[None] | None:
    """Leaves word of where it listens; the task that goes on trying, if there is one."""
    log.info("node listens", host=options.host, port=port, version=__version__, processes=options.processes)
    info = info_file.content(port, password)
    later = await info_file.leave(options.info_file, info) if options.info_file else None
    if options.announce or options.behind:
        info_file.announce(info)
    return later


async def _finished(sessions: Sessions, stop: asyncio.Event, orphan_timeout: float | None) -> None:
    seen = time.monotonic()
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(ORPHAN_POLL if orphan_timeout else None):
                await stop.wait()
        if sessions.clients:
            seen = time.monotonic()
        elif orphan_timeout and time.monotonic() - seen > orphan_timeout:
            log.info("nobody came back", seconds=orphan_timeout)
            return


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def raise_file_limit() -> None:
    """A player holds three descriptors: take as many as the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Entry point; 0 after a clean stop, 1 when the address is taken."""
    options = parse()
    configure_logs()
    raise_file_limit()
    try:
        asyncio.run(run(options))
    except OSError as error:
        log.error("node cannot start", error=str(error))  # noqa: TRY400 - the reason says it all
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
