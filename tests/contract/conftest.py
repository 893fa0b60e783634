"""A node under test: ours as one child process and as several, and a Java Lavalink when LAVALINK_URL names one.

The Java node has to trust the voice server's authority, which is kept in the folder VOICE_CA then, and to send player
updates every second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.media_host import MediaHost
from tests.contract.node_client import NodeAddress, NodeClient, java_lavalink
from tests.contract.node_process import NodeProcess
from tests.contract.room import Room
from tests.simulators.discord.certificates import authority
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def node_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeAddress]:
    if request.param == "java":
        address = java_lavalink()
        assert address is not None
        yield address
        return
    options = ["--processes", "2"] if request.param == "processes" else []
    process = NodeProcess(tmp_path_factory.mktemp("node"), *options, env={"SSL_CERT_FILE": str(authority().ca_file)})
    try:
        yield process.wait_ready(within=30)
    finally:
        assert process.stop() == 0, process.log.read_text()
        assert "Traceback" not in process.log.read_text(), process.log.read_text()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every contract test runs on each kind of node; those marked `builtin` on ours alone."""
    if "node_address" in metafunc.fixturenames:
        ours_alone = metafunc.definition.get_closest_marker("builtin") is not None
        java = ["java"] if java_lavalink() and not ours_alone else []
        metafunc.parametrize("node_address", ["builtin", "processes", *java], indirect=True, scope="session")


@pytest.fixture
async def node(node_address: NodeAddress) -> AsyncIterator[NodeClient]:
    """A client with a fresh session."""
    async with NodeClient(node_address) as client:
        yield await client.connect()


@pytest.fixture
def dave() -> int:
    """The channels' version of end-to-end encryption."""
    return 0


@pytest.fixture
async def room(node_address: NodeAddress, dave: int) -> AsyncIterator[Room]:
    """A voice channel, and a client with a fresh session for it."""
    async with (
        DiscordSimulator.start(dave=dave) as discord,
        NodeClient(node_address, user_id=discord.bot.id) as node,
    ):
        await node.connect()
        guild = discord.guild("Guild")
        yield Room(discord, guild, guild.voice_channel("Music"), node)
        for guild_id in discord.guilds:
            await node.rest("DELETE", node.player_path(guild_id))
        connections = discord.voice.connections
        await until(lambda: not any(connection.open for connection in connections), what="the node has left")


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[MediaHost]:
    async with MediaHost(tmp_path) as host:
        yield host


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "builtin: what the built-in node has and a Java Lavalink has not")
