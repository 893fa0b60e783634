"""The built-in node as a process: how it starts, tells where it is, and goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.contract.media_host import MediaHost
from tests.contract.node_client import NodeClient
from tests.contract.node_process import PASSWORD, ROOT, NodeProcess
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.builtin
GUILD = 5


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    started: list[NodeProcess] = []

    def start(*arguments: str, env: dict[str, str] | None = None) -> NodeProcess:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(NodeProcess(folder, *arguments, env=env))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def test_it_says_where_it_is_to_its_owner_alone(start: Callable[..., NodeProcess]) -> None:
    process = start()
    process.wait_ready()
    info = json.loads(process.info_file.read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(info) == {"pid", "started", "port", "password", "version"}
    assert (info["pid"], info["password"], info["version"]) == (process.process.pid, PASSWORD, project["version"])
    assert abs(info["started"] - time.time()) < 30
    assert stat.S_IMODE(process.info_file.stat().st_mode) == 0o600
    assert sorted(path.name for path in process.info_file.parent.iterdir()) == ["node.json", "node.log"]


@pytest.mark.heard  # alone on the machine
def test_it_is_up_soon(start: Callable[..., NodeProcess]) -> None:
    process = start()
    process.wait_ready()
    assert time.monotonic() - process.started < 3  # < 1 s on a quiet machine


def test_without_a_password_it_makes_one(tmp_path: Path) -> None:
    info_file = tmp_path / "node.json"
    command = [sys.executable, "-m", "lavalink", "--port", "0", "--info-file", str(info_file)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while not info_file.exists() and time.monotonic() < end:
            time.sleep(0.02)
        assert len(json.loads(info_file.read_text())["password"]) >= 24
    finally:
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_and_its_clients_are_told(
    start: Callable[..., NodeProcess], number: signal.Signals, media: MediaHost
) -> None:
    process = start()
    async with NodeClient(process.wait_ready()) as client:
        await client.connect()
        tap = {"id": "t", "type": "stream", "format": "opus"}
        await client.patch(GUILD, {"track": {"identifier": media.tone(440, 30)}, "chorus": {"taps": [tap]}})
        await client.read_tap(GUILD, "t", 5)
        began = time.monotonic()
        process.process.send_signal(number)
        assert await client.closed() == 1001
    assert process.process.wait(5) == 0
    assert time.monotonic() - began < 3
    assert not process.info_file.exists()


async def test_a_hanging_source_does_not_hold_up_the_end(start: Callable[..., NodeProcess], media: MediaHost) -> None:
    process = start()
    async with NodeClient(process.wait_ready()) as client:
        await client.connect()
        hanging = [asyncio.create_task(client.load(f"{media.url}/hang?{n}")) for n in range(4)]
        playing = asyncio.create_task(client.patch(GUILD, {"track": {"identifier": f"{media.url}/hang?p"}}))
        await until(lambda: media.requests.count("/hang") >= 5, what="hanging requests")
        began = time.monotonic()
        process.process.terminate()
        assert await asyncio.to_thread(process.process.wait, 10) == 0
        assert time.monotonic() - began < 5
        await asyncio.gather(*hanging, return_exceptions=True)
        await asyncio.gather(playing, return_exceptions=True)
    assert "Traceback" not in process.log.read_text(), process.log.read_text()


async def test_it_leaves_when_nobody_comes_back(start: Callable[..., NodeProcess]) -> None:
    process = start("--orphan-timeout", "1")
    async with NodeClient(process.wait_ready()) as client:
        await client.connect()
        await asyncio.sleep(1.5)
        assert process.process.poll() is None
        began = time.monotonic()
    assert process.process.wait(5) == 0
    assert 0.8 < time.monotonic() - began < 3


async def test_it_outlives_a_killed_client_that_comes_back(start: Callable[..., NodeProcess], media: MediaHost) -> None:
    process = start("--orphan-timeout", "20")
    address = process.wait_ready()
    async with NodeClient(address) as client, NodeClient(address) as again:
        await client.connect()
        await client.rest("PATCH", client.session_path, json={"resuming": True, "timeout": 60})
        await client.patch(GUILD, {"track": {"identifier": media.tone(440, 30)}})
        client.abort()  # as kill -9 does
        await again.connect(client.session_id)
        assert again.resumed_header == "true"
        assert (await again.player(GUILD))["track"] is not None


def test_a_taken_port_is_a_clear_error(start: Callable[..., NodeProcess]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start("--port", str(taken.getsockname()[1]))
        assert process.process.wait(10) == 1
    assert "node cannot start" in process.log.read_text()
    assert "Traceback" not in process.log.read_text()
    assert not process.info_file.exists()


@pytest.mark.parametrize("arguments", [["--password-env", "NOT_SET"], [], ["--port", "x"], ["--port", "65536"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NOT_SET"}
    command = [sys.executable, "-m", "lavalink", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert "65535" in done.stderr or "65536" not in arguments


async def test_with_an_origin_nothing_else_is_fetched(
    start: Callable[..., NodeProcess], media: MediaHost, tmp_path: Path
) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    process = start("--media-origin", media.url)
    async with NodeClient(process.wait_ready()) as client, MediaHost(other_folder) as other:
        await client.connect()
        assert (await client.load(media.tone(440, 1)))["loadType"] == "track"
        assert (await client.load(other.tone(440, 1)))["loadType"] == "error"
        assert other.requests == []


async def test_secrets_stay_out_of_the_log(start: Callable[..., NodeProcess], media: MediaHost) -> None:
    process = start()
    async with NodeClient(process.wait_ready()) as client:
        await client.connect()
        voice = {"token": "s3cret-token", "endpoint": "127.0.0.1:9", "sessionId": "s3cret-session", "channelId": "1"}
        await client.patch(GUILD, {"voice": voice})
        await client.patch(GUILD, {"track": {"identifier": f"{media.url}/broken.mp3?s3cret"}})
        await client.rest("GET", "/v4/info", password="s3cret-guess")
    process.stop()
    log = process.log.read_text()
    assert "s3cret" not in log
    assert PASSWORD not in log
