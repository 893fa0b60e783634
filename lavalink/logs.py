"""Logging of a node: lines to standard error, which may be a file on a disk that is full."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError


class LossyStream:
    """A stream for logs: what cannot be written is lost, and never fails what it speaks of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes what can be written."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Tries to."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def tell_no_content(record: logging.LogRecord) -> bool:
    """A filter: a request that cannot be parsed may hold a password, so only that it came is told."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | RequestPayloadError):
        record.exc_info, record.msg = None, f"{record.msg}: {type(error).__name__}"
    return True


def configure_logs() -> None:
    """Structlog and the libraries' warnings to standard error."""
    stream = cast("TextIO", LossyStream(sys.stderr))
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.server").addFilter(tell_no_content)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
