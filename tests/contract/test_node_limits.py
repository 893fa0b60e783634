"""What a node takes on at most: what is too much is refused in words, what plays is left alone."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests import sound
from tests.contract.media_host import MediaHost
from tests.contract.node_client import Answer, NodeAddress, NodeClient
from tests.contract.node_process import PASSWORD, ROOT, NodeProcess
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

ROOMY = 16 << 20
"""Bytes more than a node takes at rest."""
TAP = {"id": "t", "type": "stream", "format": "opus"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., NodeAddress]]:
    started: list[NodeProcess] = []

    def start(*arguments: str) -> NodeAddress:
        folder = tmp_path / f"node{len(started)}"
        folder.mkdir()
        started.append(NodeProcess(folder, *arguments))
        return started[-1].wait_ready(within=30)

    yield start
    for process in started:
        assert process.stop() == 0


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[MediaHost]:
    folder = tmp_path / "media"
    folder.mkdir()
    async with MediaHost(folder) as host:
        yield host


async def play(node: NodeClient, media: MediaHost, room: int) -> Answer:
    """A tone, and a tap to hear it by."""
    return await node.patch(room, {"track": {"identifier": media.tone(440, 60)}, "chorus": {"taps": [TAP]}})


async def heard(node: NodeClient, room: int) -> None:
    pcm = sound.mono(sound.decode(await node.read_tap(room, "t", 25)))
    assert sound.frequency(pcm[sound.FRAME * 5 :]) == pytest.approx(440, abs=5)


def refused(answer: Answer, words: str) -> bool:
    """By Lavalink's error body, in words."""
    body = answer.json
    assert set(body) == {"timestamp", "status", "error", "message", "path"}
    return answer.status == body["status"] == 503 and words in body["message"]


@pytest.mark.parametrize("several", [(), ("--processes", "2")])
async def test_players(start: Callable[..., NodeAddress], media: MediaHost, several: tuple[str, ...]) -> None:
    async with NodeClient(start("--max-players", "3", *several)) as node:
        await node.connect()
        for room in (1, 2, 3):
            assert (await play(node, media, room)).status == 200
        assert refused(await play(node, media, 4), "full")
        assert (await node.rest("GET", node.player_path(4))).status == 404
        assert (await node.patch(2, {"volume": 50})).status == 200
        await heard(node, 1)
        await node.rest("DELETE", node.player_path(1))
        assert (await play(node, media, 4)).status == 200


async def test_sources(start: Callable[..., NodeAddress], media: MediaHost) -> None:
    async with NodeClient(start("--max-sources", "1")) as node:
        await node.connect()
        assert (await play(node, media, 1)).status == 200
        assert refused(await play(node, media, 2), "1 tracks are open")
        assert (await play(node, media, 1)).status == 200, "what plays may go on to another track"
        await heard(node, 1)
        await node.patch(1, {"track": {"encoded": None}})
        assert (await play(node, media, 2)).status == 200


async def test_memory(start: Callable[..., NodeAddress], media: MediaHost) -> None:
    async with NodeClient(start("--memory-limit", "10M")) as node:
        await node.connect()
        assert refused(await play(node, media, 1), "MB of memory")
        assert (await node.load(media.tone(440, 2)))["loadType"] == "track"


@pytest.mark.heard
async def test_at_its_memory_limit_what_plays_is_untouched(start: Callable[..., NodeAddress], media: MediaHost) -> None:
    pid = start().pid
    assert pid is not None
    process, looks = psutil.Process(pid), [0]

    def at_rest() -> bool:  # it loads some of itself after it listens
        looks.append(process.memory_info().rss)
        return looks[-1] == looks[-2]

    await until(at_rest, within=30, every=1, what="the node rests")
    async with NodeClient(start("--memory-limit", str(looks[-1] + ROOMY))) as node:
        await node.connect()
        rooms = list[int]()

        async def full() -> bool:
            answer = await play(node, media, len(rooms) + 1)
            if answer.status != 200:
                return refused(answer, "MB of memory")
            rooms.append(len(rooms) + 1)
            return False

        await until(full, within=40, every=0.2, what="a refusal")
        assert len(rooms) > 1
        assert (await node.rest("GET", node.player_path(len(rooms) + 1))).status == 404
        for room in rooms:
            track = {"identifier": media.tone(440, 30)}
            assert (await node.patch(room, {"track": track, "position": 1_000, "volume": 50})).status == 200
        await asyncio.gather(*(heard(node, room) for room in rooms))
        assert refused(await play(node, media, len(rooms) + 1), "MB of memory")
        assert "TrackExceptionEvent" not in node.events()


@pytest.mark.heard
async def test_bandwidth(start: Callable[..., NodeAddress], media: MediaHost) -> None:
    async with NodeClient(start("--max-bandwidth", "50K")) as node:
        await node.connect()
        assert (await play(node, media, 1)).status == 200

        async def full() -> bool:  # a WAV file takes four times as much
            answer = await play(node, media, 2)
            await node.rest("DELETE", node.player_path(2))
            return answer.status != 200 and refused(answer, "bandwidth")

        await until(full, within=15, every=0.5, what="a refusal")
        await heard(node, 1)


@pytest.mark.parametrize(
    "arguments",
    [["--host", "0.0.0.0", "--info-file", "x"], ["--host", "::", "--info-file", "x"], ["--max-players", "0"]],
)
def test_what_it_does_not_start_with(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "lavalink", "--port", "0", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert ("password" if "--host" in arguments else "above 0") in done.stderr


async def test_a_full_disk(tmp_path: Path, media: MediaHost) -> None:
    """No file may grow: neither node.json nor the log can be written, and the music plays."""
    info_file, log = tmp_path / "node.json", tmp_path / "node.log"
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    command = [sys.executable, "-m", "lavalink", "--port", "0", "--password-env", "NODE_PASSWORD", "--announce"]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("prlimit", "--fsize=0:", *command, "--info-file", str(info_file)),
            cwd=ROOT,
            env={"NODE_PASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
    try:
        assert process.stdout is not None
        port = json.loads(await process.stdout.readline())["port"]
        async with NodeClient(NodeAddress(f"http://127.0.0.1:{port}", PASSWORD, chorus=True)) as node:
            await node.connect()
            assert (await play(node, media, 1)).status == 200
            await heard(node, 1)
            assert not info_file.exists()
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            await until(info_file.exists, within=5, what="the file, now that there is room")
            assert json.loads(info_file.read_text())["port"] == port
    finally:
        process.terminate()
        assert await process.wait() == 0
