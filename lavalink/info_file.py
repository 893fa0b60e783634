"""`node.json`: what a client must know of a running node, for the owner's eyes only."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from lavalink import __version__

RETRY = 1.0

log = structlog.get_logger()


def content(port: int, password: str) -> dict[str, Any]:
    """`started` in seconds since the epoch."""
    return {"pid": os.getpid(), "started": time.time(), "port": port, "password": password, "version": __version__}


async def leave(path: Path, info: dict[str, Any]) -> asyncio.Task[None] | None:
    """Writes the file; when the disk is full, the task that does it as soon as it is not."""
    try:
        await asyncio.to_thread(write, path, info)
    except OSError as error:
        log.warning("info file not written", file=str(path), error=error.strerror)
        return asyncio.create_task(_write_later(path, info))
    return None


async def _write_later(path: Path, info: dict[str, Any]) -> None:
    while True:
        await asyncio.sleep(RETRY)
        with suppress(OSError):
            await asyncio.to_thread(write, path, info)
            return


def write(path: Path, info: dict[str, Any]) -> None:
    """All at once and with mode 0600. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(info, file)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Takes the file away unless another node has written its own meanwhile."""
    with suppress(OSError, ValueError, KeyError):
        if json.loads(path.read_text("utf-8"))["pid"] == os.getpid():
            path.unlink()


def announce(info: dict[str, Any]) -> None:
    """The same to standard output, for a parent that reads it."""
    sys.stdout.write(json.dumps(info) + "\n")
    sys.stdout.flush()
