"""A node of several processes: where players live, and what becomes of them when one of the processes goes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.media_host import MediaHost
from tests.contract.node_client import NodeClient
from tests.contract.node_process import NodeProcess
from tests.waiting import crowding, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.heard
ROOMS: tuple[int, ...] = (1, 2, 3, 4)
TAP = {"id": "t", "type": "stream", "format": "opus"}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[NodeProcess]:
    process = NodeProcess(tmp_path, "--processes", "2")
    yield process
    process.stop()


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[MediaHost]:
    folder = tmp_path / "media"
    folder.mkdir()
    async with MediaHost(folder) as host:
        yield host


def children(process: NodeProcess) -> list[int]:
    """The processes behind the port."""
    found = Path(f"/proc/{process.process.pid}/task/{process.process.pid}/children").read_text().split()
    return [int(pid) for pid in found]


def listening(process: NodeProcess) -> int:
    """How often one of them has come up."""
    return process.log.read_text().count("'process listens'")


async def playing(process: NodeProcess, node: NodeClient, media: MediaHost) -> None:
    """A tone is heard in every room."""
    await until(lambda: listening(process) == 2, within=30, what="both listen")
    await node.connect()
    for room in ROOMS:
        answer = await node.patch(room, {"track": {"identifier": media.tone(440, 60)}, "chorus": {"taps": [TAP]}})
        assert answer.status == 200, answer
    for room in ROOMS:
        await node.read_tap(room, "t", 5)


def lost(node: NodeClient) -> set[int]:
    """The rooms whose player was reported to be gone."""
    return {
        int(message["guildId"])
        for message in node.messages
        if message.get("type") == "TrackEndEvent" and message["reason"] == "cleanup"
    }


async def lives(node: NodeClient, rooms: set[int]) -> None:
    """These play on, the others are no more."""
    assert {int(player["guildId"]) for player in (await node.rest("GET", f"{node.session_path}/players")).json} == rooms
    for room in ROOMS:
        assert (await node.rest("GET", node.player_path(room))).status == (200 if room in rooms else 404)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_one_that_dies_or_freezes_takes_its_own_players_alone_and_is_replaced(
    process: NodeProcess, media: MediaHost, number: signal.Signals
) -> None:
    async with NodeClient(process.wait_ready(within=30)) as node:
        await playing(process, node, media)
        victim = children(process)[0]
        others = asyncio.create_task(_read_all(node))
        began = time.monotonic()
        os.kill(victim, number)
        async with asyncio.timeout(2 * crowding()):  # clients take the node for dead without it
            assert (await node.rest("GET", "/version")).status == 200
        await until(lambda: len(lost(node)) == 2, within=10, what="two players are reported")
        assert time.monotonic() - began < (3 if number is signal.SIGKILL else 10)
        gone = lost(node)
        await lives(node, set(ROOMS) - gone)
        update = [m for m in node.messages if m["op"] == "playerUpdate" and int(m["guildId"]) in gone][-1]
        assert update["state"]["connected"] is False
        for room in gone:
            patch = {"track": {"identifier": media.tone(440, 60)}, "position": 5_000, "chorus": {"taps": [TAP]}}
            assert (await node.patch(room, patch)).status == 200
            await node.read_tap(room, "t", 5)
        gaps = await others
        assert {room for room, gap in gaps.items() if gap > 0.5} <= gone, "who lived elsewhere heard nothing of it"
        await until(lambda: listening(process) == 3, within=30, what="another one comes up")
        assert victim not in children(process)
        assert len(children(process)) == 2
        await lives(node, set(ROOMS))


async def _read_all(node: NodeClient) -> dict[int, float]:
    """The longest pause in each room's tap while two seconds of packets come, or for as long as it lives."""

    async def longest(room: int) -> float:
        gap, before = 0.0, time.monotonic()
        url = f"{node.address.url}{node.player_path(room)}/taps/t"
        async with node.http.get(url, headers={"Authorization": node.address.password}) as tap:
            try:
                async for _ in tap.content.iter_any():
                    now = time.monotonic()
                    gap, before, ended = max(gap, now - before), now, now - began > 2
                    if ended:
                        break
            except OSError:
                return 99.0
            except Exception:  # noqa: BLE001 - however the tap of a lost player ends
                return 99.0
        return gap

    began = time.monotonic()
    return dict(zip(ROOMS, await asyncio.gather(*map(longest, ROOMS)), strict=True))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_when_the_front_goes_all_go(process: NodeProcess, media: MediaHost, number: signal.Signals) -> None:
    async with NodeClient(process.wait_ready(within=30)) as node:
        await playing(process, node, media)
        pids = children(process)
        process.process.send_signal(number)
        await until(lambda: process.process.poll() is not None, within=5)
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), within=5, what="all are gone")
    if number is signal.SIGTERM:
        assert process.process.returncode == 0
        assert node.close_code == 1001
        assert not process.info_file.exists()


async def test_the_load_is_that_of_all(process: NodeProcess, media: MediaHost) -> None:
    async with NodeClient(process.wait_ready(within=30)) as node:
        await playing(process, node, media)
        stats = (await node.rest("GET", "/v4/stats")).json
        assert (stats["players"], stats["playingPlayers"]) == (4, 4)
        assert stats["memory"]["used"] > sum(_resident(pid) for pid in children(process)) * 0.9
        await node.patch(1, {"paused": True})
        await node.rest("DELETE", node.player_path(2))
        stats = (await node.rest("GET", "/v4/stats")).json
        assert (stats["players"], stats["playingPlayers"]) == (3, 2)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_session_left_for_good_leaves_nothing_behind(process: NodeProcess, media: MediaHost) -> None:
    async with NodeClient(process.wait_ready(within=30)) as node:
        await playing(process, node, media)
        await node.hang_up()
        await node.connect()

        async def empty() -> bool:
            return (await node.rest("GET", "/v4/stats")).json["players"] == 0

        await until(empty, what="all players have ended")


async def test_refused_requests_make_no_players(process: NodeProcess) -> None:
    async with NodeClient(process.wait_ready(within=30)) as node:
        await node.connect()
        for room in range(100, 110):
            assert (await node.patch(room, {"volume": "loud"})).status == 400
        assert (await node.rest("GET", node.player_path(100))).status == 404
        assert (await node.rest("GET", f"{node.session_path}/players")).json == []
