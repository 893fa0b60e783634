"""`python -m lavalink`: starts a node (docs/nodes.md)."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import secrets
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import structlog
from aiohttp import web

from lavalink import __version__
from lavalink.node import Node
from lavalink.server import make_app

ORPHAN_POLL = 0.25
SHUTDOWN_TIMEOUT = 1.0
"""Seconds that open requests may take once the players have ended."""

log = structlog.get_logger()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser("python -m lavalink", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=2333, help="port to listen on, 0 for any free one (default: 2333)")
    add("--password-env", metavar="NAME", help="environment variable that holds the password (default: a new one)")
    add("--info-file", type=Path, metavar="FILE", help="where to write pid, port and password once listening")
    add("--media-origin", action="append", metavar="ORIGIN", help="fetch from this origin only (repeatable)")
    add("--orphan-timeout", type=float, metavar="SECONDS", help="exit after so long without any client")
    options = parser.parse_args(arguments)
    if options.password_env is None and options.info_file is None:
        parser.error("without --password-env the password is made here: --info-file must say where to leave it")
    if options.password_env is not None and not os.environ.get(options.password_env):
        parser.error(f"the environment variable {options.password_env} is empty")
    return options


async def run(options: argparse.Namespace) -> None:
    """Serves until a signal or the orphan's end; raises OSError when the address is taken."""
    password = os.environ[options.password_env] if options.password_env else secrets.token_urlsafe(24)
    node = Node(origins=options.media_origin)
    runner = web.AppRunner(make_app(node, password), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
    stop = _stop_signal()
    await runner.setup()
    try:
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        port = runner.addresses[0][1]
        if options.info_file:
            write_info(options.info_file, port, password)
        log.info("node listens", host=options.host, port=port, version=__version__)
        await _finished(node, stop, options.orphan_timeout)
    finally:
        await runner.cleanup()
        if options.info_file:
            remove_info(options.info_file)


def write_info(path: Path, port: int, password: str) -> None:
    """Leaves what a client must know, all at once and for the owner's eyes only."""
    content = {"pid": os.getpid(), "started": time.time(), "port": port, "password": password, "version": __version__}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
    Path(name).replace(path)


def remove_info(path: Path) -> None:
    """Takes the file away unless another node has written its own meanwhile."""
    with suppress(OSError, ValueError, KeyError):
        if json.loads(path.read_text("utf-8"))["pid"] == os.getpid():
            path.unlink()


async def _finished(node: Node, stop: asyncio.Event, orphan_timeout: float | None) -> None:
    seen = time.monotonic()
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), ORPHAN_POLL if orphan_timeout else None)
        if node.sessions.clients:
            seen = time.monotonic()
        elif orphan_timeout and time.monotonic() - seen > orphan_timeout:
            log.info("nobody came back", seconds=orphan_timeout)
            return


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def configure_logs() -> None:
    """Structlog and the libraries' warnings to stderr."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


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
