"""Nodes listed and drained, as an operator types it, on each database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.config import Settings
from bot.nodes import drain, list_nodes, undrain
from tests.audio.fake_node import PASSWORD, FakeNode
from tests.waiting import free_port

Told = Callable[..., Awaitable[str]]


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with FakeNode() as node:
        yield node


@pytest.fixture
def told(
    node: FakeNode,
    database_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Told:
    """Calls what a command calls; what the operator is told."""
    here, gone = f"127.0.0.1:{node.port}", f"127.0.0.1:{free_port()}"
    nodes = f"builtin near=http://{PASSWORD}@{here}#rotterdam,us-east gone=http://{PASSWORD}@{gone} odd=http://x@{here}"
    for name, value in {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "LAVALINK_NODES": nodes}.items():
        monkeypatch.setenv(name, value)

    async def tell(command: Callable[..., Awaitable[None]], *words: str) -> str:
        try:
            await command(Settings(), *words)
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out.rstrip("\n")

    return tell


async def test_nodes_are_listed_with_how_they_are(told: Told) -> None:
    await told(drain, "near")
    assert (await told(list_nodes)).splitlines() == [
        "builtin: not reachable",
        "near: drained, up, 0 of 0 players play for rotterdam, us-east",
        "gone: not reachable",
        "odd: the password is refused",
    ]


async def test_a_node_is_drained_and_taken_back(told: Told) -> None:
    assert await told(drain, "gone") == "gone is drained: its rooms move to other nodes now."
    assert await told(drain, "gone") == "gone is drained already."
    assert await told(undrain, "gone") == "Rooms may come to gone again."
    assert await told(undrain, "gone") == "gone is not drained."
    assert await told(drain, "nix") == "There is no node 'nix', but builtin, near, gone, odd."
