"""The built-in node as a child: started, watched, adopted, replaced, ended."""

import asyncio
import errno
import json
import os
import signal
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from audio.managed import ManagedNode, NodeInfo
from tests.waiting import until

Make = Callable[..., ManagedNode]
ORIGIN = "http://127.0.0.1:8080"


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Nodes in one data folder; all are ended, also those that were left."""
    made: list[ManagedNode] = []

    def make(*, origins: tuple[str, ...] = (ORIGIN,), leave: bool = False) -> ManagedNode:
        made.append(ManagedNode(tmp_path / "data", media_origins=origins, leave=leave))
        return made[-1]

    yield make
    for node in made:
        node.leave = False
        await node.stop()


def pid(node: ManagedNode) -> int:
    assert node.info is not None
    return node.info.pid


async def alive(info: NodeInfo | None) -> bool:
    """Whether it answers to its password."""
    assert info is not None
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{info.uri}/version", headers={"Authorization": info.password}) as answer,
        ):
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def crash(node: ManagedNode) -> None:
    """The bot's side is gone, the node is not."""
    assert node._watcher is not None
    node._watcher.cancel()


def read(path: str) -> str:
    return Path(path).read_text()


async def test_it_starts_in_a_session_of_its_own_with_a_file_for_its_owner(make: Make, tmp_path: Path) -> None:
    node = make()
    await node.start()
    file = tmp_path / "data" / "node.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == asdict(node.info) if node.info else False
    assert os.getsid(pid(node)) == pid(node)
    assert await alive(node.info)


async def test_stopping_ends_it(make: Make, tmp_path: Path) -> None:
    node = make()
    await node.start()
    await node.stop()
    assert not await alive(node.info)
    assert not (tmp_path / "data" / "node.json").exists()


async def test_none_of_our_secrets_is_passed_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "very-secret")
    node = make()
    await node.start()
    assert "very-secret" not in read(f"/proc/{pid(node)}/environ")
    assert node.info is not None
    assert node.info.password not in read(f"/proc/{pid(node)}/cmdline")


async def test_one_that_dies_is_started_again_and_the_new_address_is_told(make: Make) -> None:
    node = make()
    told: list[NodeInfo] = []
    node.moved = told.append
    await node.start()
    os.kill(pid(node), signal.SIGKILL)
    await until(lambda: len(told) == 2)
    assert told[1].pid != told[0].pid
    assert await alive(node.info)


async def test_when_no_process_can_be_started_it_is_tried_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.managed.BACK_OFF", (0.0, 0.1))
    node, start, refused = make(), asyncio.create_subprocess_exec, list[int]()
    await node.start()

    async def scarce(*command: str, **options: Any) -> asyncio.subprocess.Process:
        if len(refused) < 3:
            refused.append(1)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return await start(*command, **options)

    monkeypatch.setattr("audio.managed.asyncio.create_subprocess_exec", scarce)
    before = pid(node)
    os.kill(before, signal.SIGKILL)
    await until(lambda: pid(node) != before)
    assert len(refused) == 3
    assert await alive(node.info)


async def test_one_that_outlived_us_is_adopted(make: Make) -> None:
    first = make()
    await first.start()
    crash(first)
    second = make()
    await second.start()
    assert second.info == first.info
    os.kill(pid(second), signal.SIGKILL)
    await until(lambda: pid(second) != pid(first), what="an adopted one is watched too")


async def test_one_may_be_left_for_the_next_start(make: Make) -> None:
    first = make(leave=True)
    await first.start()
    await first.stop()
    assert await alive(first.info)
    second = make()
    await second.start()
    assert second.info == first.info


async def test_another_version_is_replaced_by_the_new_one_first(make: Make, tmp_path: Path) -> None:
    first = make()
    await first.start()
    assert first.info is not None
    file = tmp_path / "data" / "node.json"
    file.write_text(json.dumps(asdict(replace(first.info, version="0.0.1"))))
    crash(first)
    second = make()
    told: list[NodeInfo] = []
    second.moved = told.append
    await second.start()
    assert [info.pid for info in told] == [pid(first), pid(second)]
    assert second.retiring
    assert await alive(first.info)
    assert await alive(second.info)
    await second.retire()
    assert not await alive(first.info)


async def test_one_for_other_media_is_replaced(make: Make) -> None:
    first = make()
    await first.start()
    crash(first)
    second = make(origins=("http://127.0.0.1:9999",))
    await second.start()
    assert pid(second) != pid(first)


@pytest.mark.parametrize("content", ["", "{}", "nonsense", '{"pid": 1, "started": 0, "port": 1}'])
async def test_a_file_that_says_nothing_is_ignored(make: Make, tmp_path: Path, content: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "node.json").write_text(content)
    node = make()
    await node.start()
    assert await alive(node.info)


async def test_a_process_that_took_the_number_of_a_dead_node_is_left_alone(make: Make, tmp_path: Path) -> None:
    other = await asyncio.create_subprocess_exec("sleep", "60")
    (tmp_path / "data").mkdir()
    stale = NodeInfo(other.pid, 1_000_000_000.0, 1, "x", "0.1.0")
    (tmp_path / "data" / "node.json").write_text(json.dumps(asdict(stale)))
    node = make()
    await node.start()
    await node.stop()
    assert other.returncode is None
    other.kill()
    await other.wait()


async def test_a_frozen_one_that_outlived_us_makes_room(make: Make) -> None:
    first = make()
    await first.start()
    os.kill(pid(first), signal.SIGSTOP)
    crash(first)
    second = make()
    await second.start()
    assert pid(second) != pid(first)
    assert first._child is not None
    await asyncio.wait_for(first._child.wait(), 3)
