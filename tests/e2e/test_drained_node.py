"""A node drained by the command line while a guild listens: the bot notices, and the music goes on elsewhere."""

import os
import sys
import time
from asyncio import create_subprocess_exec, subprocess
from pathlib import Path

import pytest

from tests.contract.node_process import NodeProcess
from tests.e2e.product import ROOT
from tests.e2e.world import LONG, World, staged
from tests.simulators.discord.certificates import authority
from tests.waiting import until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(90)]


async def bot(world: World, *words: str) -> str:
    """What `python -m bot …` says, with the running product's settings."""
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(world.chorus.data), **world.chorus.env}
    child = await create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words), cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await child.communicate()
    assert child.returncode == 0, said.decode()
    return said.decode()


async def test_it_is_left_and_taken_back(tmp_path: Path, library: Path) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    second = NodeProcess(folder, env={"SSL_CERT_FILE": str(authority().ca_file)})
    try:
        address = second.wait_ready(within=30)
        nodes = f"builtin second={address.url.replace('//', f'//:{address.password}@')}"
        async with staged(tmp_path / "data", library, {"LAVALINK_NODES": nodes}) as stage:
            stage.secrets.append(address.password)
            world = await stage.guild()
            await bot(world, "nodes", "drain", "second")
            assert "second: drained, up, 0 of 0 players play" in await bot(world, "nodes", "list")
            await until(lambda: stage.chorus.logs(event="nodes drained"), within=5)
            await world.start_long(world.people[0])
            assert "first packet" not in second.log.read_text()
            await bot(world, "nodes", "undrain", "second")
            before, session = time.monotonic(), world.music.bot_session
            await bot(world, "nodes", "drain", "builtin")
            await until(
                lambda: world.music.bot_session is not session, within=10, what="another node is in the channel"
            )
            await world.music.heard(LONG)
            assert "first packet" in second.log.read_text()
            assert not world.music.gaps(before, longer_than=0.6)
            assert "second: up, 1 of 1 players play" in await bot(world, "nodes", "list")
    finally:
        second.stop()
