"""The bus of one process."""

import asyncio
import logging

import pytest

from core.bus import LocalBus
from core.events import Event
from core.types import RoomId


def event(version: int) -> Event:
    return Event(room=RoomId("r"), version=version)


async def test_events_arrive_in_order_and_later() -> None:
    bus, seen = LocalBus(), list[int]()
    bus.subscribe(lambda one: seen.append(one.version))
    for version in range(3):
        bus.publish(event(version))
    assert seen == []
    await asyncio.sleep(0)
    assert seen == [0, 1, 2]


async def test_a_failing_handler_is_logged_and_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bus, seen = LocalBus(), list[int]()

    def fail(_: Event) -> None:
        raise ValueError("no")

    bus.subscribe(fail)
    unsubscribe = bus.subscribe(lambda one: seen.append(one.version))
    with caplog.at_level(logging.ERROR):
        bus.publish(event(1))
        await asyncio.sleep(0)
    assert seen == [1]
    assert "version=1" in caplog.text
    unsubscribe()
    unsubscribe()
    bus.publish(event(2))
    await asyncio.sleep(0)
    assert seen == [1]


async def test_what_a_handler_publishes_comes_after() -> None:
    bus, seen = LocalBus(), list[int]()

    def echo(one: Event) -> None:
        seen.append(one.version)
        if one.version < 3:
            bus.publish(event(one.version + 1))

    bus.subscribe(echo)
    bus.publish(event(1))
    await asyncio.sleep(0)
    assert seen == [1, 2, 3]
