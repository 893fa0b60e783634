"""What every bus promises: one for a single process, one through a real Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from core.bus import LocalBus
from core.events import Event, PlayEnded, VoteCast
from core.ports.bus import Bus
from core.types import EntryId, PersonId, RoomId
from db.redis_bus import RedisBus
from tests.waiting import until

Make = Callable[[], Bus]


async def nothing() -> None:
    pass


@pytest.fixture(params=["local", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    if request.param == "local":
        yield LocalBus()
        return
    bus = RedisBus(request.getfixturevalue("redis_url"), stream=uuid4().hex)
    async with Following(bus):
        yield bus


class Following:
    """A bus that is followed for a while."""

    def __init__(self, *buses: RedisBus) -> None:
        self._buses = buses
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> None:
        for bus in self._buses:
            task = asyncio.create_task(bus.follow(nothing))
            self._stack.push_async_callback(asyncio.wait, [task])
            self._stack.callback(task.cancel)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


def event(version: int) -> Event:
    return Event(room=RoomId("r"), version=version)


async def test_events_arrive_in_order_and_later(bus: Bus) -> None:
    seen = list[int]()
    bus.subscribe(lambda one: seen.append(one.version))
    for version in range(3):
        bus.publish(event(version))
    assert seen == []
    await until(lambda: seen == [0, 1, 2])


async def test_each_event_arrives_once_and_whole(bus: Bus) -> None:
    seen = list[Event]()
    bus.subscribe(seen.append)
    cast = VoteCast(room=RoomId("r"), version=3, entry=EntryId(4), person=PersonId("p"), value=-1, trace="t")
    bus.publish(cast)
    bus.publish(event(9))
    await until(lambda: event(9) in seen)
    await asyncio.sleep(0.1)  # nothing comes a second time
    assert seen == [cast, event(9)]
    assert seen[0].trace == "t"


async def test_a_failing_handler_is_logged_and_hurts_nobody(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    seen = list[int]()

    def fail(_: Event) -> None:
        raise ValueError("no")

    bus.subscribe(fail)
    unsubscribe = bus.subscribe(lambda one: seen.append(one.version))
    with caplog.at_level(logging.ERROR):
        bus.publish(event(1))
        await until(lambda: seen == [1])
    assert "version=1" in caplog.text
    unsubscribe()
    unsubscribe()
    last = list[int]()
    bus.subscribe(lambda one: last.append(one.version))
    bus.publish(event(2))
    await until(lambda: last == [2])
    assert seen == [1]


async def test_what_a_handler_publishes_comes_after(bus: Bus) -> None:
    seen = list[int]()

    def echo(one: Event) -> None:
        seen.append(one.version)
        if one.version < 3:
            bus.publish(event(one.version + 1))

    bus.subscribe(echo)
    bus.publish(event(1))
    await until(lambda: seen == [1, 2, 3])


async def test_every_process_hears_every_other_in_its_order(redis_url: str) -> None:
    stream = uuid4().hex
    buses = [RedisBus(redis_url, stream=stream) for _ in range(3)]
    heard: list[list[Event]] = [[] for _ in buses]
    for bus, events in zip(buses, heard, strict=True):
        bus.subscribe(events.append)
    async with Following(*buses):
        await meet(buses, heard)
        for events in heard:
            events.clear()
        sent = [
            PlayEnded(room=RoomId(f"{n}"), version=v, entry=EntryId(v), reason="x")
            for n in range(3)
            for v in range(500)
        ]
        for one in sent:
            buses[int(one.room)].publish(one)
        await until(lambda: all(len(events) == len(sent) for events in heard), what="everything everywhere")
    for events in heard:
        for n in range(3):
            assert [it for it in events if it.room == f"{n}"] == [it for it in sent if it.room == f"{n}"]


async def meet(buses: list[RedisBus], heard: list[list[Event]]) -> None:
    """Until everybody listens."""

    def all_hear_all() -> bool:
        for number, bus in enumerate(buses):
            bus.publish(Event(room=RoomId(f"hello {number}")))
        return all(len({it.room for it in events}) == len(buses) for events in heard)

    await until(all_hear_all, what="everybody hears everybody")
    last = Event(room=RoomId("last hello"))
    for bus in buses:
        bus.publish(last)
    await until(lambda: all(events.count(last) == len(buses) for events in heard))
