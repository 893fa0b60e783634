"""What FFmpeg's libraries have to say, as our own log lines."""

import logging
import re

import av.logging
import structlog

log = structlog.get_logger()


class _LibavHandler(logging.Handler):
    """FFmpeg's messages as our own log lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a message on, quietly: broken files are ordinary."""
        message = re.sub(r"https?://\S+", "(address)", record.getMessage())  # it may be signed
        log.debug("libav", component=record.name, message=message)


def log_libav() -> None:
    """Send FFmpeg's errors to our log; it never writes to standard error itself."""
    av.logging.set_level(av.logging.ERROR)
    logger = logging.getLogger("libav")
    logger.handlers = [_LibavHandler()]
    logger.propagate = False
