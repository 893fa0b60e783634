"""Fixtures that every folder may use."""

import os

import pytest
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes real time is tried once more when the machine had none to spare; a soak gives no second chance."""
    for item in items:
        if "SOAK" not in os.environ and (item.get_closest_marker("heard") or item.path.parent.name == "e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1))
