"""Events on the wire, and a Redis that goes away and comes back."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_type_hints
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from bot.event_schemas import FOLDER, schemas, write
from bot.event_schemas import fields as fields_of
from core.errors import StoreUnavailableError
from core.events import Event, VoteCast
from core.types import EntryId, PersonId, RoomId
from db.event_wire import decoded, encoded, kinds
from db.redis_bus import RedisBus
from tests.db.redis_server import RedisServer
from tests.waiting import until

SAMPLES: dict[object, Any] = {str: "text", int: 7, bool: True, int | None: 2**40}


def sample(kind: type[Event]) -> Event:
    """An event with every field filled."""
    hints = get_type_hints(kind)
    plain = {it.name: getattr(hints[it.name], "__supertype__", hints[it.name]) for it in fields(kind)}
    return kind(**{name: SAMPLES.get(hint, 7) for name, hint in plain.items()})


@pytest.mark.parametrize("kind", kinds(), ids=lambda it: it.name)
def test_every_event_travels_whole(kind: type[Event]) -> None:
    event = sample(kind)
    again = decoded(encoded(event))
    assert again == event
    assert again
    assert (type(again), again.trace) == (kind, event.trace)


def test_every_event_of_the_module_is_known_by_a_name_of_its_own() -> None:
    declared = {
        it for it in vars(sys.modules[Event.__module__]).values() if isinstance(it, type) and issubclass(it, Event)
    }
    assert set(kinds()) == declared
    assert len({it.name for it in declared}) == len(declared)


def test_a_changed_event_needs_a_new_schema_version() -> None:
    """Run `python -m bot.event_schemas` after a new event or a new version."""
    for name, text in schemas().items():
        path = FOLDER / name
        assert path.exists(), f"{name} is not written: python -m bot.event_schemas"
        assert fields_of(path.read_text()) == fields_of(text), f"{name}: raise `schema`"


def test_a_changed_field_is_noticed_and_not_written_over(tmp_path: Path) -> None:
    assert write(tmp_path) == []
    path = tmp_path / "queue.vote.cast.1.json"
    other = json.loads(path.read_text())
    other["properties"]["value"]["type"] = "string"
    path.write_text(json.dumps(other))
    assert write(tmp_path) == ["queue.vote.cast.1.json"]
    assert json.loads(path.read_text()) == other


def test_the_version_before_can_be_read() -> None:
    """A newer version asks for no field that the one before did not always carry."""
    for kind in kinds():
        if kind.schema > 1:
            before = json.loads((FOLDER / f"{kind.name}.{kind.schema - 1}.json").read_text())
            asked = {it.name for it in fields(kind) if it.default is MISSING and it.default_factory is MISSING}
            assert asked <= set(before["required"]), kind.name


def test_the_version_before_and_unknown_fields_are_read() -> None:
    cast = VoteCast(room=RoomId("r"), version=1, entry=EntryId(1), person=PersonId("p"), value=1)
    wire = encoded(cast)
    more = {**wire, "data": json.dumps({**json.loads(wire["data"]), "mood": {"good": 1}})}
    assert decoded(more) == cast
    assert decoded({**wire, "schema": "0"}) == cast
    assert decoded({**wire, "more": "fields"}) == cast


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"name": "queue.vote.counted", "schema": "1", "data": "{}"},
        {"name": "queue.vote.cast", "schema": "2", "data": '{"room": "r", "entry": 1, "person": "p", "value": 1}'},
        {"name": "queue.vote.cast", "schema": "1", "data": '{"room": "r"}'},
        {"name": "queue.vote.cast", "schema": "one", "data": "no JSON"},
        {"name": "queue.vote.cast", "schema": "1"},
    ],
)
def test_what_is_not_understood_is_no_event(wire: dict[str, str]) -> None:
    assert decoded(wire) is None


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = await RedisServer(tmp_path).start()
    yield server
    server.kill()


class Process:
    """A bus, what it heard, and how often it was told to look again."""

    def __init__(self, url: str, stream: str) -> None:
        self.bus = RedisBus(url, stream=stream)
        self.heard: list[str] = []
        self.looked = 0
        self.bus.subscribe(lambda event: self.heard.append(event.room))

    async def look_again(self) -> None:
        self.looked += 1
        raise StoreUnavailableError  # which is no reason to go deaf

    def say(self, room: str) -> None:
        self.bus.publish(Event(room=RoomId(room)))


@pytest.fixture
async def pair(server: RedisServer) -> AsyncIterator[tuple[Process, Process]]:
    stream = uuid4().hex
    pair = Process(server.url, stream), Process(server.url, stream)
    async with AsyncExitStack() as stack:
        for process in pair:
            task = asyncio.create_task(process.bus.follow(process.look_again))
            stack.push_async_callback(asyncio.wait, [task])
            stack.callback(task.cancel)
        await connected(*pair)
        yield pair


async def connected(one: Process, other: Process) -> None:
    async def met(speaker: Process, listener: Process) -> None:
        def heard() -> bool:
            speaker.say("hello")
            return "hello" in listener.heard

        listener.heard.clear()
        await until(heard)

    await met(one, other)
    await met(other, one)


async def test_redis_goes_away_and_comes_back(server: RedisServer, pair: tuple[Process, Process]) -> None:
    one, other = pair
    server.kill()
    one.say("meanwhile")
    await until(lambda: "meanwhile" in one.heard, what="one's own listeners need no Redis")
    assert (one.looked, other.looked) == (0, 0)
    await server.start()
    await until(lambda: "meanwhile" in other.heard, what="what was said meanwhile arrives late")
    await until(lambda: one.looked == other.looked == 1, what="everybody looks again")
    other.heard.clear()
    one.say("afterwards")
    await until(lambda: "afterwards" in other.heard)


async def test_a_server_whose_clock_is_behind_is_followed_all_the_same(
    server: RedisServer, pair: tuple[Process, Process]
) -> None:
    """It came back empty, and numbers its entries from before where the readers were."""
    one, other = pair
    await until(lambda: not (one.bus._waiting or other.bus._waiting))
    server.kill()
    await server.start()
    await until(lambda: other.looked == 1)
    async with Redis.from_url(server.url) as redis:
        wire = encoded(Event(room=RoomId("old clock")))
        await redis.xadd(
            one.bus._stream, {"data": wire["data"], "name": wire["name"], "schema": "1", "origin": "x"}, "6-1"
        )
    await until(lambda: "old clock" in other.heard)


async def test_what_others_write_into_the_stream_harms_nobody(
    server: RedisServer, pair: tuple[Process, Process]
) -> None:
    one, other = pair
    async with Redis.from_url(server.url) as redis:
        await redis.xadd(one.bus._stream, {"x": "y"})
        await redis.xadd(one.bus._stream, {"name": "music.play.moved", "schema": "1", "data": "{}", "origin": "new"})
    other.heard.clear()
    one.say("fine")
    await until(lambda: "fine" in other.heard)
    assert other.heard == ["fine"]


async def test_the_stream_stays_short(server: RedisServer, pair: tuple[Process, Process]) -> None:
    one, other = pair
    for _ in range(12):
        for number in range(2_000):
            one.say(f"{number}")
        other.heard.clear()
        one.say("end")
        await until(lambda: "end" in other.heard)
    async with Redis.from_url(server.url) as redis:
        assert await redis.xlen(one.bus._stream) < 12_000


async def test_who_follows_can_be_stopped_at_any_moment(server: RedisServer) -> None:
    """While a command is on its way, too, which is when redis-py may lose the cancellation on Python 3.11."""
    for turns in range(60):
        process = Process(server.url, "stopped")
        task = asyncio.create_task(process.bus.follow(process.look_again))
        process.say("hello")
        for _ in range(turns):
            await asyncio.sleep(0)
        process.say("hello again")
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, f"still there after {turns} turns of the loop"
