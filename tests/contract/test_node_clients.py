"""The clients that bots are written with drive a node, each a child process with packages of its own."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.contract.node_process import ROOT
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import Json, NodeAddress
    from tests.simulators.discord.channels import VoiceChannel

PYTHON = ROOT / ".venv/clients/bin/python"
SCRIPTS = Path(__file__).parent / "clients"
LATE = 12
"""Seconds that a change may take to be heard: a Java node has five of them decoded ahead."""


class Driven:
    """A client in its process; `session` is its session with the node."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process, self.log = process, log
        self.session = ""

    async def tell(self, line: object) -> Any:
        """Writes a line; the answer to it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        answer = await asyncio.wait_for(self.process.stdout.readline(), 20)
        assert answer, self.log.read_text()
        return json.loads(answer)

    async def do(self, what: str, *arguments: object) -> Any:
        """Has the client do something; it must not fail."""
        answer = await self.tell({"do": what, "with": arguments})
        assert not isinstance(answer, dict) or "failed" not in answer, (answer, self.log.read_text())
        return answer

    async def kill(self) -> None:
        """Ends it without a word, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


@asynccontextmanager
async def driven(script: str, settings: Json, folder: Path) -> AsyncGenerator[Driven]:
    """The client connected to Discord and to the node, until the block ends; what it said first is in `first`."""
    log = folder / f"{script}.log"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = (str(PYTHON), "-s", str(SCRIPTS / script))
    pipe = asyncio.subprocess.PIPE
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=errors
        )
    client = Driven(process, log)
    try:
        first = await client.tell(settings)
        assert first["version"].startswith("4.")
        assert first["resumed"] == (settings["session"] is not None)
        client.session = first["session"]
        yield client
    finally:
        await client.kill()


@pytest.mark.skipif(not PYTHON.exists(), reason="`make test` makes the clients' environment")
@pytest.mark.parametrize("script", ["drive_lavalink_py.py", "drive_mafic.py", "drive_pomice.py"])
async def test_a_client_connects_loads_plays_filters_and_resumes(
    script: str, node_address: NodeAddress, media: MediaHost, tmp_path: Path
) -> None:
    async with DiscordSimulator.start() as discord:
        channel = discord.guild("Guild").voice_channel("Music")
        node = urlsplit(node_address.url)
        settings: Json = {"api": discord.api_url, "gateway": discord.gateway_url, "token": discord.token}
        settings["node"] = {"host": node.hostname, "port": node.port, "password": node_address.password}
        settings["session"] = None
        async with driven(script, settings, tmp_path) as client:
            await load_and_play(client, channel, media)
            await control(client, channel, media)
            await client.kill()
        settings["session"] = client.session
        async with driven(script, settings, tmp_path) as client:
            await take_up(client, channel)


async def load_and_play(client: Driven, channel: VoiceChannel, media: MediaHost) -> None:
    found = await client.do("load", media.tone(440, 60))
    assert found["title"]
    assert found["length"] == pytest.approx(60_000, abs=50)
    assert await client.do("load", f"{media.url}/nothing") is None
    assert "failed" in await client.tell({"do": "load", "with": [f"{media.url}/broken.mp3"]})
    await client.do("join", channel.id)
    await until(lambda: channel.bot_session, what="the node in the channel")
    await client.do("play", media.tone(440, 60))
    await channel.heard(440)
    assert await client.do("events_so_far") == ["start"]


async def control(client: Driven, channel: VoiceChannel, media: MediaHost) -> None:
    await client.do("mix", 0.25)
    await until(lambda: channel.level() == pytest.approx(-24, abs=1.5), within=LATE, what="a quarter of each ear")
    await client.do("unfiltered")
    await until(lambda: channel.level() == pytest.approx(-12, abs=1.5), within=LATE, what="all of each ear")
    await client.do("pause", True)
    await channel.silent(seconds=0.3)
    await client.do("pause", False)
    await client.do("seek", 40_000)
    await client.do("volume", 50)
    await until(lambda: channel.level() == pytest.approx(-18, abs=1.5), what="half the volume")
    await until(lambda: beyond(client, 40_000), what="the new position")
    await client.do("play", media.tone(660, 60))
    await channel.heard(660)
    assert await client.do("events_so_far") == ["start", "end replaced", "start"]


async def beyond(client: Driven, position: int) -> bool:
    return await client.do("position") >= position


async def take_up(client: Driven, channel: VoiceChannel) -> None:
    """The client was killed and is back: the music never stopped, and obeys it."""
    played = channel.arrivals()
    assert max(b - a for a, b in zip(played[-100:], played[-99:], strict=False)) < 1
    await channel.heard(660)
    await client.do("pause", True)
    await channel.silent(seconds=0.3)
    await client.do("pause", False)
    await channel.heard(660)
    await client.do("leave")
    await until(lambda: channel.bot_session is None, what="the bot left")
