"""Which nodes there are, and which of them is best."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from audio.managed import ManagedNode
from audio.node import Health, Node, NodeAddress
from audio.nodes import Nodes, NodeSettingError, parse_nodes
from audio.session_book import SessionBook
from tests.audio.fake_node import PASSWORD, FakeNode
from tests.audio.session_rows import FakeNodeSessions, Rows
from tests.waiting import free_port, until


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def node_up(self, node: Node, players: dict[int, dict[str, Any]]) -> None:
        self.told.append(("up", node.name))

    def node_down(self, node: Node) -> None:
        self.told.append(("down", node.name))

    def node_event(self, node: Node, kind: str, payload: Any) -> None:
        self.told.append((kind, node.name))


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    async with FakeNode() as node:
        yield node


@pytest.fixture
def rows() -> Rows:
    return Rows()


def fleet(*addresses: NodeAddress, rows: Rows | None = None, user_id: int = 1) -> tuple[Nodes, Listener]:
    book = SessionBook(FakeNodeSessions(rows or Rows()))
    nodes = Nodes(addresses, managed=None, sessions=book, user_id=user_id)
    nodes.listener = listener = Listener()
    return nodes, listener


def test_the_setting_names_nodes_and_the_builtin_one() -> None:
    assert parse_nodes("") == (True, [])
    assert parse_nodes("builtin") == (True, [])
    one = NodeAddress("a", "http://host:2333", "pw")
    assert parse_nodes("a=http://pw@host:2333") == (False, [one])
    assert parse_nodes("a=http://pw@host builtin") == (True, [one])
    assert parse_nodes("b=https://user:pw@[::1]") == (False, [NodeAddress("b", "https://[::1]:443", "pw")])


def test_a_node_may_be_for_some_regions() -> None:
    _, (node,) = parse_nodes("eu=http://p@h:1#rotterdam,fra")
    assert (node.uri, node.password, node.regions) == ("http://h:1", "p", ("rotterdam", "fra"))


def test_any_password_can_be_written() -> None:
    assert parse_nodes("a=http://p%40ss%23%2F%25@host:1") == (False, [NodeAddress("a", "http://host:1", "p@ss#/%")])


@pytest.mark.parametrize(
    "setting",
    [
        *("a", "a=", "=http://x@h", "a=ftp://x@h", "a=http://x@h a=http://y@i", "a=http://x@h:99999"),
        *("a=http://h:x@", "a=http://x@[::1", "a=ftp://x@h:21", "builtin=http://x@h"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_without_its_password(setting: str) -> None:
    with pytest.raises(NodeSettingError) as error:
        parse_nodes(setting)
    assert "x@" not in str(error.value)


async def test_an_unreachable_node_blocks_neither_the_start_nor_the_others(fake: FakeNode) -> None:
    dead = NodeAddress("dead", f"http://127.0.0.1:{free_port()}", "x")
    nodes, listener = fleet(dead, NodeAddress("alive", fake.uri, PASSWORD))
    async with asyncio.timeout(1):
        await nodes.start()
    await until(lambda: ("up", "alive") in listener.told)
    await until(lambda: nodes.status() == {"dead": "unreachable", "alive": "up"})
    best = nodes.best()
    assert best is not None
    assert best.name == "alive"
    await nodes.stop()


async def test_a_node_that_comes_later_is_found() -> None:
    port = free_port()
    nodes, listener = fleet(NodeAddress("late", f"http://127.0.0.1:{port}", PASSWORD))
    await nodes.start()
    await until(lambda: nodes.status() == {"late": "unreachable"})
    async with FakeNode(port):
        await until(lambda: ("up", "late") in listener.told)
        await nodes.stop()


async def test_a_wrong_password_is_told(fake: FakeNode) -> None:
    nodes, _ = fleet(NodeAddress("n", fake.uri, "wrong"))
    await nodes.start()
    await until(lambda: nodes.status() == {"n": "wrong password"})
    await nodes.stop()


async def test_a_session_outlives_the_process(fake: FakeNode, rows: Rows) -> None:
    address = NodeAddress("n", fake.uri, PASSWORD)
    for _ in range(2):
        nodes, listener = fleet(address, rows=rows)
        await nodes.start()
        await until(lambda told=listener.told: ("up", "n") in told)
        await nodes.stop(leave=True)
    assert fake.resumed == [None, "s1"]
    assert rows.sessions == {("one", "n"): (fake.uri, "s1")}


async def test_a_store_that_is_away_costs_no_more_than_the_session(fake: FakeNode, rows: Rows) -> None:
    rows.away = True
    nodes, listener = fleet(NodeAddress("n", fake.uri, PASSWORD), rows=rows)
    await nodes.start()
    await until(lambda: ("up", "n") in listener.told)
    await nodes.stop()
    assert fake.resumed == [None]


@pytest.mark.parametrize("heir", ["one", "three"])
async def test_the_session_of_another_instance_is_resumed_by_its_heir_alone(
    fake: FakeNode, rows: Rows, heir: str
) -> None:
    rows.sessions["two", "n"] = fake.uri, "s2"
    rows.heirs["two"] = heir
    nodes, listener = fleet(NodeAddress("n", fake.uri, PASSWORD), rows=rows)
    await nodes.start()
    await until(lambda: ("up", "n") in listener.told)
    await nodes.stop()
    assert fake.resumed == (["s2"] if heir == "one" else [None])
    assert ("two", "n") in rows.sessions or heir == "one"


async def test_a_node_at_another_address_gets_no_session_of_the_former(fake: FakeNode, rows: Rows) -> None:
    rows.sessions["one", "n"] = "http://127.0.0.1:1", "old"
    nodes, listener = fleet(NodeAddress("n", fake.uri, PASSWORD), rows=rows)
    await nodes.start()
    await until(lambda: ("up", "n") in listener.told)
    assert fake.resumed == [None]
    await nodes.stop()


async def test_another_account_connects_anew_without_the_old_session(fake: FakeNode) -> None:
    nodes, listener = fleet(NodeAddress("n", fake.uri, PASSWORD))
    await nodes.start()
    await until(lambda: ("up", "n") in listener.told)
    await nodes.be(1)
    assert len(fake.sockets) == 1
    await nodes.be(42)
    await until(lambda: listener.told.count(("up", "n")) == 2)
    assert fake.users == ["1", "42"]
    assert fake.resumed == [None, None]
    await nodes.stop()


async def test_the_less_busy_node_is_chosen_and_own_placements_count(fake: FakeNode) -> None:
    async with FakeNode() as other:
        other.plugins = []
        addresses = NodeAddress("a", fake.uri, PASSWORD), NodeAddress("b", other.uri, PASSWORD)
        nodes, listener = fleet(*addresses)
        await nodes.start()
        await until(lambda: {("up", "a"), ("up", "b")} <= set(listener.told))
        a, b = nodes.get("a"), nodes.get("b")
        assert a is not None
        assert b is not None
        for player in range(5):
            await b.patch(player, {"track": {"encoded": None}})  # to stop something is no load
        for player in range(3):
            await a.patch(player, {"track": {"identifier": "x", "userData": {}}})
        assert nodes.best() is b
        assert nodes.best(chorus=True) is a, "only that one has the extension"
        a.draining = True
        assert nodes.best(chorus=True) is b
        await nodes.stop()


async def test_a_node_that_does_not_answer_is_down_in_time(fake: FakeNode) -> None:
    nodes, listener = fleet(NodeAddress("n", fake.uri, PASSWORD))
    await nodes.start()
    await until(lambda: ("up", "n") in listener.told)
    fake.go.clear()
    await until(lambda: ("down", "n") in listener.told, within=5.5)
    fake.go.set()
    await until(lambda: listener.told.count(("up", "n")) == 2, within=5)
    await nodes.stop()


async def test_a_node_that_takes_us_back_at_once_was_never_down(fake: FakeNode) -> None:
    nodes, listener = fleet(NodeAddress("n", fake.uri, PASSWORD))
    await nodes.start()
    await until(lambda: ("up", "n") in listener.told)
    fake.abort()
    await until(lambda: listener.told.count(("up", "n")) == 2)
    await asyncio.sleep(0.2)
    assert ("down", "n") not in listener.told
    node = nodes.get("n")
    assert node is not None
    assert node.health is Health.UP
    await nodes.stop()


async def test_a_built_in_node_that_cannot_start_does_not_keep_the_rest_from_it(
    fake: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.nodes.RETRY_START", 0.1)
    managed = ManagedNode(tmp_path, media_origins=[])
    with monkeypatch.context() as patch:
        patch.setattr(managed, "_command", lambda: ["false"])
        nodes = Nodes(
            [NodeAddress("other", fake.uri, PASSWORD)],
            managed=managed,
            sessions=SessionBook(FakeNodeSessions(Rows())),
            user_id=1,
        )
        nodes.listener = listener = Listener()
        await nodes.start()
        await until(lambda: ("up", "other") in listener.told)
        assert nodes.get("builtin") is None
    await until(lambda: ("up", "builtin") in listener.told)
    await nodes.stop()
