"""A source that only the operator's node offers, from the command to that node."""

from pathlib import Path

from tests.audio.fake_node import PASSWORD, FakeNode, track
from tests.e2e.world import staged
from tests.waiting import until

LINK = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"


async def test_a_search_is_answered_and_played_by_the_node_that_offers_it(tmp_path: Path, library: Path) -> None:
    async with FakeNode() as node:
        node.managers, node.plugins = ["http", "youtube"], []
        found = track({})
        found["info"] |= {"title": "Never", "uri": LINK, "sourceName": "youtube"}
        node.answers["ytsearch:never"] = {"loadType": "search", "data": [found]}
        nodes = {"LAVALINK_NODES": f"own=http://:{PASSWORD}@127.0.0.1:{node.port} builtin"}
        async with staged(tmp_path / "data", library, nodes) as stage:
            world = await stage.guild()
            await until(lambda: node.sockets, what="the node is in use")
            await world.play(world.people[0], "Long")
            await world.said(world.people[0], "play", query="ytsearch:never")
            assert "Never" in await world.queue()
            await world.said(world.guild.owner, "skip")
            asked = await until(
                lambda: [body["track"] for body in node.patches if body.get("track", {}).get("identifier") == LINK]
            )
            assert asked[0]["userData"]["room"]
