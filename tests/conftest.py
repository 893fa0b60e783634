"""Fixtures that every folder may use."""

import os

import structlog
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers"]

# A traceback drawn with all its variables takes a second, during which the loop stands still.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# What repeats takes the same cases each time; a soak looks for new ones.
settings.register_profile("soak", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("soak"), derandomize=True)
settings.load_profile("soak" if "SOAK" in os.environ else "repeatable")
