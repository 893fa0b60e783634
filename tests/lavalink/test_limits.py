"""What a node takes on: how limits are shared out, and what is measured for them."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavalink.limits import FRESH, Gate, Limits
from lavalink.node import Node
from lavalink.options import parse
from lavalink.protocol import ApiError, PlayerPatch, TrackInfo
from lavalink.traffic import TRAFFIC, WINDOW, Traffic


class Time:
    """A clock that tests move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr("lavalink.limits.time.monotonic", lambda: self.now)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@given(total=st.integers(1, 10_000), count=st.integers(1, 64))
def test_the_parts_of_a_limit_make_the_whole_and_differ_by_one(total: int, count: int) -> None:
    parts = [Limits(players=total).share(number, count).players or 0 for number in range(count)]
    assert max(parts) - min(parts) <= 1
    assert min(parts) >= 1
    assert sum(parts) == max(total, count)


def test_what_has_no_limit_has_none_in_any_process() -> None:
    assert Limits(memory=1000).share(0, 4) == Limits(memory=250)
    assert Limits().options() == []


def test_a_process_is_told_its_share_by_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_PASSWORD", "x")
    limits = Limits(players=7, sources=9, bandwidth=2**20, memory=2**29)
    assert parse(["--password-env", "NODE_PASSWORD", *limits.options()]).limits == limits
    given = ["--max-players", "7", "--max-sources", "9", "--max-bandwidth", "1M", "--memory-limit", "512M"]
    assert parse(["--password-env", "NODE_PASSWORD", *given]).limits == limits


def test_memory_is_measured_again_after_a_while(time: Time) -> None:
    used = 100
    gate = Gate(Limits(memory=200), Traffic(), memory=lambda: used)
    gate.admit_player(5)
    used = 200
    gate.admit_player(5)
    time.now += FRESH
    with pytest.raises(ApiError, match="memory"):
        gate.admit_player(5)
    used = 199
    time.now += FRESH
    gate.admit_player(5)


def test_the_rate_is_that_of_the_last_window(time: Time) -> None:
    traffic = Traffic()
    traffic.total += 1_000
    assert traffic.rate() == 1_000 / WINDOW
    time.now += WINDOW
    assert traffic.rate() == 1_000 / WINDOW
    time.now += WINDOW / 2
    traffic.total += 9_000
    assert traffic.rate() == 1_000 / WINDOW, "the window is not over yet"
    time.now += WINDOW / 2
    assert traffic.rate() == 9_000 / WINDOW
    time.now += WINDOW
    assert traffic.rate() == 0


async def test_what_was_long_ago_counts_no_more_when_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.traffic.WINDOW", 0.05)
    node = Node()
    await node.start()
    TRAFFIC.total += 1_000_000
    await asyncio.sleep(0.4)  # nobody asks meanwhile
    assert TRAFFIC.rate() == 0
    await node.stop()


async def test_tracks_that_are_being_opened_count_until_they_play(monkeypatch: pytest.MonkeyPatch) -> None:
    node, opened = Node(limits=Limits(sources=2)), asyncio.Event()
    await node.start()
    session = node.sessions.open(cast("Any", object()), 1)

    async def load(identifier: str) -> TrackInfo:
        await opened.wait()
        return TrackInfo(
            identifier=identifier, is_seekable=True, author="", length=1, is_stream=False, title="", source_name="http"
        )

    monkeypatch.setattr(node.sources, "load", load)

    def patched(guild: int, **patch: Any) -> asyncio.Task[Any]:
        body = PlayerPatch.model_validate(patch)
        return asyncio.create_task(node.update_player(session, guild, body, no_replace=False))

    tasks = [patched(guild, track={"identifier": "http://127.0.0.1:1/x"}) for guild in (1, 2, 3)]
    await asyncio.sleep(0.05)
    late = patched(4, track={"identifier": "http://127.0.0.1:1/x"})
    opened.set()
    answers = await asyncio.gather(*tasks, late, return_exceptions=True)
    assert [isinstance(answer, ApiError) for answer in answers] == [False, False, True, True]
    await patched(5, track={"encoded": None})
    await session.close()
    await node.stop()


def test_a_full_node_says_which_limit_it_is(time: Time) -> None:
    traffic = Traffic()
    gate = Gate(Limits(players=2, sources=3, bandwidth=10), traffic)
    gate.admit_player(1)
    gate.admit_source(2)
    with pytest.raises(ApiError, match="2 rooms") as full:
        gate.admit_player(2)
    assert full.value.status == 503
    with pytest.raises(ApiError, match="3 tracks"):
        gate.admit_source(3)
    traffic.total += 1_000
    with pytest.raises(ApiError, match="bandwidth"):
        gate.admit_player(0)
