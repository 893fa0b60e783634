"""The only node goes away and comes back: the now-playing message says so at once, not at the next look."""

from pathlib import Path

import pytest

from tests.audio.fake_node import PASSWORD, FakeNode
from tests.e2e.world import staged
from tests.waiting import free_port, until

SOON = 6.0
"""Seconds: three of them are what lies between two edits of a message."""


@pytest.mark.heard
async def test_who_looks_at_a_room_sees_that_its_node_is_away(tmp_path: Path, library: Path) -> None:
    node = FakeNode(free_port())
    nodes = {"LAVALINK_NODES": f"own=http://:{PASSWORD}@127.0.0.1:{node.port}"}
    async with node, staged(tmp_path / "data", library, nodes) as stage:
        world = await stage.guild()
        await until(lambda: node.sockets, what="the node is in use")
        await world.play(world.people[0], "Long")
        await until(lambda: node.patches)
        panel = await world.shown()
        assert "The sound is away" not in panel.text
        await node.__aexit__()
        await until(lambda: "The sound is away" in world.panel().text, within=SOON)
        async with FakeNode(node.port):
            await until(lambda: "The sound is away" not in world.panel().text, within=SOON + 5)
