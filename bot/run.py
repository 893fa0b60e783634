"""The process from its start to its end."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from audio.nodes import NodeSettingError
from audio.sources import SourceSettingError
from billing.plans import PlansError
from bot.app import App, StartError
from bot.config import Settings
from bot.keys import KeyFileError
from bot.tracing import export_to
from core.errors import StoreUnavailableError
from db.instance import InUseError

log = structlog.get_logger()

GARBAGE = (1_000, 10, 200)
"""A full collection after two million new objects: the usual one after 70,000 holds a busy bot up for 40 ms."""


START_ERRORS = (
    StartError, KeyFileError, InUseError, NodeSettingError, StoreUnavailableError, SourceSettingError, PlansError,
)  # fmt: skip


async def run_app(settings: Settings, *, leave_node: bool = False) -> int:
    """Run until Ctrl-C or SIGTERM; the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with _running(settings, leave_node=leave_node) as report:
            sys.stdout.write(report)
            sys.stdout.flush()
            await stop.wait()
            log.info("stopping")
    except START_ERRORS as error:
        sys.stderr.write(f"Chorus cannot start: {_blamed(error)}\n")
        return 1
    return 0


def _blamed(error: Exception) -> str:
    """What is wrong, on one line, with the setting that is to blame."""
    what = str(error).partition("\n")[0]
    if isinstance(error, NodeSettingError):
        return f"LAVALINK_NODES: {what}"
    if isinstance(error, SourceSettingError):
        return f"SOURCES: {what}"
    return f"DATABASE_URL: {what}" if isinstance(error, StoreUnavailableError) else what


def _make_usable(folder: Path) -> None:
    """The data folder is there and can be written. Raises StartError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"DATA_DIR: {folder} cannot be made ({error.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartError(f"DATA_DIR: {folder} cannot be written")


@asynccontextmanager
async def _running(settings: Settings, *, leave_node: bool) -> AsyncGenerator[str]:
    """Everything started in order, and stopped in the opposite one; yields the first screen."""
    async with AsyncExitStack() as stack:
        if settings.otel_exporter_otlp_endpoint:
            stack.callback(export_to(settings.otel_exporter_otlp_endpoint))
        await asyncio.to_thread(_make_usable, settings.data_dir)
        app = App(settings)
        await app.start(stack, leave_node=leave_node)
        report = await app.screen()
        gc.collect()
        gc.freeze()  # what lives from the start on is never garbage: a full collection would stop everything for 70 ms
        gc.set_threshold(*GARBAGE)
        yield report
